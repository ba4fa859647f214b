"""Gather batches, and decide what happens to a batch after an invocation.

A batch is sent when it is full, when its window ends, or at 6 MB:
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html

A failure before the function runs is retried without using a retry; an error of the function uses one; splitting uses
none:
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html

With bisect and ReportBatchItemFailures on, a batch is cut at the number that the function returned, and only the rest
is retried. With bisect on, a failed batch is split whether or not ReportBatchItemFailures is on:
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

Not documented, so assumed: the window begins when its first record was read; a record larger than 6 MB makes a batch
alone, which no invocation accepts; a batch is split in the middle, the smaller half first; parts inherit the used
retries and the count of invocations; an answer that names the batch's first record is a failure of the whole batch,
which is split in the middle; without bisect an answer that names failures uses a retry, and progress does not reset the
count.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from rehearsal.aws.mapping.records import DeliveredRecord, event_of, serialized
from rehearsal.aws.mapping.response import NotInvoked, Outcome, Returned, failed_from
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.runtime import MOST_BYTES

_EMPTY_EVENT: Final = len(serialized(event_of([])))
_COMMA: Final = 1


class BatchingWindow:
    """Records that wait for their batch, in stream order. Times are in seconds on the poller's clock."""

    def __init__(self, settings: MappingSettings) -> None:
        self._settings = settings
        self._waiting: deque[tuple[DeliveredRecord, float]] = deque()
        self._bytes = _EMPTY_EVENT

    def add(self, record: DeliveredRecord, now: float) -> None:
        """Add a record."""
        self._waiting.append((record, now))
        self._bytes += record.size + _COMMA

    @property
    def is_empty(self) -> bool:
        """Return whether no record waits."""
        return not self._waiting

    @property
    def is_full(self) -> bool:
        """Return whether a batch can be sent before the window ends."""
        return len(self._waiting) >= self._settings.batch_size or self._bytes - _COMMA >= MOST_BYTES

    def due(self) -> float:
        """Return when the next batch is to be sent. At least one record must wait."""
        return self._waiting[0][1] + (0 if self.is_full else self._settings.batching_window_seconds)

    def take(self) -> tuple[DeliveredRecord, ...]:
        """Remove and return the next batch, at least one record."""
        taken = [self._pop()]
        size = _EMPTY_EVENT + taken[0].size
        while self._waiting and len(taken) < self._settings.batch_size:
            size += self._waiting[0][0].size + _COMMA
            if size > MOST_BYTES:
                break
            taken.append(self._pop())
        return tuple(taken)

    def _pop(self) -> DeliveredRecord:
        record, _ = self._waiting.popleft()
        self._bytes -= record.size + _COMMA
        return record


@dataclass(frozen=True)
class Portion:
    """A batch or a part of one, in stream order, with its history. `outcome` is the last invocation's."""

    records: tuple[DeliveredRecord, ...]
    retries: int = 0
    invocations: int = 0
    outcome: Outcome | None = None

    def of(self, records: tuple[DeliveredRecord, ...]) -> "Portion":
        """Return some of the records with the same history."""
        return replace(self, records=records)


@dataclass(frozen=True)
class Verdict:
    """What happens to the records of a portion: each is in exactly one of the three, in stream order."""

    handled: tuple[DeliveredRecord, ...] = ()
    again: tuple[Portion, ...] = ()
    discarded: Portion | None = None


def judge(portion: Portion, outcome: Outcome, settings: MappingSettings) -> Verdict:
    """Return what follows from an invocation with these records."""
    if isinstance(outcome, NotInvoked):
        return Verdict(again=(portion,))
    seen = replace(portion, invocations=portion.invocations + 1, outcome=outcome)
    failed = _first_failure(portion, outcome, settings)
    if failed is None:
        return Verdict(handled=portion.records)
    handled, rest = portion.records[:failed], seen.of(portion.records[failed:])
    if settings.bisect and len(portion.records) > 1:
        return Verdict(handled, again=(rest,) if failed else _halves(rest))
    if 0 <= settings.max_retries <= rest.retries:
        return Verdict(handled, discarded=rest)
    return Verdict(handled, again=(replace(rest, retries=rest.retries + 1),))


def _first_failure(portion: Portion, outcome: Outcome, settings: MappingSettings) -> int | None:
    if not isinstance(outcome, Returned):
        return 0
    if not settings.report_failures:
        return None
    return failed_from(outcome.value, [record.sequence_number for record in portion.records])


def _halves(portion: Portion) -> tuple[Portion, Portion]:
    middle = len(portion.records) // 2
    return portion.of(portion.records[:middle]), portion.of(portion.records[middle:])
