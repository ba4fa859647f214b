"""A shard is read: an iterator is followed, and found again after it expired or its place was trimmed.

A pause in reading can be long: while a batch is tried again and a whole one waits behind it, nothing is read. After
15 minutes the iterator has expired, and reading goes on after the last number that was read. After 24 hours that number
is gone too: reading goes on at the oldest record that is there, and what lay between has expired unread.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rehearsal.aws.mapping.lane import Lane
from rehearsal.aws.mapping.records import StreamRecord
from rehearsal.aws.mapping.stream import MOST_RECORDS, Page, ReadableStream, Shard
from rehearsal.errors import IteratorExpiredError, TrimmedDataError

POLL_SECONDS: Final = 0.25
"""Four times a second: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""


class ShardReader:
    """How far a shard is read, and the lane that its records go to."""

    def __init__(
        self,
        stream: ReadableStream,
        shard: Shard,
        lane: Lane,
        batch_size: int,
        clock: Callable[[], float],
        poll_seconds: float,
    ) -> None:
        self.shard = shard
        self.lane = lane
        self._stream = stream
        self._limit = min(MOST_RECORDS, batch_size)
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._iterator: str | None = self._oldest()
        self._last_number: str | None = None
        self._not_before = 0.0
        self.empty_since: float | None = None
        """When the read began that gave nothing; None when the last one gave something."""

    @property
    def is_closed(self) -> bool:
        """Say whether the shard is read to its end."""
        return self._iterator is None

    @property
    def is_done(self) -> bool:
        """Say whether every record of the shard has ended, so that its children may be read."""
        return self.is_closed and self.lane.is_empty

    def due(self) -> float | None:
        """Return when it is to be read again; None while it is closed or a whole batch waits in its lane."""
        return None if self.is_closed or self.lane.is_full else self._not_before

    def read(self, take: Callable[[Sequence[StreamRecord]], None]) -> None:
        """Hand the next records on; after an error in `take` they come again."""
        began = self._clock()
        page = self._page()
        take(page.records)
        self._iterator = page.next_iterator
        self.empty_since = None if page.records else began
        if page.records:
            self._last_number = page.records[-1]["dynamodb"]["SequenceNumber"]
        else:
            self._not_before = self._clock() + self._poll_seconds

    def _page(self) -> Page:
        try:
            return self._stream.read(str(self._iterator), self._limit)
        except IteratorExpiredError:
            return self._stream.read(self._found_again(), self._limit)
        except TrimmedDataError:
            return self._stream.read(self._oldest(), self._limit)

    def _found_again(self) -> str:
        if self._last_number is None:
            return self._oldest()
        try:
            return self._stream.iterator(self.shard.shard_id, "AFTER_SEQUENCE_NUMBER", self._last_number)
        except TrimmedDataError:
            return self._oldest()

    def _oldest(self) -> str:
        return self._stream.iterator(self.shard.shard_id, "TRIM_HORIZON")
