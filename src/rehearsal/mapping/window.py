"""The batching window: records are gathered until a batch is full, the window is over, or 6 MB are reached.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html. Assumed: the window begins when its first record was read;
a record that alone passes 6 MB becomes a batch of its own, which no invocation takes.
"""

from collections import deque
from typing import Final

from rehearsal.mapping.records import Record, event_of, serialized
from rehearsal.mapping.settings import MappingSettings
from rehearsal.runtime import MOST_BYTES

_EMPTY_EVENT: Final = len(serialized(event_of([])))
_COMMA: Final = 1


class Window:
    """Records that wait for their batch, in stream order. Times are in seconds on the poller's clock."""

    def __init__(self, settings: MappingSettings) -> None:
        self._settings = settings
        self._waiting: deque[tuple[Record, float]] = deque()
        self._bytes = _EMPTY_EVENT

    def add(self, record: Record, now: float) -> None:
        """Lets a record wait."""
        self._waiting.append((record, now))
        self._bytes += record.size + _COMMA

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def is_full(self) -> bool:
        """Whether a batch can go without the window being over."""
        return len(self._waiting) >= self._settings.batch_size or self._bytes - _COMMA >= MOST_BYTES

    def due(self) -> float:
        """When the next batch goes; for a window in which something waits."""
        return self._waiting[0][1] + (0 if self.is_full else self._settings.batching_window)

    def take(self) -> tuple[Record, ...]:
        """The next batch, at least one record."""
        taken = [self._pop()]
        size = _EMPTY_EVENT + taken[0].size
        while self._waiting and len(taken) < self._settings.batch_size:
            size += self._waiting[0][0].size + _COMMA
            if size > MOST_BYTES:
                break
            taken.append(self._pop())
        return tuple(taken)

    def _pop(self) -> Record:
        record, _ = self._waiting.popleft()
        self._bytes -= record.size + _COMMA
        return record
