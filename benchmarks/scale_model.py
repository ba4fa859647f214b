"""What a fleet means for each part of the pipeline: a day of it, simulated from measured costs.

The load swings over the day between a trough and a peak. Objects appear as the mapping's batching rule makes them;
the job starts by its schedule or when the run before has ended, takes all that has landed, and needs what runs were
measured to need. Limits are the services' defaults; nothing here was seen at such sizes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lambda_deploy.operate.cost import (
    FIXED_MILLISECONDS,
    MB_OF_A_WHOLE_CPU,
    MILLISECONDS_AN_EVENT,
    SECONDS_A_MONTH,
    Usage,
    bill,
    events_a_call,
    packaged_prices,
)

DAY = 86_400
WRITE_UNITS_OF_A_PARTITION = 1_000
WRITE_UNITS_OF_A_TABLE = 40_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html: on demand, raised on request."""
FEWEST_SHARDS = 4
CONCURRENT_CALLS = 1_000
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: of an account, raised on request."""
PUTS_A_SECOND = 3_500
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html: of a prefix."""


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds: of a run of the job whatever it finds, of each object and each event in it.

    `merge` is the part of `event` that flattens and merges. All on `cores` cores; `doubling` is how many times as
    fast twice the cores are.
    """

    run: float
    file: float
    event: float
    merge: float
    cores: int = 2
    doubling: float = 2.0

    def speed(self, cores: int) -> float:
        """How many times as fast as the measured machine so many cores are, if each doubling is worth the same."""
        return math.pow(self.doubling, math.log2(cores / self.cores))

    def run_seconds(self, files: float, events: float, cores: int) -> float:
        """What a run over so many objects and events takes. Its fixed part and its files get no faster by cores."""
        return self.run + files * self.file + events * self.event / self.speed(cores)


@dataclass(frozen=True)
class Fleet:
    """So many vehicles; `peak` is the highest rate of the day over the mean, `event_bytes` a stream record's."""

    vehicles: int
    events_a_day: float = 48
    peak: float = 1.8
    event_bytes: int = 2_950

    @property
    def mean(self) -> float:
        """Events a second over the day."""
        return self.vehicles * self.events_a_day / DAY

    def rate(self, second: float) -> float:
        """Events a second at this time of the day: a sine, lowest at midnight."""
        return self.mean * (1 + (self.peak - 1) * -math.cos(2 * math.pi * second / DAY))

    @property
    def shards(self) -> int:
        """Of the stream, which has one for each of the table's partitions."""
        units = self.mean * self.peak * math.ceil(self.event_bytes / 1024)
        return max(FEWEST_SHARDS, math.ceil(units / WRITE_UNITS_OF_A_PARTITION))


@dataclass(frozen=True)
class Setup:
    """The settings that can be turned, as databricks.yml ships them."""

    batch_size: int = 1_000
    window: int = 5
    memory_mb: int = 512
    parallelization: int = 1
    interval: int = 300
    cores: int = 2

    def usage(self, fleet: Fleet, rate: float) -> Usage:
        """The same for the model of costs, as if this rate lasted."""
        return Usage(
            max(1, round(rate * SECONDS_A_MONTH)),
            batch_size=self.batch_size,
            window_seconds=self.window,
            memory_mb=self.memory_mb,
            shards=fleet.shards * self.parallelization,
            event_bytes=fleet.event_bytes,
        )

    def call_seconds(self, events: float) -> float:
        """What the function takes for a batch of so many events."""
        share = min(1.0, self.memory_mb / MB_OF_A_WHOLE_CPU)
        return (FIXED_MILLISECONDS + events * MILLISECONDS_AN_EVENT / share) / 1000


@dataclass(frozen=True)
class Run:
    """A run of the simulated day; times in seconds since midnight, `first` is when the oldest event of it came."""

    first: float
    began: float
    ended: float
    files: float
    events: float

    @property
    def seconds(self) -> float:
        """How long it is at work."""
        return self.ended - self.began

    @property
    def longest_wait(self) -> float:
        """How long the first of its events waited for its row."""
        return self.ended - self.first

    @property
    def mean_wait(self) -> float:
        """How long its events waited for their rows, on the average."""
        return self.ended - (self.first + self.began) / 2


def runs(fleet: Fleet, setup: Setup, costs: Costs) -> Iterator[Run]:
    """The runs that begin on one day. One that lasts longer than the interval delays the next, which finds more."""
    seen = ended = 0.0
    while seen < DAY:
        tick = (math.floor(seen / setup.interval) + 1) * setup.interval
        began = max(tick, ended)
        events = _events(fleet, seen, began)
        files = events / events_a_call(setup.usage(fleet, events / (began - seen)))
        ended = began + costs.run_seconds(files, events, setup.cores)
        yield Run(seen, began, ended, files, events)
        seen = began


def _events(fleet: Fleet, since: float, until: float) -> float:
    """The integral of the rate, by the middle of minutes at most."""
    steps = max(1, math.ceil((until - since) / 60))
    width = (until - since) / steps
    return sum(fleet.rate(since + (step + 0.5) * width) for step in range(steps)) * width


def loads(fleet: Fleet, setup: Setup, costs: Costs) -> dict[str, float]:
    """How much of each limit the peak of the day uses: 1 is all of it."""
    rate = fleet.mean * fleet.peak
    batch = events_a_call(setup.usage(fleet, rate))
    calls = rate / batch
    concurrent = calls * setup.call_seconds(batch)
    events = rate * setup.interval
    return {
        "write units of a table": rate * math.ceil(fleet.event_bytes / 1024) / WRITE_UNITS_OF_A_TABLE,
        "time of a shard's calls": concurrent / (fleet.shards * setup.parallelization),
        "concurrent calls of an account": concurrent / CONCURRENT_CALLS,
        "puts a second of a prefix": calls / PUTS_A_SECOND,
        f"a run's interval, {setup.cores} cores": costs.run_seconds(events / batch, events, setup.cores)
        / setup.interval,
    }


def dollars_a_month(fleet: Fleet, setup: Setup) -> float:
    """What AWS gets for the function, the objects and their watching; without DynamoDB itself."""
    return bill(setup.usage(fleet, fleet.mean), packaged_prices()).aws_total
