"""Where a record's way through the mapping ends, who is informed, and what CloudWatch would count of it.

Metrics by AWS's names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html. One that was never
emitted has no entry, and an empty poll emits PolledEventCount 0. What expires is in no metric.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rehearsal.errors import DeliveryError
from rehearsal.mapping.batches import Portion
from rehearsal.mapping.on_failure import Condition, Destination, Discarded
from rehearsal.mapping.records import Record
from rehearsal.mapping.response import NotInvoked, Outcome

Fate = Literal["handled", "on_failure", "dropped", "expired"]


@dataclass(frozen=True)
class Attempt:
    """The function was called, or was to be called, with these records; `at` in seconds since the epoch."""

    shard_id: str
    records: Sequence[Record]
    outcome: Outcome
    at: float


@dataclass(frozen=True)
class Ended:
    """These records are done with; `at` in seconds since the epoch."""

    records: Sequence[Record]
    fate: Fate
    at: float


Watch = Callable[[Attempt | Ended], None]


@dataclass
class MetricSums:
    """Sums since the start; the age is the greatest IteratorAge, in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    greatest_iterator_age: float | None = None

    def add(self, name: str, number: int) -> None:
        """Emit a metric, 0 too."""
        self.counts[name] += number

    def age(self, milliseconds: float) -> None:
        """Emit IteratorAge."""
        self.greatest_iterator_age = max(milliseconds, self.greatest_iterator_age or 0.0)


@dataclass(frozen=True)
class Endings:
    """Ends records, counts it and informs `watch`. Without a destination, what is discarded is dropped."""

    stream_arn: str
    destination: Destination | None
    metrics: MetricSums
    watch: Watch
    clock: Callable[[], float]

    def end(self, records: Sequence[Record], fate: Fate) -> None:
        """Say that the way of these records, if any, ended so."""
        if records:
            self.watch(Ended(records, fate, self.clock()))

    def discard(self, portion: Portion, shard_id: str, condition: Condition) -> None:
        """Send records to the destination; drop them when it does not take them."""
        number = len(portion.records)
        if self._is_delivered(portion, shard_id, condition):
            self.metrics.add("OnFailureDestinationDeliveredEventCount", number)
            self.end(portion.records, "on_failure")
        else:
            self.metrics.add("DroppedEventCount", number)
            self.end(portion.records, "dropped")

    def _is_delivered(self, portion: Portion, shard_id: str, condition: Condition) -> bool:
        if self.destination is None:
            return False
        discarded = Discarded(
            portion.records, shard_id, self.stream_arn, condition, portion.invocations, portion.outcome, self.clock()
        )
        try:
            self.destination.deliver(discarded)
        except DeliveryError:
            self.metrics.add("DestinationDeliveryFailures", 1)
            return False
        return True


@dataclass
class Journal:
    """Remembers what a mapping did; given to a poller as its `watch`. Records go by their eventID."""

    attempts: list[Attempt] = field(default_factory=list)
    fates: dict[str, list[Fate]] = field(default_factory=dict)
    """All endings of a record, in order; a right mapping has one for each."""
    ended_at: dict[str, float] = field(default_factory=dict)
    """When, in seconds since the epoch."""

    def __call__(self, happening: Attempt | Ended) -> None:
        """Note it."""
        if isinstance(happening, Attempt):
            self.attempts.append(happening)
            return
        for record in happening.records:
            self.fates.setdefault(record.event_id, []).append(happening.fate)
            self.ended_at[record.event_id] = happening.at

    def sizes(self) -> list[int]:
        """Return how many records each invocation that took place had."""
        return [len(attempt.records) for attempt in self.attempts if not isinstance(attempt.outcome, NotInvoked)]

    def throttled(self) -> int:
        """Return how often the function could not be called."""
        return sum(isinstance(attempt.outcome, NotInvoked) for attempt in self.attempts)

    def count(self) -> Counter[Fate]:
        """Return how many records ended how."""
        return Counter(fate for fates in self.fates.values() for fate in fates)
