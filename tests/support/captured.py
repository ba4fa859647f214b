"""The output of a command."""

from typing import Protocol


class Said(Protocol):
    """Standard output and standard error since they were last read."""

    @property
    def out(self) -> str:
        """Return standard output."""

    @property
    def err(self) -> str:
        """Return standard error."""
