"""The files of a micro-batch become staged lines: all that the job must know before it merges a row.

Serverless has no cache, and a micro-batch that is used twice is read twice. So the lines are parsed once into a
small parquet folder (no values, raw text of bad lines only), from which files are counted, the newest line per
event is found and quarantine is filled. Whole files are read (`binaryFile`), because then the engine itself
lists the files of the batch: one without a line still has its row here, with line number 0.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from flatten import catalogue
from flatten.columns import ColumnBuilder, ddl
from flatten.envelope import BadLine, Change, read_change, read_line
from flatten.lines import BadFile, Line, split_file
from flatten.locations import open_location
from flatten.settings import RemovePolicy, Settings
from flatten.signals import known_codes
from flatten.storage import literal_path, plain_path

FILE_COLUMNS = {
    "path": "STRING",
    "size": "BIGINT",
    "sha256": "STRING",
    "line_count": "INT",
    "codes": "ARRAY<STRING>",
}
"""Of a file's own row, the one with line number 0. `codes` are the catalogued signals of its good lines."""

LINE_COLUMNS = {
    "path": "STRING",
    "modified_at": "BIGINT",
    "line_number": "INT",
    "reason": "STRING",
    "detail": "STRING",
    "raw": "STRING",
    "raw_base64": "STRING",
    "action": "STRING",
    "expired": "BOOLEAN",
    "event_id": "STRING",
    "event_name": "STRING",
    "stream": "STRING",
    "sequence_number": "STRING",
    "changed_at": "TIMESTAMP",
    "delivered_at": "TIMESTAMP",
    "event_date": "DATE",
    "previous_date": "DATE",
}
"""Of a line. `modified_at` is its file's, in microseconds since 1970 UTC; `reason` is NULL for a good one; `action`
is put, delete, mark, erase or ignore (`action_of`)."""

_COLUMNS = FILE_COLUMNS | LINE_COLUMNS
_STAGE = "stage"


def stage(batch: DataFrame, batch_id: int, settings: Settings) -> DataFrame:
    """Stage the lines of a micro-batch and return them: one row a file and one a line."""
    files = batch.select("path", "modificationTime", "length", "content")
    read = partial(_stage_files, on_delete=settings.on_delete, on_expiry=settings.on_expiry)
    return keep(files.mapInArrow(read, ddl(_COLUMNS)), settings, str(batch_id))


def keep(lines: DataFrame, settings: Settings, name: str) -> DataFrame:
    """Write lines to a folder of the stage and return them: what is asked of them is not worked out anew each time.

    `name` is new in its run, because Spark Connect caches the plan, and so the file list, of a path that it has
    read before.
    """
    folder = f"{settings.state}/{_STAGE}/{settings.run_id}/{name}"
    lines.write.mode("overwrite").parquet(folder)
    return lines.sparkSession.read.schema(lines.schema).parquet(literal_path(folder))


def clear(settings: Settings) -> None:
    """Leave no staged line behind, of this run or of one that was killed: raw lines hold places and people."""
    open_location(settings.state).remove_tree(_STAGE)


def is_left(settings: Settings) -> bool:
    """Return whether staged lines are there: of this run, or of one that was killed."""
    return any(open_location(f"{settings.state}/{_STAGE}").names())


def action_of(change: Change, on_delete: RemovePolicy, on_expiry: RemovePolicy) -> str:
    """Say what a line does to its row.

    put: replaces it; delete: replaces it by the old image and sets deleted_at; mark: sets deleted_at alone,
    for a REMOVE without an image; erase: leaves a tombstone; ignore: nothing.
    """
    if change.event_name != "REMOVE":
        return "put"
    policy = on_expiry if change.expired else on_delete
    if policy == "keep":
        return "ignore"
    if policy == "hard":
        return "erase"
    return "mark" if change.keys_only else "delete"


def _stage_files(
    batches: Iterable[pa.RecordBatch], *, on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> Iterator[pa.RecordBatch]:
    builder = ColumnBuilder(_COLUMNS)
    for path, modified_at, content in _files(batches):
        for row in _file_rows(path, modified_at, content, on_delete, on_expiry):
            builder.add(row, len(row.get("raw") or row.get("raw_base64") or ""))
            if builder.is_full:
                yield builder.take()
    if len(builder):
        yield builder.take()


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, bytes]]:
    for batch in batches:
        modified = batch.column("modificationTime").cast(pa.int64())
        for at in range(batch.num_rows):
            yield batch.column("path")[at].as_py(), modified[at].as_py(), batch.column("content")[at].as_py()


def _file_rows(
    path: str, modified_at: int, content: bytes, on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> Iterator[dict[str, Any]]:
    """Yield the row of each line, then the file's own."""
    own = {
        "path": plain_path(path),
        "line_number": 0,
        "size": len(content),
        "modified_at": modified_at,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        lines = split_file(path, content)
    except BadFile as bad:
        yield own | {"line_count": bad.lines, "reason": bad.reason, "detail": bad.detail, "codes": []}
        return
    codes: set[str] = set()
    for line in lines:
        place = {"path": own["path"], "modified_at": modified_at, "line_number": line.number}
        yield place | _line_row(line, codes, on_delete, on_expiry)
    yield own | {"line_count": len(lines), "codes": sorted(codes)}


def _line_row(line: Line, codes: set[str], on_delete: RemovePolicy, on_expiry: RemovePolicy) -> dict[str, Any]:
    try:
        event = read_line(line.content)
        change = read_change(event)
    except BadLine as bad:
        return {"reason": bad.reason, "detail": bad.detail, **_raw(line.content, bad.reason)}
    codes.update(known_codes(event.get("signals"), catalogue.packaged()))
    return {
        "action": action_of(change, on_delete, on_expiry),
        "expired": change.expired,
        "event_id": change.event_id,
        "event_name": change.event_name,
        "stream": change.stream,
        "sequence_number": change.sequence_number,
        "changed_at": change.changed_at,
        "delivered_at": change.delivered_at,
        "event_date": change.event_date,
        "previous_date": change.previous_date,
    }


def _raw(content: bytes, reason: str) -> dict[str, str]:
    """Keep a bad line's text; as base64 when it is not UTF-8, because other readers fail on bad text."""
    if reason == "line_too_long":
        return {}
    try:
        return {"raw": content.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(content).decode()}
