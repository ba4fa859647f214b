"""What the job and its commands raise.

    FlattenError                 the work could not be done: exit code 1
    ├── UsageError               the options cannot be right: exit code 2
    │   ├── BadLocation          a source, archive, quarantine or state folder that cannot serve
    │   ├── BadTable             a table name or path that is not ours to write
    │   └── OwnedElsewhere       the source belongs to another table or state folder
    ├── AlreadyRunning           another run holds the state folder
    ├── ConflictsPersist         other writers changed the tables or the files again and again
    ├── CommandFailed            Spark or the system ended the work
    ├── FilesLeft                files could not be read or moved and stay in landing
    ├── FilesIncomplete          files are not wholly in the table
    ├── BadCatalogue             the signal catalogue contradicts itself
    ├── NoJava                   no Java 17 or newer for the local Spark
    ├── NoJars                   a jar that Spark needs is neither there nor could be downloaded
    └── NoSession                the local Spark does not start
        └── WarehouseBusy        another process has the local catalog open

`json_text.NotJson` and `lines.BadFile` stay inside the package: they become rows of the quarantine table.
"""


class FlattenError(Exception):
    """The work could not be done. The message says what is wrong and what to do about it."""

    exit_code = 1


class UsageError(FlattenError):
    """Raised when the options of a command cannot be right, before anything is written."""

    exit_code = 2


class BadLocation(UsageError):
    """Raised when a folder or prefix is missing, unreadable, or inside one that it must not be in."""


class BadTable(UsageError):
    """Raised when the table is not a Delta table, or is one without our columns."""


class OwnedElsewhere(UsageError):
    """Raised when a source or state folder carries the marker of another table or state."""


class AlreadyRunning(FlattenError):
    """Raised when another run on the same state folder is at work."""


class ConflictsPersist(FlattenError):
    """Raised when the tables or the files changed more often than we try again."""


class CommandFailed(FlattenError):
    """Raised when Spark or the system ends the work of a command."""


class FilesLeft(FlattenError):
    """Raised at the end of a run, when all else is done and files could not be read or moved."""


class FilesIncomplete(FlattenError):
    """Raised when a check was asked for and files are not wholly in the table."""


class BadCatalogue(FlattenError):
    """Raised when a signal catalogue names a column twice or lacks a part that the job needs."""


class NoJava(FlattenError):
    """Raised when neither JAVA_HOME, nor PATH, nor the project's cache has a Java that is new enough."""


class NoJars(FlattenError):
    """Raised when a jar that Spark needs is neither there nor could be downloaded."""


class NoSession(FlattenError):
    """Raised when the local Spark does not start."""


class WarehouseBusy(NoSession):
    """Raised when another process has the warehouse open: Derby, its catalog, serves one at a time."""
