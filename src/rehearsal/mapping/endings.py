"""Where a record's way through the mapping ends, and who is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rehearsal.errors import DeliveryError
from rehearsal.mapping.batches import Batch
from rehearsal.mapping.metrics import Metrics
from rehearsal.mapping.on_failure import Condition, Destination, Discarded
from rehearsal.mapping.records import Record
from rehearsal.mapping.response import Outcome

Fate = Literal["handled", "filtered", "on_failure", "dropped", "expired"]


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


class Endings:
    """Ends records, counts it and tells `watch`. Without a destination, what is given up is dropped."""

    def __init__(
        self,
        stream_arn: str,
        destination: Destination | None,
        metrics: Metrics,
        watch: Watch,
        clock: Callable[[], float],
    ) -> None:
        self._stream_arn = stream_arn
        self._destination = destination
        self._metrics = metrics
        self._watch = watch
        self._clock = clock

    def end(self, records: Sequence[Record], fate: Fate) -> None:
        """Says that the way of these records, if any, ended so."""
        if records:
            self._watch(Ended(records, fate, self._clock()))

    def give_up(self, batch: Batch, shard_id: str, condition: Condition) -> None:
        """Sends records to the destination, or drops them."""
        number = len(batch.records)
        if self._is_delivered(batch, shard_id, condition):
            self._metrics.add("OnFailureDestinationDeliveredEventCount", number)
            self.end(batch.records, "on_failure")
        else:
            self._metrics.add("DroppedEventCount", number)
            self.end(batch.records, "dropped")

    def _is_delivered(self, batch: Batch, shard_id: str, condition: Condition) -> bool:
        if self._destination is None:
            return False
        discarded = Discarded(
            batch.records, shard_id, self._stream_arn, condition, batch.invocations, batch.outcome, self._clock()
        )
        try:
            self._destination.deliver(discarded)
        except DeliveryError:
            self._metrics.add("DestinationDeliveryFailures", 1)
            return False
        return True
