"""The errors of the job and its commands.

    FlattenError                    the work could not be done: exit code 1
    ├── UsageError                  an option is invalid: exit code 2
    │   ├── LocationError           a source, archive, quarantine or state folder cannot be used
    │   ├── TableError              a table name or path that this job must not write
    │   ├── ExportError             a folder that is not a whole DynamoDB export
    │   └── OwnerError              the source belongs to another table or state folder
    ├── AlreadyRunningError         another run uses the state folder
    ├── ConflictError               other writers changed the tables or the files in every attempt
    ├── CommandError                Spark or the system ended the work
    ├── FilesLeftError              files could not be read or moved and stay in landing
    ├── IncompleteFilesError        files are not completely in the table, or lines are quarantined
    ├── StaleError                  no row was written, or a file waits, for too long
    ├── SmokeError                  a workspace lacks something that the job needs
    ├── CatalogueError              the signal catalogue contradicts itself
    ├── JavaError                   no Java 17 or newer for the local Spark
    ├── JarsError                   a jar of Spark does not exist and could not be downloaded
    └── SessionError                the local Spark does not start
        └── WarehouseError          another process has the local catalog open

`json_text.NotJsonError` and `landing_file.BadFileError` stay inside the package: they become rows of the quarantine
table.
"""

import re
import traceback
from typing import cast


class FlattenError(Exception):
    """The work could not be done. The message says what is wrong and what to do."""

    exit_code = 1


class UsageError(FlattenError):
    """Raised when the options of a command are invalid, before anything is written."""

    exit_code = 2


class LocationError(UsageError):
    """Raised when a folder or prefix is missing, unreadable, or inside one that it must not be in."""


class TableError(UsageError):
    """Raised when the table is not a Delta table, or lacks the job's columns."""


class ExportError(UsageError):
    """Raised when a folder is not a DynamoDB export, or one that is not whole or not in DynamoDB JSON."""


class OwnerError(UsageError):
    """Raised when a source or state folder has the marker of another table or state."""


class AlreadyRunningError(FlattenError):
    """Raised when another run uses the same state folder."""


class ConflictError(FlattenError):
    """Raised when the tables or the files changed in every attempt."""


class CommandError(FlattenError):
    """Raised when Spark or the system ends the work of a command."""


class FilesLeftError(FlattenError):
    """Raised when files could not be read or moved, at the end of a run."""


class IncompleteFilesError(FlattenError):
    """Raised when a check finds files that are not completely in the table, or quarantined lines."""


class StaleError(FlattenError):
    """Raised when a check finds that no row was written for too long, or that a file waits in landing."""


class SmokeError(FlattenError):
    """Raised when a line of the smoke test is not ok."""


class CatalogueError(FlattenError):
    """Raised when a signal catalogue names a column twice or lacks a part that the job needs."""


class JavaError(FlattenError):
    """Raised when neither JAVA_HOME, nor PATH, nor the project's cache has a new enough Java."""


class JarsError(FlattenError):
    """Raised when a jar of Spark does not exist and could not be downloaded."""


class SessionError(FlattenError):
    """Raised when the local Spark does not start."""


class WarehouseError(SessionError):
    """Raised when another process has the warehouse open: Derby, its catalog, serves one process at a time."""


# What stands before the @ of an address, ids of keys, the parts of a signature, and tokens.
_secret = re.compile(
    r"""(?<=://)[^\s@]*:[^\s@]*(?=@) | (?<=://)[^\s/@]+(?=@) | \b(?-i:AKIA|ASIA)[A-Z0-9]{4,}
    | (?:Credential|Signature|Security-Token)[=:]\s*\S+ | \b(?-i:Bearer|Basic)\s+\S+ | \bdapi[0-9a-f-]{8,}""",
    re.IGNORECASE | re.VERBOSE,
)


def hidden(text: str) -> str:
    """Return text without what looks like a secret."""
    return _secret.sub("(hidden)", text)


def traceback_of(error: BaseException) -> str:
    """Return where an error came from, its first cause first, without any text: that may hold a secret."""
    lines, each = [""], cast("BaseException | None", error)
    while each:
        lines = [*traceback.format_tb(each.__traceback__), f"{type(each).__qualname__}\n", *lines]
        each = each.__cause__ or each.__context__
    return "Traceback (most recent call last):\n" + "".join(lines).rstrip()
