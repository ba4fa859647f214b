"""The report as one HTML file that opens in a browser without a network: page.html, filled in.

Every text from the data is escaped; the page's own policy forbids scripts and whatever would be loaded.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from importlib.resources import files
from string import Template
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flatten.report.answers import Answers, Plain
from flatten.report.charts import bars, line

QUIET_HOURS = 24
_MOST, _LONGEST = 100, 6
_USUAL = ("PERMISSION", "COMPATIBILITY", "VEHICLE_STATE")
"""Types of errors that are shown by themselves, or that no one can fix: the car cannot, or not now."""
_HOUR, _SILENCE = timedelta(hours=1), timedelta(hours=4)


def page(answers: Answers) -> str:
    """Return the whole file, to be written in UTF-8."""
    names = {row["vehicle_id"]: _name(row) for row in answers.latest}
    quiet = sum(row["silent_hours"] > QUIET_HOURS for row in answers.health)
    silent = sorted(answers.health, key=lambda row: -row["silent_hours"])[:_LONGEST]
    return Template(files("flatten.report").joinpath("page.html").read_text("utf-8")).substitute(
        headline=escape(_headline(answers, quiet)),
        when=f"{answers.now.astimezone(UTC):%d %B %Y, %H:%M} UTC",
        days=str(answers.days),
        tiles="".join(_tile(*each) for each in _tiles(answers, quiet)),
        hours=bars(charging_by_hour(answers), "hours of charging"),
        silent=_table(
            ("car", "last heard", "silent for"),
            [(names[row["vehicle_id"]], _time(row["newest_event_at"]), _length(row["silent_hours"])) for row in silent],
        ),
        cars="".join(_cars(answers)),
        sessions=_table(
            ("car", "start", "end", "energy", "state of charge", "place"),
            [(names[row["vehicle_id"]], *_session(row)) for row in answers.sessions],
        ),
        health=_table(("car", "what is wrong with its data"), list(_wrong(answers, names))),
    )


def _headline(answers: Answers, quiet: int) -> str:
    charging = sum(row["outcome"] == "charging" for row in answers.sessions)
    return f"{_count(len(answers.latest), 'car')}: {charging} charging now, {quiet} gone quiet"


def _tiles(answers: Answers, quiet: int) -> Iterator[tuple[str, str, str]]:
    energy = sum(row["energy_kwh"] or 0 for row in answers.sessions)
    unknown = sum(row["energy_kwh"] is None for row in answers.sessions)
    note = f"{_count(len(answers.sessions), 'session')}, {unknown} of unknown energy"
    yield "charged", f"{energy:,.0f} kWh", note
    driven = sum(row["distance_km"] or 0 for row in answers.calendar)
    yield "driven", f"{driven:,.0f} km", "by odometer"
    events = sum(row["events"] for row in answers.calendar)
    yield "events", f"{events:,}", f"of {_count(len(answers.latest), 'car')}"
    unseen = sum(row["outcome"] == "end not seen" for row in answers.sessions)
    yield "lost while charging", f"{unseen:,}", "sessions whose end nobody saw"
    yield "gone quiet", f"{quiet:,}", f"silent for more than {QUIET_HOURS} hours"
    denied = sum(bool(row["permission_lost"]) for row in answers.health)
    yield "permission lost", _count(denied, "car"), "some signals are refused"


def charging_by_hour(answers: Answers) -> list[float]:
    """Return for each hour of the day, in the cars' own time, how many hours of charging it saw."""
    zones = {row["vehicle_id"]: _zone(row["timezone"]) for row in answers.calendar}
    hours = [0.0] * 24
    for row in answers.sessions:
        at, until = _moment(row["started_at"]), _moment(row["ended_at"] or row["last_seen_at"])
        at = max(at, answers.now - timedelta(days=answers.days))
        while at < until:
            begun = at.astimezone(zones.get(row["vehicle_id"], UTC))
            then = min(until, at + _HOUR - timedelta(minutes=begun.minute, seconds=begun.second))
            hours[begun.hour] += (then - at) / _HOUR
            at = then
    return hours


