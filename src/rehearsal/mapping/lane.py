"""One of a shard's concurrent batches: gathers records, calls the function with them, sees each to its end.

Nothing leaves a lane but by an ending. A batch stands first in `_batches` until its invocation is judged and what came
of it is done, so an interruption on the way (Ctrl-C in the function or in a delivery, an emulator that is gone) leaves
it there, and all of it is delivered again: at least once, as https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
says. Parts of a batch stand in stream order and the first one is always the next, so a record is never overtaken by a
later one of its lane, and an item's records are all in one lane.
"""

from collections.abc import Callable

from rehearsal.mapping.batches import Batch, Verdict, first_failure, judge
from rehearsal.mapping.endings import Attempt, Endings, Watch
from rehearsal.mapping.metrics import Metrics
from rehearsal.mapping.records import Record, event_of
from rehearsal.mapping.response import FunctionError, Invoke, NotInvoked, Outcome
from rehearsal.mapping.settings import MappingSettings
from rehearsal.mapping.stream import RETENTION_SECONDS
from rehearsal.mapping.window import Window

BackOff = Callable[[int], float]
"""Seconds to wait after so many failures in a row, 1 or more."""


def exponential(failures: int) -> float:
    """1, 2, 4 ... 60 seconds: assumed, AWS does not publish its own."""
    return float(min(60, 2 ** min(failures - 1, 6)))


class Lane:
    """Works on one batch at a time. `clock` is in seconds since the epoch."""

    def __init__(
        self,
        shard_id: str,
        settings: MappingSettings,
        invoke: Invoke,
        endings: Endings,
        metrics: Metrics,
        watch: Watch,
        clock: Callable[[], float],
        back_off: BackOff,
    ) -> None:
        self._shard_id = shard_id
        self._settings = settings
        self._invoke = invoke
        self._endings = endings
        self._metrics = metrics
        self._watch = watch
        self._clock = clock
        self._back_off = back_off
        self._window = Window(settings)
        self._batches: list[Batch] = []
        self._failures = 0
        self._not_before = 0.0

    def add(self, record: Record) -> None:
        """Lets a record wait for its batch."""
        self._window.add(record, self._clock())

    @property
    def is_empty(self) -> bool:
        """Whether all records that came have ended."""
        return self._window.is_empty and not self._batches

    @property
    def is_full(self) -> bool:
        """Whether a whole batch waits."""
        return self._window.is_full

    def due(self) -> float | None:
        """When there is something to do; None when there is nothing."""
        if self._batches:
            return self._not_before
        return None if self._window.is_empty else self._window.due()

    def work(self) -> bool:
        """Ends what is too old in the next batch and calls the function with the rest: whether it was called."""
        if not self._batches:
            self._batches = [Batch(self._window.take())]
        batch = self._without_old_records(self._batches[0])
        self._batches[:1] = [batch] if batch.records else []
        if not batch.records:
            return False
        outcome = self._called(batch)
        verdict = judge(batch, outcome, self._settings)
        self._settle(verdict)
        self._batches[:1] = verdict.again
        self._failures = self._failures + 1 if verdict.again else 0
        self._not_before = self._clock() + self._back_off(self._failures) if self._failures else 0.0
        return True

    def _without_old_records(self, batch: Batch) -> Batch:
        """Assumed: age is looked at before each invocation, record by record. Retention comes before the maximum age.

        What expires is in no metric of AWS.
        """
        now, most = self._clock(), self._settings.maximum_record_age
        expired: list[Record] = []
        too_old: list[Record] = []
        kept: list[Record] = []
        for record in batch.records:
            age = now - record.created
            (expired if age >= RETENTION_SECONDS else too_old if 0 <= most < age else kept).append(record)
        self._endings.end(expired, "expired")
        if too_old:
            self._endings.give_up(batch.of(tuple(too_old)), self._shard_id, "RecordAgeExceeded")
        return batch.of(tuple(kept))

    def _called(self, batch: Batch) -> Outcome:
        now, number = self._clock(), len(batch.records)
        self._metrics.age(max(0.0, now - batch.records[-1].created) * 1000)
        outcome = self._invoke(event_of(list(batch.records)))
        self._metrics.add("InvokedEventCount", number)
        self._metrics.add("Invocations", int(not isinstance(outcome, NotInvoked)))
        self._metrics.add("Throttles", int(isinstance(outcome, NotInvoked) and outcome.is_throttle))
        self._metrics.add("Errors", int(isinstance(outcome, FunctionError)))
        failed = first_failure(batch, outcome, self._settings)
        self._metrics.add("FailedInvokeEventCount", 0 if failed is None else number - failed)
        self._watch(Attempt(self._shard_id, batch.records, outcome, now))
        return outcome

    def _settle(self, verdict: Verdict) -> None:
        self._endings.end(verdict.handled, "handled")
        if verdict.given_up:
            self._endings.give_up(verdict.given_up, self._shard_id, "RetryAttemptsExhausted")
