"""Process files that were read before, or were never in landing, in the same micro-batches as new ones.

`run.batch` looks up, decides and writes each batch; a repeated batch finds its rows and changes nothing. So a killed
command is completed by running it again, and may run in parallel with the job.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from pyspark.sql import SparkSession

from flatten.decide.decision import VERDICTS
from flatten.run.batch import Around, commit_batch
from flatten.run.given import GivenFile, frame, in_micro_batches
from flatten.settings import Settings
from flatten.tables import create
from flatten.tables.runs import Run


def read_again(
    spark: SparkSession,
    settings: Settings,
    around: Around,
    command: str,
    files: Iterable[GivenFile],
    progress: Callable[[Counter[str]], None],
) -> dict[str, int]:
    """Commit the files; return how many files and lines there were, lines by verdict, and rows written (rows_written).

    `progress` gets these counts after each micro-batch. Missing tables are created before the first file. A dry run
    counts what would be written.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("files", "lines", *VERDICTS, "rows_written"), 0))
    batches = in_micro_batches(files, settings.max_files)
    first = next(batches, None)

    def commit_all() -> None:
        for batch in chain([first] if first else [], batches):
            committed = commit_batch(frame(spark, batch), None, settings, around)
            counts.update(_counted(committed.entries), rows_written=committed.rows_written)
            progress(counts)

    if settings.dry_run or not first:
        commit_all()
        return dict(counts)
    create.ensure(spark, settings.table, exists=create.check(spark, settings.table))
    this = Run(settings.table, settings.run_id, command, settings.started_at)
    with this.recorded(spark, around.clock, counts, around.patience):
        commit_all()
    return dict(counts)


def _counted(entries: list[dict[str, Any]]) -> dict[str, int]:
    sums = {name: sum(entry[name] for entry in entries) for name in ("lines", *VERDICTS)}
    return {"files": len(entries), **sums}
