"""What a command has said."""

from typing import Protocol


class Said(Protocol):
    """Standard output and standard error since they were last read."""

    @property
    def out(self) -> str:
        """Standard output."""

    @property
    def err(self) -> str:
        """Standard error."""
