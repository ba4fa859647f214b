"""Read the job's tables with delta-rs, another engine than the one that wrote them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import TableNotFoundError

Row = dict[str, Any]


def read_rows(path: Path, columns: str = "*") -> list[Row]:
    """Return these columns of all rows of a Delta table; no rows when the table does not exist yet."""
    try:
        table = DeltaTable(str(path))
    except TableNotFoundError:
        return []
    answer = QueryBuilder().register("rows", table).execute(f"SELECT {columns} FROM rows")  # noqa: S608 # our columns
    rows: list[Row] = pa.table(answer.read_all()).to_pylist()
    return rows
