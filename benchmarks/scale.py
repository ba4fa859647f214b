"""Calculate the load of 10,000, 1 million and 50 million vehicles for each part, at the daily peak, with the defaults.

Calculated, not run: from the measured cost of a run and of an event (`small_run` and `flatten`) and the services'
default limits.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bars import aligned, number
from benchmarks.command import at_least_one
from lambda_deploy.operate.cost import (
    SECONDS_A_MONTH,
    Usage,
    bill,
    compute_milliseconds,
    events_a_call,
    packaged_prices,
)

FLEETS = (10_000, 1_000_000, 50_000_000)
_DAY, _INTERVAL = 86_400, 300
_CORES = 2
_WRITE_UNITS_OF_A_PARTITION, _FEWEST_SHARDS = 1_000, 4

WRITE_UNITS_OF_A_TABLE = 40_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html: on demand, raised on request."""
CONCURRENT_CALLS = 1_000
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: of an account, raised on request."""
PUTS_A_SECOND = 3_500
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html: of a prefix."""


@dataclass(frozen=True)
class Assumed:
    """Events of a vehicle per day, daily peak over mean, seconds of a run, milliseconds of each event in it."""

    events_a_day: float = 48
    peak: float = 1.8
    run_seconds: float = 7.5
    event_milliseconds: float = 0.17


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, epilog="Example: python -m benchmarks.scale --peak 3"
    )
    parser.add_argument("--vehicles", type=at_least_one, nargs="+", default=FLEETS, help="sizes of fleets")
    for name, usual in vars(Assumed()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=_positive, default=usual, help=f"default: {usual:g}")
    options = parser.parse_args(arguments)
    assumed = Assumed(**{name: getattr(options, name) for name in vars(Assumed())})
    columns = [figures(vehicles, assumed) for vehicles in options.vehicles]
    rows = [[name, *(number(column[name]) for column in columns)] for name in columns[0]]
    print(aligned([["", *(f"{vehicles:,} vehicles" for vehicles in options.vehicles)], *rows]))
    return 0


def _positive(text: str) -> float:
    if not float(text) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return float(text)


def figures(vehicles: int, assumed: Assumed) -> dict[str, float]:
    """Return the figures of a fleet at its daily peak. A run reads what has landed in its interval."""
    mean = vehicles * assumed.events_a_day / _DAY
    rate = mean * assumed.peak
    usage = _usage(rate, rate)
    units = rate * math.ceil(usage.event_bytes / 1024)
    batch = events_a_call(usage)
    call_seconds = compute_milliseconds(1, batch, usage.memory_mb) / 1000
    work = rate * _INTERVAL * assumed.event_milliseconds / 1000
    return {
        "events a second": rate,
        "shards": usage.shards,
        "write units of the table, of the default limit": units / WRITE_UNITS_OF_A_TABLE,
        "concurrent calls of the Lambda, of the default limit": rate / batch * call_seconds / CONCURRENT_CALLS,
        "puts of the prefix, of the limit": rate / batch / PUTS_A_SECOND,
        "objects of a run": rate * _INTERVAL / batch,
        "events of a run": rate * _INTERVAL,
        f"seconds of a run, {_CORES} cores": assumed.run_seconds + work,
        "cores with which a run ends within its interval": max(
            _CORES, math.ceil(_CORES * work / (_INTERVAL - assumed.run_seconds))
        ),
        "dollars to AWS a month, without DynamoDB": bill(_usage(mean, rate), packaged_prices()).aws_total,
    }


def _usage(rate: float, peak: float) -> Usage:
    """Return the Lambda's usage at this constant rate; the stream has its shards for the peak."""
    units = peak * math.ceil(Usage.event_bytes / 1024)
    shards = max(_FEWEST_SHARDS, math.ceil(units / _WRITE_UNITS_OF_A_PARTITION))
    return Usage(max(1, round(rate * SECONDS_A_MONTH)), shards=shards)


if __name__ == "__main__":
    sys.exit(main())
