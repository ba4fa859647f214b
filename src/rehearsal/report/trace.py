"""What a rehearsal did, as plain data: how far its changes were while it ran, and when each event was where.

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
class Passage:
    """An event: when it was put first, in an S3 object, and in the table. None: it never came there."""

    event_id: str
    put: float
    stored: float | None
    in_table: float | None


@dataclass(frozen=True)
class Look:
    """How many changes had come to each stage at a moment; `in_table` counts lines that the job is done with."""

    at: float
    put: int
    stored: int
    in_table: int


@dataclass(frozen=True)
class Trace:
    """A whole rehearsal. `objects` has their sizes in bytes; `problems` are sentences, none when all came right."""

    settings: Mapping[str, str]
    passages: Sequence[Passage]
    looks: Sequence[Look]
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
        """When the first look was taken."""
        return self.looks[0].at if self.looks else 0.0

    @property
    def seconds(self) -> float:
        """How long it took, from the first look to the last."""
        return self.looks[-1].at - self.start if self.looks else 0.0


def look(pipeline: Pipeline, at: float) -> Look:
    """Return how many changes are at each stage now."""
    return Look(at, len(pipeline.producer.made), len(pipeline.journal.ended_at), pipeline.job.lines())


def trace(pipeline: Pipeline, looks: Sequence[Look]) -> Trace:
    """Return all that a pipeline did, once it has settled."""
    found = Evidence.of(pipeline)
    places = (LANDING, ARCHIVE, REJECTS)
    return Trace(
        settings={name: str(value) for name, value in asdict(pipeline.setup).items()},
        passages=list(_passages(pipeline)),
        looks=looks,
        runs=list(pipeline.job.done),
        unprocessed=found.unprocessed(),
        changes=sum(state.records for state in pipeline.producer.expected.values()),
        objects=[size for place in places for size in pipeline.objects(place, ".ndjson.gz").values()],
        invocations=len(pipeline.journal.sizes()),
        rows=len(found.rows),
        deleted=sum(row["deleted_at"] is not None for row in found.rows),
        problems=problems(pipeline.producer.expected, pipeline.journal, found),
    )


def _passages(pipeline: Pipeline) -> Iterator[Passage]:
    """Yield the way of each event's first put: a later one may make no record, so it is not followed."""
    inserted, seen = _inserted(pipeline), set[str]()
    for made in pipeline.producer.made:
        event_id = made.action.event_id
        if made.action.kind == "put" and made.action.poison is None and event_id not in seen:
            seen.add(event_id)
            yield Passage(event_id, made.at, *inserted.get(event_id, (None, None)))


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
    """Return when the job committed each object, by first and last sequence number: what its name begins with."""
    files = read_rows(pipeline.side("files"), "path, committed_at")
    names = ((row["path"].rpartition("/")[2].split("-"), row["committed_at"]) for row in files)
    return {"-".join(parts[:2]): at.timestamp() for parts, at in names}
