"""What the job and its commands raise.

    FlattenError                    the work could not be done: exit code 1
    ├── UsageError                  the options cannot be right: exit code 2
    │   ├── LocationError           a source, archive, quarantine or state folder that cannot serve
    │   ├── TableError              a table name or path that is not ours to write
    │   └── OwnerError              the source belongs to another table or state folder
    ├── AlreadyRunningError         another run holds the state folder
    ├── ConflictError               other writers changed the tables or the files again and again
    ├── CommandError                Spark or the system ended the work
    ├── FilesLeftError              files could not be read or moved and stay in landing
    ├── IncompleteFilesError        files are not wholly in the table, or lines are quarantined
    ├── StaleError                  no row was written, or a file waits, for too long
    ├── SmokeError                  a workspace lacks something that the job needs
    ├── CatalogueError              the signal catalogue contradicts itself
    ├── JavaError                   no Java 17 or newer for the local Spark
    ├── JarsError                   a jar that Spark needs is neither there nor could be downloaded
    └── SessionError                the local Spark does not start
        └── WarehouseError          another process has the local catalog open

`json_text.NotJsonError` and `lines.BadFileError` stay inside the package: they become rows of the quarantine table.
"""


class FlattenError(Exception):
    """The work could not be done. The message says what is wrong and what to do about it."""

    exit_code = 1


class UsageError(FlattenError):
    """Raised when the options of a command cannot be right, before anything is written."""

    exit_code = 2


class LocationError(UsageError):
    """Raised when a folder or prefix is missing, unreadable, or inside one that it must not be in."""


class TableError(UsageError):
    """Raised when the table is not a Delta table, or is one without our columns."""


class OwnerError(UsageError):
    """Raised when a source or state folder carries the marker of another table or state."""


class AlreadyRunningError(FlattenError):
    """Raised when another run on the same state folder is at work."""


class ConflictError(FlattenError):
    """Raised when the tables or the files changed more often than we try again."""


class CommandError(FlattenError):
    """Raised when Spark or the system ends the work of a command."""


class FilesLeftError(FlattenError):
    """Raised when all else of a run is done and files could not be read or moved."""


class IncompleteFilesError(FlattenError):
    """Raised when a check was asked for and files are not wholly in the table, or lines are quarantined."""


class StaleError(FlattenError):
    """Raised when a check was asked for and no row was written for too long, or a file waits in landing."""


class SmokeError(FlattenError):
    """Raised when a line of the smoke test is not ok."""


class CatalogueError(FlattenError):
    """Raised when a signal catalogue names a column twice or lacks a part that the job needs."""


class JavaError(FlattenError):
    """Raised when neither JAVA_HOME, nor PATH, nor the project's cache has a Java that is new enough."""


class JarsError(FlattenError):
    """Raised when a jar that Spark needs is neither there nor could be downloaded."""


class SessionError(FlattenError):
    """Raised when the local Spark does not start."""


class WarehouseError(SessionError):
    """Raised when another process has the warehouse open: Derby, its catalog, serves one at a time."""
