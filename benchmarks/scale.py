"""What 10,000, 1 million and 50 million vehicles mean, simulated from what the other benchmarks measured.

The settings begin as databricks.yml ships them, and are turned one after the other until a day's runs keep up. What
breaks first is the limit that the shipped settings reach with the fewest vehicles.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks import command
from benchmarks.bars import Result
from benchmarks.scale_costs import MissingResults, measured
from benchmarks.scale_model import Costs, Fleet, Run, Setup, dollars_a_month, loads, runs
from benchmarks.scale_picture import picture

FLEETS = (10_000, 1_000_000, 50_000_000)
_AXIS = tuple(round(10 ** (power / 8)) for power in range(24, 65))
_WINDOWS = (5, 15, 60, 300)
_MOST_FILES = 5_000
_MOST_CORES = 4096
_KEPT_FREE = 0.8


@dataclass(frozen=True)
class Answer:
    """What was found for a fleet: the settings that it takes, what was turned for it, and the runs of its day."""

    fleet: Fleet
    setup: Setup
    turned: Sequence[str]
    day: Sequence[Run]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print, draw, return the exit code."""
    parser = command.parser("scale", __doc__ or "", "python -m benchmarks.scale --vehicles 10000 250000")
    parser.add_argument("--vehicles", type=command.at_least_one, nargs="+", default=FLEETS, help="sizes of fleets")
    parser.add_argument("--events-a-day", type=float, default=Fleet.events_a_day, help="of a vehicle (default: 48)")
    parser.add_argument("--peak", type=float, default=Fleet.peak, help="highest rate of a day over its mean, 1 to 2")
    parser.add_argument("--results", type=Path, default=command.RESULTS, help="folder of what was measured")
    options = parser.parse_args(arguments)
    if options.events_a_day <= 0 or not 1 <= options.peak <= 2:
        parser.error("--events-a-day must be more than 0, --peak from 1 to 2")
    try:
        costs = measured(options.results)
    except (MissingResults, ValueError) as wrong:
        print(f"Error: {wrong}.", file=sys.stderr)
        return 1
    fleets = [Fleet(vehicles, options.events_a_day, options.peak) for vehicles in options.vehicles]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "scale.svg").write_text(_drawn(fleets[0], costs, options.vehicles), "utf-8")
    answers = [result(answer(fleet, costs), costs) for fleet in fleets]
    return command.finish("scale", [_costs(costs), _first(fleets[0], costs), *answers], options, arguments)


def answer(fleet: Fleet, costs: Costs) -> Answer:
    """Turn the settings until a day of this fleet keeps up."""
    setup, turned = Setup(), list[str]()
    for name, value in _turns(fleet, costs):
        if getattr(setup, name) != value:
            turned.append(f"{name} {getattr(setup, name)} -> {value}")
            setup = replace(setup, **{name: value})
    return Answer(fleet, setup, turned, list(runs(fleet, setup, costs)))


def _turns(fleet: Fleet, costs: Costs) -> Iterator[tuple[str, int]]:
    """Settings in the order in which they are turned: objects first, then calls, then cores."""
    setup = Setup()
    if _files(fleet, setup, costs) > _MOST_FILES:
        setup = replace(setup, batch_size=2_000)
    setup = replace(setup, window=min(_WINDOWS, key=partial(_too_many, fleet, setup, costs)))
    while loads(fleet, setup, costs)["time of a shard's calls"] > _KEPT_FREE and setup.parallelization < 10:
        setup = replace(setup, parallelization=setup.parallelization + 1)
    while _longest(fleet, setup, costs) > _KEPT_FREE * setup.interval and setup.cores < _MOST_CORES:
        setup = replace(setup, cores=setup.cores * 2)
    yield "batch_size", setup.batch_size
    yield "window", setup.window
    yield "parallelization", setup.parallelization
    yield "cores", setup.cores


def _too_many(fleet: Fleet, setup: Setup, costs: Costs, window: int) -> float:
    """How many objects too many a run gets with this window, in whole hundreds: a longer one must be worth it."""
    return max(0.0, round(_files(fleet, replace(setup, window=window), costs) - _MOST_FILES, -2))


