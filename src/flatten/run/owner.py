"""One owner for a source, a state folder and an archive; one run at a time for a state folder.

Two jobs on one prefix would archive each other's files, a state folder knows what one source has given to one table,
and days of an archive are deleted as a whole. So all three carry a marker, written by the first run and compared by
every later one.
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
    """Mark source, state folder and archive as this table's. Raises OwnerError; nothing is written then."""
    confirm(settings)
    for root, owner in _owners(settings):
        with suppress(FileExistsError):
            open_location(root).take(MARKER, BytesIO(json.dumps(owner, indent=1).encode()))
    confirm(settings)


def confirm(settings: Settings) -> None:
    """Raise OwnerError when the source, the state folder or the archive is marked as another's."""
    for root, owner in _owners(settings):
        _compare(root, owner)


def _owners(settings: Settings) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield settings.source, {"table": settings.table.text, "state": settings.state}
    yield settings.state, {"table": settings.table.text, "source": settings.source}
    yield settings.archive, {"table": settings.table.text, "archive of": settings.source}


def confirm_archive(archive: str, table: TableName) -> None:
    """Raise OwnerError when a folder is not the archive of this table: what is deleted there must be ours."""
    text = open_location(archive).read_text(MARKER) or ""
    if f'"table": {json.dumps(table.text)}' not in text or '"archive of"' not in text:
        raise OwnerError(f"{archive} is not the archive of {table.text}: its marker {MARKER} does not say so.")


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
            f"{root} belongs to another job: its marker {MARKER} says {found}, this run says {dict(owner)}. "
            "Give the folders of that job, or remove the marker when that job is gone."
        )


@contextmanager
def only_run(state: str) -> Iterator[None]:
    """Hold the state folder's lock while the run lasts; the system frees it when the process dies.

    Raises AlreadyRunningError, and LocationError when the folder cannot be created.

    On shared storage, where locks of one machine mean nothing, `max_concurrent_runs: 1` of the job does this.
    """
    if "://" in state or state.startswith("/Volumes/"):
        yield
        return
    try:
        Path(state).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise LocationError(f"The state folder {state} cannot be created, it is a file: give another.") from None
    with (Path(state) / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"Another run is at work on the state folder {state}; wait until it ends."
            ) from None
        yield
