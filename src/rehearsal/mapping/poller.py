"""The event source mapping: reads a stream and calls a function with batches of its records.

    stream -> ShardReader -> filters -> Lane (Window -> Batch -> invocation -> judge) -> an ending for every record

A step reads each shard that is due once and calls the function at most once for each lane. Nothing happens between
steps, and time is a clock that is given, so a scenario of a day runs in milliseconds, and `driver` runs the same thing
live. Rules and their pages stand in the modules named above; docs/mapping.md lists what is assumed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rehearsal.mapping.endings import Attempt, Ended, Endings, Watch
from rehearsal.mapping.lane import BackOff, Lane, exponential
from rehearsal.mapping.metrics import Metrics
from rehearsal.mapping.on_failure import Destination
from rehearsal.mapping.records import Record, StreamRecord
from rehearsal.mapping.response import Invoke
from rehearsal.mapping.settings import MappingSettings, StartingPosition
from rehearsal.mapping.shard import POLL_SECONDS, ShardReader
from rehearsal.mapping.stream import Shard, Stream


@dataclass(frozen=True)
class Step:
    """What a step did. `wait` is how many seconds may pass until the next one has something to do."""

    read: int
    calls: int
    wait: float
    settled: float | None
    """Every record that was in the stream before this time has ended; None while something is under way."""


def _nobody(_: Attempt | Ended) -> None:
    return None


class Poller:
    """A mapping between a stream and a function; to be driven from one thread.

    `clock` is in seconds since the epoch, `back_off` gives seconds, `watch` is told of every attempt and every ending.
    A shard without news is read again after `poll_seconds`, and shards are listed as often.
    """

    def __init__(
        self,
        stream: Stream,
        invoke: Invoke,
        settings: MappingSettings,
        *,
        clock: Callable[[], float],
        destination: Destination | None = None,
        watch: Watch = _nobody,
        back_off: BackOff = exponential,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.metrics = Metrics()
        self._stream = stream
        self._invoke = invoke
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._back_off = back_off
        self._poll_seconds = poll_seconds
        self._endings = Endings(stream.arn, destination, self.metrics, watch, clock)
        self._matches = settings.filters.predicate()
        self._readers: dict[str, ShardReader] = {}
        self._listed_at: float | None = None

    def step(self) -> Step:
        """Reads and calls what is due."""
        self._list_shards()
        readable = [reader for reader in self._readers.values() if self._may_be_read(reader.shard)]
        counts = [self._read(reader) for reader in readable]
        calls = sum(self._work(lane) for reader in readable for lane in reader.lanes)
        return Step(sum(counts), calls, self._wait(), self._settled())

    def now(self) -> float:
        """The time on the poller's clock."""
        return self._clock()

    def _list_shards(self) -> None:
        now = self._clock()
        if self._listed_at is not None and now - self._listed_at < self._poll_seconds:
            return
        position: StartingPosition = self._settings.starting_position if self._listed_at is None else "TRIM_HORIZON"
        shards = self._stream.shards()
        for shard in shards:
            if shard.shard_id not in self._readers:
                self._readers[shard.shard_id] = self._reader(shard, position)
        self._listed_at = now

    def _reader(self, shard: Shard, position: StartingPosition) -> ShardReader:
        lanes = [
            Lane(
                shard.shard_id,
                self._settings,
                self._invoke,
                self._endings,
                self.metrics,
                self._watch,
                self._clock,
                self._back_off,
            )
            for _ in range(self._settings.parallelization_factor)
        ]
        return ShardReader(
            self._stream, shard, position, lanes, self._settings.batch_size, self._clock, self._poll_seconds
        )

    def _may_be_read(self, shard: Shard) -> bool:
        """A parent is done with before its children: DynamoDB's rule, Streams.html. One that is unknown is gone."""
        parent = self._readers.get(shard.parent_id or "")
        return parent is None or parent.is_done

    def _read(self, reader: ShardReader) -> int:
        due = reader.due()
        if due is None or due > self._clock():
            return 0
        return reader.read(lambda records: self._take(reader, records))

    def _take(self, reader: ShardReader, found: Sequence[StreamRecord]) -> None:
        records = [Record.of(record, self._stream.arn) for record in found]
        wanted = [record for record in records if self._matches(record.event)]
        unwanted = [record for record in records if not self._matches(record.event)]
        self.metrics.add("PolledEventCount", len(records))
        self.metrics.add("FilteredOutEventCount", len(unwanted))
        self._endings.end(unwanted, "filtered")
        for record in wanted:
            reader.lanes[record.lane(len(reader.lanes))].add(record)

    def _work(self, lane: Lane) -> bool:
        due = lane.due()
        return due is not None and due <= self._clock() and lane.work()

    def _settled(self) -> float | None:
        readers = self._readers.values()
        if not all(lane.is_empty for reader in readers for lane in reader.lanes):
            return None
        times = [self._listed_at, *(reader.empty_since for reader in readers if not reader.is_closed)]
        known = [time for time in times if time is not None]
        return min(known) if len(known) == len(times) else None

    def _wait(self) -> float:
        now = self._clock()
        readable = [reader for reader in self._readers.values() if self._may_be_read(reader.shard)]
        dues = [reader.due() for reader in readable]
        dues += [lane.due() for reader in readable for lane in reader.lanes]
        return max(0.0, min([due for due in dues if due is not None], default=now + self._poll_seconds) - now)
