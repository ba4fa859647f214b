"""Where a record's way through the mapping ends, and who is informed of it.

CloudWatch counts what was sent to the destination and what was dropped; what expires is in no metric:
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
    """The function was called, or was to be called, with these records; `at` in seconds since the epoch."""

    shard_id: str
    records: Sequence[DeliveredRecord]
    outcome: Outcome
    at: float


@dataclass(frozen=True)
class Ended:
    """These records are done with; `at` in seconds since the epoch."""

    records: Sequence[DeliveredRecord]
    fate: Fate
    at: float


Watch = Callable[[Attempt | Ended], None]


@dataclass(frozen=True)
class Endings:
    """Ends records and informs `watch`. Without a destination, what is discarded is dropped."""

    stream_arn: str
    destination: Destination | None
    watch: Watch
    clock: Callable[[], float]

    def end(self, records: Sequence[DeliveredRecord], fate: Fate) -> None:
        """Say that the way of these records, if any, ended so."""
        if records:
            self.watch(Ended(records, fate, self.clock()))

    def discard(self, portion: Portion, shard_id: str, condition: Condition) -> None:
        """Send records to the destination; drop them when it does not take them."""
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
