"""The stage of a scenario: a stream, a function that fails at poison, a destination, and a clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from rehearsal.aws.mapping.journal import Fate, Journal
from rehearsal.aws.mapping.on_failure import Discarded
from rehearsal.aws.mapping.poller import Poller, drain
from rehearsal.aws.mapping.response import FunctionError, NotInvoked, Outcome, Returned
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.mapping.shard import POLL_SECONDS
from rehearsal.errors import DeliveryError
from support.memory_stream import MemoryStream

_START: Final = 1_800_000_000.0
FATES: Final[tuple[Fate, ...]] = ("handled", "on_failure", "dropped", "expired")
_SHOWN: Final = 6


@dataclass
class MappingStage:
    """A stream, a function that fails at items called POISON, and a destination.

    Times are in seconds since the start. The function and the destination fail until `down_until` and
    `destination_down_until`; `answer` replaces what the function makes of an event.
    """

    settings: MappingSettings = field(default_factory=MappingSettings)
    throttles: int = 0
    down_until: float = 0
    destination_down_until: float = 0
    poll_seconds: float = POLL_SECONDS
    answer: Callable[[dict[str, Any]], Outcome] | None = None
    time: float = 0
    items: dict[str, str] = field(default_factory=dict)
    delivered: list[Discarded] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.stream = MemoryStream(self.clock)
        self.poller = Poller(
            self.stream,
            self.invoke,
            self.settings,
            clock=self.clock,
            destination=self,
            watch=self.journal,
            poll_seconds=self.poll_seconds,
        )

    def clock(self) -> float:
        """Return the time, in seconds since the epoch."""
        return _START + self.time

    def sleep(self, seconds: float) -> None:
        """Advance the time."""
        self.time += seconds

    def put(self, items: Iterable[str], shard_id: str = "shard-1", **image: Any) -> None:
        """Write items, each a record."""
        for item in items:
            self.items[self.stream.put(item, shard_id, **image)] = item

    def run(self) -> None:
        """Run the mapping until everything that was put has ended."""
        drain(self.poller, self.sleep)

    def run_until(self, time: float) -> None:
        """Run the mapping until this time."""
        while (wait := self.poller.step().wait) < time - self.time:
            self.sleep(wait)
        self.time = time

    def invoke(self, event: dict[str, Any]) -> Outcome:
        """Act as the function."""
        if self.throttles:
            self.throttles -= 1
            return NotInvoked("Rate Exceeded.")
        if self.time < self.down_until:
            return FunctionError({"errorType": "StorageError", "errorMessage": "S3 is down"})
        if self.answer:
            return self.answer(event)
        changes = [record["dynamodb"] for record in event["Records"]]
        bad = [change["SequenceNumber"] for change in changes if change["Keys"]["event_id"]["S"].startswith("POISON")]
        if bad and not self.settings.report_failures:
            return FunctionError({"errorType": "ValueError", "errorMessage": "poison"})
        return Returned({"batchItemFailures": [{"itemIdentifier": number} for number in bad]})

    def deliver(self, discarded: Discarded) -> None:
        """Act as the destination."""
        if self.time < self.destination_down_until:
            raise DeliveryError("the bucket is down")
        self.delivered.append(discarded)

    def sizes(self) -> str:
        """Return the invocations, by their number of records; equal ones in a row as `1 x13`."""
        groups = [(size, len(list(run))) for size, run in groupby(self.journal.sizes())]
        texts = [f"{size} x{count}" if count > 2 else ", ".join([str(size)] * count) for size, count in groups]
        if throttled := self.journal.throttled():
            texts.insert(0, f"throttled x{throttled}")
        return ", ".join(texts) or "none"

    def ends(self) -> str:
        """Return where every record ended."""
        by_fate: dict[str, list[str]] = {}
        for event_id, item in self.items.items():
            fates = self.journal.fates.get(event_id, [])
            by_fate.setdefault("+".join(fates) or "never read", []).append(item)
        order = [*FATES, *sorted(set(by_fate) - set(FATES))]
        return "; ".join(f"{fate.replace('_', '-')} {_named(by_fate[fate])}" for fate in order if fate in by_fate)


def _named(items: Sequence[str]) -> str:
    return " ".join(items) if len(items) <= _SHOWN else f"{len(items):,} records"
