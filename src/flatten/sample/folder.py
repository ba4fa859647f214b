"""The sample's folder: files get into it whole or not at all, and never among somebody else's."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from flatten.errors import LocationError
from flatten.sample.batches import SampleFile


def files_in(folder: Path) -> set[str]:
    """Return the paths of all files below a folder, relative to it; none for one that does not exist.

    Raises LocationError when it is no folder or cannot be read.
    """
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise LocationError(f"{folder} is not a folder: choose another one for the sample.")
    try:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    except OSError as wrong:
        raise LocationError(f"{folder} cannot be read ({wrong.strerror}): choose another folder.") from wrong


def refuse_strangers(folder: Path, present: Iterable[str], planned: Iterable[SampleFile]) -> None:
    """Raise LocationError when a folder holds anything but files of the planned sample, or halves of them."""
    paths = [PurePosixPath(file.path) for file in planned]
    own = {str(path) for path in paths} | {str(path.with_name(_unfinished(path.name))) for path in paths}
    strangers = sorted(set(present) - own)
    if strangers:
        raise LocationError(
            f"{folder} holds {len(strangers)} files that are not of this sample, such as {strangers[0]!r}:"
            " choose an empty folder."
        )


def write_file(folder: Path, file: SampleFile) -> None:
    """Write a file under another name, rename it, and date it to its arrival.

    Raises LocationError when that cannot be done.
    """
    path = folder / file.path
    unfinished = path.with_name(_unfinished(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(file.content)
        nanoseconds = round(file.arrived * 1e9)
        os.utime(unfinished, ns=(nanoseconds, nanoseconds))
        unfinished.replace(path)
    except OSError as wrong:
        raise LocationError(f"{folder} cannot be written to ({wrong.strerror}): choose another folder.") from wrong


def _unfinished(name: str) -> str:
    return f".{name}.part"
