"""The zip that Lambda runs: our package, requests and what it needs, the same bytes every time.

boto3 is the runtime's own. The dependencies are those installed beside this script, which requirements/lambda.txt
pins; each of their files is held against the size and hash of its installation. Compiled code goes in when this
Python is the one that will run it: Lambda's file system is read-only, so what is missing is compiled again by every
cold start.
"""

import subprocess
import sys
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path
from typing import Final

import stream_to_s3
from lambda_deploy.errors import BuildError

OUR_PACKAGE: Final = "stream_to_s3"
DEPENDENCIES: Final = ("certifi", "charset-normalizer", "idna", "requests", "urllib3")
OUR_BUDGET: Final = 100_000
WHOLE_BUDGET: Final = 1_300_000
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX_FILE_READABLE_BY_ALL: Final = 0o100644 << 16


@dataclass(frozen=True)
class Built:
    """A zip that was made. Sizes are compressed, in bytes; `dependencies` is name -> version."""

    path: Path
    sha256: str
    size: int
    our_size: int
    compiled: bool
    dependencies: dict[str, str]


def build(out: Path, python: str, whole_budget: int = WHOLE_BUDGET) -> Built:
    """Makes the zip for a version of Python, such as "3.13", of at most `whole_budget` bytes.

    Raises BuildError when something is missing, has been changed, or makes the zip too large.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder, "task")
        _stage(stage)
        compiled = python == f"{sys.version_info.major}.{sys.version_info.minor}"
        if compiled:
            _compile(stage)
        draft = Path(folder, "draft.zip")
        our_size = _zip(stage, draft)
        content = draft.read_bytes()
    _check_budget("our package", our_size, OUR_BUDGET)
    _check_budget("the zip", len(content), whole_budget)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BuildError(f"{str(out)!r} cannot be written: {error.strerror}") from error
    versions = {name: _installed(name).version for name in DEPENDENCIES}
    return Built(out, sha256(content).hexdigest(), len(content), our_size, compiled, versions)


def packed(python: str) -> bytes:
    """The bytes of the zip alone. Raises as `build` does."""
    with tempfile.TemporaryDirectory() as folder:
        return build(Path(folder, "stream_to_s3.zip"), python).path.read_bytes()


def _stage(stage: Path) -> None:
    ours = Path(stream_to_s3.__file__).parent
    for source in ours.rglob("*.py"):
        _copy(source.read_bytes(), stage / OUR_PACKAGE / source.relative_to(ours))
    for name in DEPENDENCIES:
        for path, content in shipped(_installed(name)):
            _copy(content, stage / path)


def _copy(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise BuildError(f"{name} is not installed here: install requirements/lambda.txt") from None


def shipped(package: Distribution) -> Iterator[tuple[PackagePath, bytes]]:
    """The files of an installed package that go into the zip. Raises BuildError when one is not as installed."""
    for path in package.files or []:
        if _belongs(path):
            # Machines append authorities of their own to certifi's file; what was installed is its beginning.
            content = path.read_binary()[: path.size]
            digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            if path.hash is None or path.hash.value != digest:
                raise BuildError(
                    f"{path} of {package.name} is not as it was installed: install requirements/lambda.txt anew"
                )
            yield path, content


def _belongs(path: PackagePath) -> bool:
    """Code without its tests, the certificates, the licences. Compiled parts would fit one processor only."""
    if path.parts[0] == ".." or "tests" in path.parts:
        return False
    return path.suffix == ".py" or path.name == "cacert.pem" or "licenses" in path.parts or path.name == "METADATA"


def _compile(stage: Path) -> None:
    # In a process of its own: what else has been imported shows in the bytes of a .pyc.
    command = [sys.executable, "-I", "-m", "compileall", "-q", "-s", str(stage), "-p", "/var/task", str(stage)]
    done = subprocess.run(  # noqa: S603 # our own Python and our own folder
        [*command, "--invalidation-mode", "unchecked-hash"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"the code does not compile: {(done.stdout + done.stderr).strip()}")


def _zip(stage: Path, target: Path) -> int:
    """Writes the zip and returns how many bytes of it are ours."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(found for found in stage.rglob("*") if found.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _UNIX_FILE_READABLE_BY_ALL
            entry.create_system = 3
            archive.writestr(entry, path.read_bytes())
        return sum(e.compress_size for e in archive.infolist() if e.filename.startswith(f"{OUR_PACKAGE}/"))


def _check_budget(what: str, size: int, budget: int) -> None:
    if size > budget:
        raise BuildError(f"{what} takes {size:,} bytes, more than its budget of {budget:,}: what made it grow?")