def _files(fleet: Fleet, setup: Setup, costs: Costs) -> float:
    """Objects of the fullest run, if runs keep up with their interval."""
    endless = replace(costs, run=0.0, file=0.0, event=0.0)
    return max(run.files for run in runs(fleet, setup, endless))


def _longest(fleet: Fleet, setup: Setup, costs: Costs) -> float:
    return max(run.seconds for run in runs(fleet, setup, costs))


def breaks_first(fleet: Fleet, costs: Costs) -> list[tuple[int, str]]:
    """From how many vehicles on the shipped settings reach each limit, fewest first; those below 1,000 million."""
    found = []
    for name in loads(fleet, Setup(), costs):
        low, high = 1, 10**9
        while low < high:
            middle = (low + high) // 2
            reached = loads(replace(fleet, vehicles=middle), Setup(), costs)[name] >= 1
            low, high = (low, middle) if reached else (middle + 1, high)
        if low < 10**9:
            found.append((low, name))
    return sorted(found)


def result(found: Answer, costs: Costs) -> Result:
    """The table of one fleet."""
    fleet, setup, day = found.fleet, found.setup, found.day
    events, busiest = sum(run.events for run in day), max(day, key=lambda run: run.seconds)
    merging = busiest.events * costs.merge / costs.speed(setup.cores)
    figures = {
        "events a second, mean": fleet.mean,
        "events a second, peak": fleet.mean * fleet.peak,
        "shards": float(fleet.shards),
        "concurrent calls, peak": loads(fleet, setup, costs)["concurrent calls of an account"] * 1000,
        "objects a day": sum(run.files for run in day),
        "objects of the busiest run": busiest.files,
        "events of the busiest run": busiest.events,
        "cores of the job": float(setup.cores),
        "busiest run, seconds": busiest.seconds,
        "of it flatten and MERGE, seconds": merging,
        "put to row, mean seconds": sum(run.mean_wait * run.events for run in day) / events,
        "put to row, longest seconds": max(run.longest_wait for run in day),
        "core hours of the job a month": 30 * sum(run.seconds for run in day) * setup.cores / 3600,
        "AWS dollars a month, without DynamoDB": dollars_a_month(fleet, setup),
    }
    notes = [f"Turned: {', '.join(found.turned) or 'nothing'}.", *_over(fleet, setup, costs)]
    return Result(f"{fleet.vehicles:,} vehicles", figures=figures, notes=notes)


def _over(fleet: Fleet, setup: Setup, costs: Costs) -> list[str]:
    """What is still too much with the settings turned."""
    used = {name: value for name, value in loads(fleet, setup, costs).items() if value > 1}
    return [f"Beyond its limit: {name}, {value:.1f} times." for name, value in used.items()]


def _costs(costs: Costs) -> Result:
    figures = {
        "a run, seconds": costs.run,
        "an object, milliseconds": costs.file * 1000,
        "an event, milliseconds": costs.event * 1000,
        "of it flatten and MERGE, milliseconds": costs.merge * 1000,
        "twice the cores, times as fast": costs.doubling,
    }
    return Result(f"measured, on {costs.cores} cores", figures=figures)


def _first(fleet: Fleet, costs: Costs) -> Result:
    figures = {f"{name}: vehicles": float(vehicles) for vehicles, name in breaks_first(fleet, costs)}
    name = f"what the shipped settings reach, {fleet.events_a_day:g} events a vehicle and day, peak {fleet.peak:g}"
    return Result(name, figures=figures, notes=["Each is reached at this number of vehicles; the first breaks first."])


def _drawn(fleet: Fleet, costs: Costs, marked: Sequence[int]) -> str:
    used: dict[str, list[float]] = {}
    for vehicles in _AXIS:
        for name, value in _both(replace(fleet, vehicles=vehicles), costs).items():
            used.setdefault(name, []).append(value)
    return picture(_AXIS, used, [count for count in marked if _AXIS[0] <= count <= _AXIS[-1]])


def _both(fleet: Fleet, costs: Costs) -> Mapping[str, float]:
    """The limits with the shipped settings, and the job's also with 64 cores."""
    return {**loads(fleet, replace(Setup(), cores=64), costs), **loads(fleet, Setup(), costs)}


if __name__ == "__main__":
    sys.exit(command.guarded(main))
