"""Collect what a rehearsal did, as plain data: its progress over time, and when each event reached each stage.

Times are in seconds since the epoch. The summary and the page are made from this.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from rehearsal.aws.mapping.response import Returned
from rehearsal.check import Evidence, Unprocessed, item_of, problems
from rehearsal.databricks.job import JobRun
from rehearsal.databricks.tables import read_rows
from rehearsal.pipeline import ARCHIVE, LANDING, REJECTS, Pipeline


@dataclass(frozen=True)
class EventTimes:
    """When an event was first put, in an S3 object, and in the table. None: it never arrived there."""

    event_id: str
    put: float
    stored: float | None
    in_table: float | None


@dataclass(frozen=True)
class Snapshot:
    """How many changes had reached each stage at a moment; `in_table` counts lines that the job has finished."""

    at: float
    put: int
    stored: int
    in_table: int


@dataclass(frozen=True)
class Trace:
    """A whole rehearsal. `objects` has their sizes in bytes; `problems` has one sentence for each problem."""

    settings: Mapping[str, str]
    event_times: Sequence[EventTimes]
    snapshots: Sequence[Snapshot]
    runs: Sequence[JobRun]
    unprocessed: Sequence[Unprocessed]
    changes: int
    objects: Sequence[int]
    invocations: int
    rows: int
    deleted: int
    problems: Sequence[str]

    @property
    def start(self) -> float:
        """Return when the first snapshot was taken."""
        return self.snapshots[0].at if self.snapshots else 0.0

    @property
    def seconds(self) -> float:
        """Return how long it took, from the first snapshot to the last."""
        return self.snapshots[-1].at - self.start if self.snapshots else 0.0


def snapshot(pipeline: Pipeline, at: float) -> Snapshot:
    """Return how many changes are at each stage now."""
    return Snapshot(at, len(pipeline.producer.made), len(pipeline.journal.ended_at), pipeline.job.lines())


def trace(pipeline: Pipeline, snapshots: Sequence[Snapshot]) -> Trace:
    """Return what the pipeline did, once every change has arrived."""
    found = Evidence.of(pipeline)
    places = (LANDING, ARCHIVE, REJECTS)
    return Trace(
        settings={name: str(value) for name, value in asdict(pipeline.setup).items()},
        event_times=list(_event_times(pipeline)),
        snapshots=snapshots,
        runs=list(pipeline.job.done),
        unprocessed=found.unprocessed(),
        changes=sum(state.records for state in pipeline.producer.expected.values()),
        objects=[size for place in places for size in pipeline.objects(place, ".ndjson.gz").values()],
        invocations=len(pipeline.journal.sizes()),
        rows=len(found.rows),
        deleted=sum(row["deleted_at"] is not None for row in found.rows),
        problems=problems(pipeline.producer.expected, pipeline.journal, found),
    )


def _event_times(pipeline: Pipeline) -> Iterator[EventTimes]:
    """Yield the times of each event's first put. A later put may make no record, so it is not followed."""
    inserted, seen = _inserted(pipeline), set[str]()
    for made in pipeline.producer.made:
        event_id = made.action.event_id
        if made.action.kind == "put" and made.action.poison is None and event_id not in seen:
            seen.add(event_id)
            yield EventTimes(event_id, made.at, *inserted.get(event_id, (None, None)))


def _inserted(pipeline: Pipeline) -> dict[str, tuple[float, float | None]]:
    """Return event id -> when its first record was handled, and when the job committed the object that has it."""
    journal, committed = pipeline.journal, _committed(pipeline)
    found: dict[str, tuple[float, float | None]] = {}
    for attempt in journal.attempts:
        span = f"{attempt.records[0].sequence_number}-{attempt.records[-1].sequence_number}"
        for record in attempt.records if isinstance(attempt.outcome, Returned) else ():
            if record.event["eventName"] == "INSERT" and "handled" in journal.fates.get(record.event_id, ()):
                found.setdefault(item_of(record), (journal.ended_at[record.event_id], committed.get(span)))
    return found


def _committed(pipeline: Pipeline) -> dict[str, float]:
    """Return when the job committed each object, by first and last sequence number: the start of its name."""
    files = read_rows(pipeline.side("files"), "path, committed_at")
    names = ((row["path"].rpartition("/")[2].split("-"), row["committed_at"]) for row in files)
    return {"-".join(parts[:2]): at.timestamp() for parts, at in names}
