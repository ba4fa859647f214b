"""Read a stream and call a function with batches of its records, as an event source mapping does.

    stream -> ShardReader -> Lane (BatchingWindow -> Portion -> invocation -> judge) -> an ending for every record

A step reads each due shard once and calls the function at most once for each. Nothing happens between steps, and the
clock is a parameter, so a test plays a day in milliseconds; `Driver` steps in real time. The modules above cite their
rules; docs/delivery.md lists what is assumed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Condition, Event
from typing import Self

from rehearsal.aws.mapping.journal import Attempt, Ended, Endings, Watch
from rehearsal.aws.mapping.lane import BackOff, Lane, exponential
from rehearsal.aws.mapping.on_failure import Destination
from rehearsal.aws.mapping.records import DeliveredRecord, StreamRecord
from rehearsal.aws.mapping.response import Invoke
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.mapping.shard import POLL_SECONDS, ShardReader
from rehearsal.aws.mapping.stream import ReadableStream, Shard


@dataclass(frozen=True)
class Progress:
    """The result of a step. `wait` is the number of seconds until the next step can have something to do."""

    wait: float
    settled: float | None
    """Every record that was in the stream before this time has ended; None while one has not."""


def _ignore(_: Attempt | Ended) -> None:
    return None


class Poller:
    """A mapping between a stream and a function; call it from one thread only.

    `clock` returns seconds since the epoch, `back_off` seconds; `watch` gets every attempt and every ending. A shard
    without new records is read again after `poll_seconds`; the shards are listed as often.
    """

    def __init__(
        self,
        stream: ReadableStream,
        invoke: Invoke,
        settings: MappingSettings,
        *,
        clock: Callable[[], float],
        destination: Destination | None = None,
        watch: Watch = _ignore,
        back_off: BackOff = exponential,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._stream = stream
        self._invoke = invoke
        self._settings = settings
        self._clock = clock
        self._back_off = back_off
        self._poll_seconds = poll_seconds
        self._endings = Endings(stream.arn, destination, watch, clock)
        self._readers: dict[str, ShardReader] = {}
        self._listed_at: float | None = None

    def step(self) -> Progress:
        """Read the shards and call the function where due."""
        self._list_shards()
        readers = self._readable()
        for reader in readers:
            if self._is_due(reader.due()):
                reader.read(partial(self._take, reader.lane))
        for reader in readers:
            if self._is_due(reader.lane.due()):
                reader.lane.work()
        return Progress(self._wait(), self._settled())

    def now(self) -> float:
        """Return the time on the poller's clock."""
        return self._clock()

    def _is_due(self, due: float | None) -> bool:
        return due is not None and due <= self._clock()

    def _list_shards(self) -> None:
        now = self._clock()
        if self._listed_at is not None and now - self._listed_at < self._poll_seconds:
            return
        for shard in self._stream.shards():
            if shard.shard_id not in self._readers:
                self._readers[shard.shard_id] = self._reader(shard)
        self._listed_at = now

    def _reader(self, shard: Shard) -> ShardReader:
        lane = Lane(shard.shard_id, self._settings, self._invoke, self._endings, self._back_off)
        return ShardReader(self._stream, shard, lane, self._settings.batch_size, self._clock, self._poll_seconds)

    def _readable(self) -> list[ShardReader]:
        """Return the readers whose parent is finished, as DynamoDB requires. An unknown parent has expired."""
        parents = [(reader, self._readers.get(reader.shard.parent_id or "")) for reader in self._readers.values()]
        return [reader for reader, parent in parents if parent is None or parent.is_done]

    def _take(self, lane: Lane, found: Sequence[StreamRecord]) -> None:
        records = [DeliveredRecord.of(record, self._stream.arn) for record in found]
        for record in records:
            lane.add(record)

    def _settled(self) -> float | None:
        readers = self._readers.values()
        if not all(reader.lane.is_empty for reader in readers):
            return None
        times = [self._listed_at, *(reader.empty_since for reader in readers if not reader.is_closed)]
        known = [time for time in times if time is not None]
        return min(known) if len(known) == len(times) else None

    def _wait(self) -> float:
        now = self._clock()
        dues = [due for reader in self._readable() for due in (reader.due(), reader.lane.due()) if due is not None]
        return max(0.0, min(dues, default=now + self._poll_seconds) - now)


def drain(poller: Poller, sleep: Callable[[float], None]) -> None:
    """Step until every record that is in the stream now has ended."""
    begun = poller.now()
    while (step := poller.step()).settled is None or step.settled <= begun:
        sleep(step.wait)


class Driver:
    """Steps for as long as a `with` lasts. An error of a step is raised by `wait` and at the end of the `with`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._stop = Event()
        self._changed = Condition()
        self._settled: float | None = None
        self._is_over = False
        self._executor = ThreadPoolExecutor(1, "mapping")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._executor.submit(self._run)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stop.set()
        self._executor.shutdown()
        if self._running is not None and error is None:
            self._running.result()

    def wait(self, seconds: float) -> bool:
        """Wait until every record that is in the stream now has ended; return False after the timeout."""
        begun = self._poller.now()
        with self._changed:
            ended = self._changed.wait_for(lambda: self._is_over or (self._settled or 0) > begun, seconds)
        if self._is_over and self._running is not None:
            self._running.result()
        return ended

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                step = self._poller.step()
                self._note(step.settled, is_over=False)
                self._stop.wait(step.wait)
        finally:
            self._note(None, is_over=True)

    def _note(self, settled: float | None, *, is_over: bool) -> None:
        with self._changed:
            self._settled, self._is_over = settled, is_over
            self._changed.notify_all()
