"""End the way of each record through the mapping, and report it.

CloudWatch counts what was sent to the destination and what was dropped; no metric counts what expires:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rehearsal.aws.mapping.batches import Portion
from rehearsal.aws.mapping.on_failure import Condition, Destination, Discarded
from rehearsal.aws.mapping.records import DeliveredRecord
from rehearsal.aws.mapping.response import NotInvoked, Outcome
from rehearsal.errors import DeliveryError

Fate = Literal["handled", "on_failure", "dropped", "expired"]


@dataclass(frozen=True)
class Attempt:
    """An invocation, or an attempt at one, with these records; `at` in seconds since the epoch."""

    shard_id: str
    records: Sequence[DeliveredRecord]
    outcome: Outcome
    at: float


@dataclass(frozen=True)
class Ended:
    """The ending of these records; `at` in seconds since the epoch."""

    records: Sequence[DeliveredRecord]
    fate: Fate
    at: float


Watch = Callable[[Attempt | Ended], None]


@dataclass(frozen=True)
class Endings:
    """Ends records and reports it to `watch`. Without a destination, discarded records are dropped."""

    stream_arn: str
    destination: Destination | None
    watch: Watch
    clock: Callable[[], float]

    def end(self, records: Sequence[DeliveredRecord], fate: Fate) -> None:
        """Report how these records, if any, ended."""
        if records:
            self.watch(Ended(records, fate, self.clock()))

    def discard(self, portion: Portion, shard_id: str, condition: Condition) -> None:
        """Send records to the destination; drop them when it does not accept them."""
        is_delivered = self._is_delivered(portion, shard_id, condition)
        self.end(portion.records, "on_failure" if is_delivered else "dropped")

    def _is_delivered(self, portion: Portion, shard_id: str, condition: Condition) -> bool:
        if self.destination is None:
            return False
        discarded = Discarded(
            portion.records, shard_id, self.stream_arn, condition, portion.invocations, portion.outcome, self.clock()
        )
        try:
            self.destination.deliver(discarded)
        except DeliveryError:
            return False
        return True


@dataclass
class Journal:
    """Remembers what a mapping did, as the `watch` of a poller. Records are identified by their eventID."""

    attempts: list[Attempt] = field(default_factory=list)
    fates: dict[str, list[Fate]] = field(default_factory=dict)
    """All endings of each record, in order. A correct mapping has one for each."""
    ended_at: dict[str, float] = field(default_factory=dict)
    """When each record ended, in seconds since the epoch."""

    def __call__(self, happening: Attempt | Ended) -> None:
        """Remember an attempt or an ending."""
        if isinstance(happening, Attempt):
            self.attempts.append(happening)
            return
        for record in happening.records:
            self.fates.setdefault(record.event_id, []).append(happening.fate)
            self.ended_at[record.event_id] = happening.at

    def sizes(self) -> list[int]:
        """Return the number of records of each invocation that took place."""
        return [len(attempt.records) for attempt in self.attempts if not isinstance(attempt.outcome, NotInvoked)]

    def throttled(self) -> int:
        """Return how often the function could not be called."""
        return sum(isinstance(attempt.outcome, NotInvoked) for attempt in self.attempts)

    def count(self) -> Counter[Fate]:
        """Return the number of records by ending."""
        return Counter(fate for fates in self.fates.values() for fate in fates)
