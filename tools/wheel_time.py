"""Give each wheel of a folder a modification time that follows from its content alone.

The bundle deploys a wheel under the version `<version>+<modification time>`. So unchanged sources have the same
version, and a second `databricks bundle plan` is empty. What a build tool writes about itself is not content.
"""

import hashlib
import os
import sys
from pathlib import Path
from zipfile import ZipFile

_ABOUT_THE_BUILD = (".dist-info/WHEEL", ".dist-info/RECORD")
_FIRST_SECOND = 1_000_000_000  # 2001
_SECONDS = 2**30  # until 2035


def wheel_time(wheel: Path) -> int:
    """Return a wheel's time, in seconds since 1970; other content has another time, except in one case of 2**30."""
    digest = hashlib.sha256()
    with ZipFile(wheel) as held:
        for name in sorted(held.namelist()):
            if not name.endswith(_ABOUT_THE_BUILD):
                content = hashlib.sha256(held.read(name)).hexdigest()
                digest.update(f"{name}\0{content}\n".encode())
    return _FIRST_SECOND + int.from_bytes(digest.digest()[:8]) % _SECONDS


if __name__ == "__main__":
    for each in Path(sys.argv[1]).glob("*.whl"):
        os.utime(each, (wheel_time(each),) * 2)
