"""A shard is read: an iterator is followed, and found again after it expired or its place was trimmed.

A pause in reading can be long: while a batch is tried again and a whole one waits behind it, nothing is read. After
15 minutes the iterator has expired, and reading goes on after the last number that was read. After 24 hours that number
is gone too: reading goes on at the oldest record that is there, and what lay between has expired unread.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rehearsal.errors import IteratorExpiredError, TrimmedDataError
from rehearsal.mapping.lane import Lane
from rehearsal.mapping.records import StreamRecord
from rehearsal.mapping.settings import StartingPosition
from rehearsal.mapping.stream import MOST_RECORDS, Page, Shard, Stream

POLL_SECONDS: Final = 0.25
"""Four times a second: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""


class ShardReader:
    """Where reading of a shard stands, and the lanes that its records go to. `lanes` has at least one."""

    def __init__(
        self,
        stream: Stream,
        shard: Shard,
        position: StartingPosition,
        lanes: Sequence[Lane],
        batch_size: int,
        clock: Callable[[], float],
        poll_seconds: float,
    ) -> None:
        self.shard = shard
        self.lanes = lanes
        self._stream = stream
        self._limit = min(MOST_RECORDS, batch_size)
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._iterator: str | None = stream.iterator(shard.shard_id, position)
        self._last_number: str | None = None
        self._not_before = 0.0
        self._empty_since: float | None = None

    @property
    def empty_since(self) -> float | None:
        """When the read began that gave nothing; None when the last one gave something."""
        return self._empty_since

    @property
    def is_closed(self) -> bool:
        """Whether the shard is read to its end."""
        return self._iterator is None

    @property
    def is_done(self) -> bool:
        """Whether every record of the shard has ended, so that its children may be read."""
        return self.is_closed and all(lane.is_empty for lane in self.lanes)

    def due(self) -> float | None:
        """When it is to be read again; None while it is closed or a whole batch waits in one of its lanes.

        That a full lane holds up the others is assumed.
        """
        if self.is_closed or any(lane.is_full for lane in self.lanes):
            return None
        return self._not_before

    def read(self, take: Callable[[Sequence[StreamRecord]], None]) -> int:
        """Hands the next records on, and how many they are; after an error in `take` they come again."""
        began = self._clock()
        page = self._page()
        take(page.records)
        self._iterator = page.next_iterator
        self._empty_since = None if page.records else began
        if page.records:
            self._last_number = page.records[-1]["dynamodb"]["SequenceNumber"]
        else:
            self._not_before = self._clock() + self._poll_seconds
        return len(page.records)

    def _page(self) -> Page:
        try:
            return self._stream.read(str(self._iterator), self._limit)
        except IteratorExpiredError:
            return self._stream.read(self._found_again(), self._limit)
        except TrimmedDataError:
            return self._stream.read(self._oldest(), self._limit)

    def _found_again(self) -> str:
        # Without a number, at LATEST too, the oldest record: delivered for nothing is better than lost.
        if self._last_number is None:
            return self._oldest()
        try:
            return self._stream.iterator(self.shard.shard_id, "AFTER_SEQUENCE_NUMBER", self._last_number)
        except TrimmedDataError:
            return self._oldest()

    def _oldest(self) -> str:
        return self._stream.iterator(self.shard.shard_id, "TRIM_HORIZON")
