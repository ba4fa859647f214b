"""Read a shard, with a new iterator after one has expired or its records were trimmed.

Reading can pause for long: while a batch is retried and another whole batch waits, nothing is read. An iterator expires
after 15 minutes; reading then continues after the last number read. After 24 hours that number is trimmed, too: reading
continues at the oldest record, and the records between them have expired unread.
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
    """How far a shard is read, and the lane that gets its records."""

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
        """When the last read began, if it returned no record; else None."""

    @property
    def is_closed(self) -> bool:
        """Return whether the shard is read to its end."""
        return self._iterator is None

    @property
    def is_done(self) -> bool:
        """Return whether every record of the shard has ended, so that its children may be read."""
        return self.is_closed and self.lane.is_empty

    def due(self) -> float | None:
        """Return when to read again; None while it is closed or a whole batch waits in its lane."""
        return None if self.is_closed or self.lane.is_full else self._not_before

    def read(self, take: Callable[[Sequence[StreamRecord]], None]) -> None:
        """Pass the next records to `take`; after an error in `take` they are read again."""
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
            return self._stream.read(self._renewed(), self._limit)
        except TrimmedDataError:
            return self._stream.read(self._oldest(), self._limit)

    def _renewed(self) -> str:
        if self._last_number is None:
            return self._oldest()
        try:
            return self._stream.iterator(self.shard.shard_id, "AFTER_SEQUENCE_NUMBER", self._last_number)
        except TrimmedDataError:
            return self._oldest()

    def _oldest(self) -> str:
        return self._stream.iterator(self.shard.shard_id, "TRIM_HORIZON")