def _cars(answers: Answers) -> Iterator[str]:
    """Yield a card for each car, those heard last first."""
    levels, longest = _levels(answers)
    silent = {row["vehicle_id"]: row["silent_hours"] for row in answers.health}
    shown = sorted(answers.latest, key=lambda row: (silent[row["vehicle_id"]], row["vehicle_id"]))
    for row in shown[:_MOST]:
        yield _card(row, silent[row["vehicle_id"]], levels[row["vehicle_id"]], longest)
    if len(shown) > _MOST:
        yield f"<p>And {len(shown) - _MOST:,} more.</p>"


def _levels(answers: Answers) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Return by vehicle (share of the time from the first level to now, percent), and the share of a silence."""
    found: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for day in answers.calendar:
        found[day["vehicle_id"]] += [(_moment(each["at"]), each["percent"]) for each in day["state_of_charge"]]
    first = min((each[0][0] for each in found.values() if each), default=answers.now)
    period = max(answers.now - first, _HOUR)
    shares = {
        car: [((at - first) / period, min(100.0, max(0.0, percent))) for at, percent in each]
        for car, each in found.items()
    }
    return defaultdict(list, shares), _SILENCE / period


def _card(row: Plain, silent: float, levels: Sequence[tuple[float, float]], longest: float) -> str:
    kind = "quiet" if silent > QUIET_HOURS else "charging" if row["Charge_IsCharging"] else "parked"
    said = f"quiet for {_length(silent)}" if kind == "quiet" else "charging" if kind == "charging" else _place(row)
    level = row["TractionBattery_StateOfCharge_value"]
    percent = "-" if level is None else f"{level:.0f} %"
    head = f"<h3>{escape(_name(row))}</h3><b>{percent}</b>"
    return f'<article class="{kind}">{head}{line(levels, longest)}<p>{escape(said)}</p></article>\n'


def _session(row: Plain) -> tuple[str, ...]:
    energy = "" if row["energy_kwh"] is None else f"{row['energy_kwh']:.1f} kWh"
    levels = ["?" if row[name] is None else f"{row[name]:.0f}" for name in ("soc_from", "soc_to")]
    end = _time(row["ended_at"]) if row["ended_at"] else row["outcome"]
    place = {**row, "Location_IsAtHome": row["is_at_home"]}
    place |= {f"Location_PreciseLocation_{name}": row[name] for name in ("latitude", "longitude")}
    return _time(row["started_at"]), end, energy, f"{levels[0]} to {levels[1]} %", _place(place)


def _wrong(answers: Answers, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for row in answers.health:
        said = [f"stuck: {', '.join(row['stuck_signals'])}"] if row["stuck_signals"] else []
        said += [f"permission lost: {', '.join(row['permission_lost'])}"] if row["permission_lost"] else []
        errors = {kind: len(each) for kind, each in row["errors_by_type"].items() if kind not in _USUAL}
        said += [f"{_count(number, 'signal')} with {kind}" for kind, number in errors.items()]
        counts = Counter({name: row[name] for name in row if name.startswith(("impossible_", "odometer_went"))})
        said += [f"{name.replace('_', ' ')}: {number}" for name, number in counts.items() if number]
        if said:
            yield names[row["vehicle_id"]], "; ".join(said)


def _name(row: Plain) -> str:
    model = " ".join(row[name] for name in ("vehicle_make", "vehicle_model") if row[name])
    return f"{model or 'Car'} {row['vehicle_id'][:4]}"


def _place(row: Plain) -> str:
    if row["Location_IsAtHome"]:
        return "at home"
    latitude, longitude = (row[f"Location_PreciseLocation_{name}"] for name in ("latitude", "longitude"))
    return "place not known" if latitude is None or longitude is None else f"{latitude:.2f}, {longitude:.2f}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time(text: str) -> str:
    return f"{_moment(text).astimezone(UTC):%a %d %b %H:%M}"


def _length(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _tile(name: str, value: str, note: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(note)}</dd></div>"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts, or `None.` when it has no rows."""
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows[:_MOST])
    more = f"<p>And {len(rows) - _MOST:,} more.</p>" if len(rows) > _MOST else ""
    return f'<div class="scroll" tabindex="0"><table><tr>{head}</tr>\n{body}</table></div>{more}'
