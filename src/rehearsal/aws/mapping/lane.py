"""Work on one shard: gather its records, call the function with them, end each of them.

A record leaves a lane only by an ending. A portion stays first in `_portions` until its invocation is judged and the
verdict carried out. An interruption before that (Ctrl-C in the function or in a delivery, a stopped emulator) leaves it
there, and all of it is delivered again: at least once, as https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
says. Parts of a batch are in stream order and the first one is always next, so no record overtakes an earlier one of
its shard.
"""

from collections.abc import Callable

from rehearsal.aws.mapping.batches import BatchingWindow, Portion, judge
from rehearsal.aws.mapping.journal import Attempt, Endings
from rehearsal.aws.mapping.records import DeliveredRecord, event_of
from rehearsal.aws.mapping.response import Invoke, Outcome
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.mapping.stream import RETENTION_SECONDS

BackOff = Callable[[int], float]
"""Returns the seconds to wait after this many failures in a row, 1 or more."""


def exponential(failures: int) -> float:
    """Return 1, 2, 4 ... 60 seconds. Assumed: AWS does not publish its back-off."""
    return float(min(60, 2 ** min(failures - 1, 6)))


class Lane:
    """The work on one shard, one batch at a time."""

    def __init__(
        self, shard_id: str, settings: MappingSettings, invoke: Invoke, endings: Endings, back_off: BackOff
    ) -> None:
        self._shard_id = shard_id
        self._settings = settings
        self._invoke = invoke
        self._endings = endings
        self._clock = endings.clock
        self._back_off = back_off
        self._window = BatchingWindow(settings)
        self._portions: list[Portion] = []
        self._failures = 0
        self._not_before = 0.0

    def add(self, record: DeliveredRecord) -> None:
        """Add a record."""
        self._window.add(record, self._clock())

    @property
    def is_empty(self) -> bool:
        """Return whether every record has ended."""
        return self._window.is_empty and not self._portions

    @property
    def is_full(self) -> bool:
        """Return whether a whole batch waits."""
        return self._window.is_full

    def due(self) -> float | None:
        """Return when the next work is due, or None."""
        if self._portions:
            return self._not_before
        return None if self._window.is_empty else self._window.due()

    def work(self) -> None:
        """End the next records that are too old, and call the function with the others, if any."""
        if not self._portions:
            self._portions = [Portion(self._window.take())]
        portion = self._without_old_records(self._portions[0])
        self._portions[:1] = [portion] if portion.records else []
        if portion.records:
            self._call(portion)

    def _call(self, portion: Portion) -> None:
        verdict = judge(portion, self._outcome(portion), self._settings)
        self._endings.end(verdict.handled, "handled")
        if verdict.discarded:
            self._endings.discard(verdict.discarded, self._shard_id, "RetryAttemptsExhausted")
        self._portions[:1] = verdict.again
        self._failures = self._failures + 1 if verdict.again else 0
        self._not_before = self._clock() + self._back_off(self._failures) if self._failures else 0.0

    def _outcome(self, portion: Portion) -> Outcome:
        now = self._clock()
        outcome = self._invoke(event_of(portion.records))
        self._endings.watch(Attempt(self._shard_id, portion.records, outcome, now))
        return outcome

    def _without_old_records(self, portion: Portion) -> Portion:
        """End the records that are too old, and return the others.

        Assumed: age is checked before each invocation, record by record, retention before the maximum age.
        """
        now, most = self._clock(), self._settings.max_record_age_seconds
        expired: list[DeliveredRecord] = []
        too_old: list[DeliveredRecord] = []
        kept: list[DeliveredRecord] = []
        for record in portion.records:
            age = now - record.created
            (expired if age >= RETENTION_SECONDS else too_old if 0 <= most < age else kept).append(record)
        self._endings.end(expired, "expired")
        if too_old:
            self._endings.discard(portion.of(tuple(too_old)), self._shard_id, "RecordAgeExceeded")
        return portion.of(tuple(kept))
