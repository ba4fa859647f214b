"""Write a fleet: events -> changes -> records -> batches -> objects in a folder."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rehearsal.errors import FleetError
from rehearsal.fleet.cars import seeded
from rehearsal.fleet.changes import ItemChange, changes_of
from rehearsal.fleet.events import fleet_events
from rehearsal.fleet.objects import FleetObject, batches_of, objects, records_of
from rehearsal.fleet.oddities import DELETE_OF_UNKNOWN, OLDER_PIPELINE, Damage, with_odd_events
from rehearsal.fleet.truth import Truth

START = datetime(2025, 11, 12, tzinfo=UTC)
"""Just before Smartcar changed its payload."""
FEWEST_WITH_ODDITIES = 100


@dataclass(frozen=True, slots=True)
class FleetReport:
    """A fleet in numbers, and the truth about its cars (see `Truth.as_dict`).

    `lines` are the lines, without blank ones, of the files that can be read whole, bad lines included. `events` are the
    distinct event ids in good lines: `deleted` those whose row will be deleted, `live` the others (expiry deletes
    nothing). `repeated_lines` came in an earlier file already, `late_lines` after higher sequence numbers of their
    stream. `oddities` counts events, lines and files by kind, `quarantine_expected` lines and files by reason.
    """

    files: int
    lines: int
    bytes: int
    events: int
    live: int
    deleted: int
    repeated_lines: int
    late_lines: int
    oddities: dict[str, int]
    quarantine_expected: dict[str, int]
    truth: dict[str, Any]


def fleet_changes(
    events: int, vehicles: int, seed: int, start: datetime = START, truth: Truth | None = None
) -> Iterator[ItemChange]:
    """Yield the changes of a fleet's items in order of time; `events` is the number of distinct event ids.

    Raises FleetError for numbers below 1.
    """
    for name, number in (("events", events), ("vehicles", vehicles)):
        if number < 1:
            raise FleetError(f"{number} {name} is not a possible fleet: ask for at least 1.")
    first = islice(fleet_events(vehicles, seed, start.timestamp()), events)
    rng = seeded(seed, start, events, vehicles, "changes")
    return changes_of(first, rng, truth or Truth())


def write_fleet(
    out: Path,
    *,
    events: int,
    vehicles: int,
    seed: int,
    oddities: bool = False,
    start: datetime = START,
    lines_per_file: int = 200,
) -> FleetReport:
    """Write the events of a generated fleet below `out`, as the objects that the Lambda would write.

    A file has at most `lines_per_file` records, and fewer if there would be fewer than eight files. `oddities` adds the
    odd forms of real events, bad lines and broken files to `events`. `start` has a time zone. The same arguments give
    the same bytes and the same modification times, which are the arrival times of the files.

    Raises FleetError for impossible numbers and a folder that is not empty, OSError when it cannot be written.
    """
    if oddities and events < FEWEST_WITH_ODDITIES:
        raise FleetError(f"{events} events are too few for every oddity: ask for at least {FEWEST_WITH_ODDITIES}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FleetError(f"{out} is not an empty folder: name another one, or empty it.")
    odd, damage, truth = Counter[str](), Damage(), Truth()
    changes = fleet_changes(events, vehicles, seed, start, truth)
    rng = seeded(seed, start, events, vehicles, oddities, "stream")
    if oddities:
        changes = with_odd_events(changes, events, rng, odd)
    records = records_of(changes, start.timestamp(), events, rng, events * 9 // 10 if oddities else None)
    batches = batches_of(records, min(lines_per_file, max(1, events // 8)))
    sums = Counter(files=0, lines=0, bytes=0, repeated_lines=0, late_lines=0)
    for each in objects(batches, damage.form if oddities else None):
        _write(out / each.key, each)
        sums.update(files=1, lines=each.lines, bytes=len(each.content))
        sums.update(repeated_lines=each.lines * each.repeats, late_lines=each.lines * each.late)
    return _report(events, odd, damage, truth.as_dict(), sums)


def _write(path: Path, each: FleetObject) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(each.content)
    nanoseconds = round(each.arrived * 1e9)
    os.utime(path, ns=(nanoseconds, nanoseconds))


def _report(events: int, odd: Counter[str], damage: Damage, truth: dict[str, Any], sums: Counter[str]) -> FleetReport:
    deleted = events - sum(car["rows"] for car in truth.values()) + odd[DELETE_OF_UNKNOWN]
    all_events = events + odd.total() + damage.counts[OLDER_PIPELINE]
    return FleetReport(
        **sums,
        events=all_events,
        live=all_events - deleted,
        deleted=deleted,
        oddities=dict(sorted((odd + damage.counts).items())),
        quarantine_expected=dict(sorted(damage.quarantined.items())),
        truth=truth,
    )
