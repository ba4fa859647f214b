"""What a run is told, as plain data: it travels to the process in which Spark Connect runs a micro-batch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flatten.tables import TableName

RemovePolicy = Literal["soft", "hard", "keep"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `flatten run`. Locations are absolute and have no slash at the end.

    `max_files` is per micro-batch. `started_at` is aware and stands in every row as `pipeline_processed_at`.
    `tolerate_missing_files` lets a run go on when a file went away between listing and reading.
    """

    source: str
    archive: str
    rejects: str
    table: TableName
    state: str
    run_id: str
    started_at: datetime
    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"
    max_files: int = 1000
    tolerate_missing_files: bool = True

    @property
    def checkpoint(self) -> str:
        """Where the engine keeps what it has read."""
        return f"{self.state}/checkpoint"

    @property
    def stage(self) -> str:
        """Where the lines of the micro-batch at work stand, parsed so far as the MERGE must know them."""
        return f"{self.state}/stage"
