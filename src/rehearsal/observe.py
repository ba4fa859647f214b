"""Makes a Trace of a pipeline: while it runs, how far things are; afterwards, when each event was where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from rehearsal.check import Found, item_of, problems
from rehearsal.mapping.journal import Attempt, Journal
from rehearsal.mapping.response import Returned
from rehearsal.pipeline import ARCHIVE, LANDING, REJECTS, Pipeline
from rehearsal.producer import Made
from rehearsal.tables import read_rows
from rehearsal.trace import JobRun, Look, Passage, Trace

_WAYS = (LANDING, ARCHIVE, REJECTS)


def look(pipeline: Pipeline, at: float) -> Look:
    """How many changes are at each stage now."""
    return Look(at, len(pipeline.producer.made), len(pipeline.journal.ended_at), pipeline.job.lines())


def trace(pipeline: Pipeline, looks: Sequence[Look]) -> Trace:
    """All that a pipeline did, once it has settled."""
    found = Found.of(pipeline)
    runs, attempts = list(pipeline.job.done), _successes(pipeline.journal)
    sizes = _object_sizes(pipeline)
    return Trace(
        settings={name: str(value) for name, value in asdict(pipeline.plan).items()},
        passages=list(_passages(pipeline.producer.made, attempts, pipeline.journal, _committed(pipeline), runs)),
        looks=looks,
        runs=runs,
        kept=found.kept(),
        changes=sum(state.records for state in pipeline.producer.expected.values()),
        objects=len(sizes),
        object_bytes=sum(sizes),
        invocations=len(pipeline.journal.sizes()),
        rows=len(found.rows),
        deleted=sum(row["deleted_at"] is not None for row in found.rows),
        problems=problems(pipeline.producer.expected, pipeline.journal, found),
    )


def _successes(journal: Journal) -> list[Attempt]:
    return [attempt for attempt in journal.attempts if isinstance(attempt.outcome, Returned)]


def _object_sizes(pipeline: Pipeline) -> list[int]:
    return [size for way in _WAYS for size in pipeline.objects(way, ".ndjson.gz").values()]


def _committed(pipeline: Pipeline) -> dict[str, float]:
    """When the job committed each object, by first and last sequence number: what its name begins with."""
    files = read_rows(pipeline.places.side("files"), "path, committed_at")
    return {_span(row["path"]): row["committed_at"].timestamp() for row in files}


def _span(path: str) -> str:
    first, last = path.rpartition("/")[2].split("-")[:2]
    return f"{first}-{last}"


def _passages(
    made: Iterable[Made],
    attempts: Iterable[Attempt],
    journal: Journal,
    committed: Mapping[str, float],
    runs: Sequence[JobRun],
) -> Iterable[Passage]:
    """The way of each event's first put: later changes of it may make no record, so they are not followed."""
    records: dict[str, tuple[float, float | None]] = {}
    for attempt in attempts:
        span = f"{attempt.records[0].sequence_number}-{attempt.records[-1].sequence_number}"
        for record in attempt.records:
            if record.event["eventName"] == "INSERT" and "handled" in journal.fates.get(record.event_id, ()):
                records.setdefault(item_of(record), (journal.ended_at[record.event_id], committed.get(span)))
    seen: set[str] = set()
    for each in made:
        change = each.change
        if change.kind != "put" or change.poison is not None or change.event_id in seen:
            continue
        seen.add(change.event_id)
        stored, in_table = records.get(change.event_id, (None, None))
        run = next((run for run in runs if in_table is not None and run.began <= in_table <= run.ended), None)
        called = max(run.called, stored) if run and stored else None
        yield Passage(change.event_id, each.at, stored, called, run.began if run else None, in_table)
