"""Ensure one owner for a source, a state folder and an archive, and one run at a time for a state folder.

Two jobs on one prefix would archive each other's files, a state folder remembers what one source gave to one table, and
days of an archive are deleted as a whole. So all three have a marker file, which the first run writes and every later
one compares.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

from flatten.errors import AlreadyRunningError, LocationError, OwnerError
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.tables.names import TableName

MARKER = "_flatten_owner.json"


def claim(settings: Settings) -> None:
    """Mark source, state folder and archive as this table's. Raises OwnerError without writing anything."""
    confirm(settings)
    for root, owner in _owners(settings):
        with suppress(FileExistsError):
            open_location(root).take(MARKER, BytesIO(json.dumps(owner, indent=1).encode()))
    confirm(settings)


def confirm(settings: Settings) -> None:
    """Raise OwnerError when the source, the state folder or the archive has another owner's marker."""
    for root, owner in _owners(settings):
        _compare(root, owner)


def _owners(settings: Settings) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield settings.source, {"table": settings.table.text, "state": settings.state}
    yield settings.state, {"table": settings.table.text, "source": settings.source}
    yield settings.archive, {"table": settings.table.text, "archive of": settings.source}


def confirm_archive(archive: str, table: TableName) -> None:
    """Raise OwnerError when a folder is not the archive of this table, so that its files must not be deleted."""
    text = open_location(archive).read_text(MARKER) or ""
    if f'"table": {json.dumps(table.text)}' not in text or '"archive of"' not in text:
        raise OwnerError(f"{archive} is not the archive of {table.text}: its marker {MARKER} does not name this table.")


def _compare(root: str, owner: Mapping[str, str]) -> None:
    text = open_location(root).read_text(MARKER)
    if text is None or json.dumps(owner, indent=1).startswith(text):  # cut short by a crash
        return
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    if found != owner:
        raise OwnerError(
            f"{root} belongs to another job: its marker {MARKER} has {found}, this run has {dict(owner)}. Give the "
            "folders of that job, or remove the marker if that job no longer exists."
        )


@contextmanager
def only_run(state: str) -> Iterator[None]:
    """Hold the state folder's lock during the run; the system releases it when the process ends.

    Raises AlreadyRunningError, and LocationError when the folder cannot be created.

    On shared storage, where a machine's locks have no effect, the job's `max_concurrent_runs: 1` does this.
    """
    if "://" in state or state.startswith("/Volumes/"):
        yield
        return
    try:
        Path(state).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise LocationError(
            f"The state folder {state} cannot be created, because it is a file: give another folder."
        ) from None
    with (Path(state) / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(f"Another run uses the state folder {state}; wait until it ends.") from None
        yield
