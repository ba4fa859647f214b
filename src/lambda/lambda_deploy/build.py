"""Build the zip that Lambda runs: our package, requests and its dependencies, the same bytes on every machine.

boto3 is in the runtime. The dependencies are those installed with this tool, pinned by requirements/lambda.txt; each of
their files is compared with the size and hash of its installation. The bytes must follow from the sources alone, so
nothing is compiled (each Python compiles differently) or compressed (each zlib compresses differently).
"""

import io
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
WHOLE_BUDGET: Final = 1_800_000
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX_FILE_READABLE_BY_ALL: Final = 0o100644 << 16


@dataclass(frozen=True)
class Built:
    """A built zip. Sizes are in bytes, `our_size` is that of our package; `dependencies` is name -> version."""

    path: Path
    sha256: str
    size: int
    our_size: int
    dependencies: dict[str, str]


def build(out: Path, whole_budget: int = WHOLE_BUDGET) -> Built:
    """Write the zip, of at most `whole_budget` bytes.

    Raises BuildError when something is missing or changed, or makes the zip too large; then no file remains.
    """
    content, our_size = _made()
    _check_budget("our package", our_size, OUR_BUDGET)
    _check_budget("the zip", len(content), whole_budget)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BuildError(f"{str(out)!r} cannot be written: {error.strerror}") from error
    versions = {name: _installed(name).version for name in DEPENDENCIES}
    return Built(out, sha256(content).hexdigest(), len(content), our_size, versions)


def packed() -> bytes:
    """Return the bytes of the zip. Raises BuildError when something is missing or changed."""
    return _made()[0]


def _made() -> tuple[bytes, int]:
    files = dict(sorted(_files()))
    ours = sum(len(content) for path, content in files.items() if path.startswith(f"{OUR_PACKAGE}/"))
    return _zipped(files), ours


def _files() -> Iterator[tuple[str, bytes]]:
    ours = Path(stream_to_s3.__file__).parent
    for source in ours.rglob("*.py"):
        yield f"{OUR_PACKAGE}/{source.relative_to(ours).as_posix()}", source.read_bytes()
    for name in DEPENDENCIES:
        for path, content in shipped(_installed(name)):
            yield path.as_posix(), content


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise BuildError(f"{name} is not installed here: install requirements/lambda.txt") from None


def shipped(package: Distribution) -> Iterator[tuple[PackagePath, bytes]]:
    """Return the files of an installed package for the zip. Raises BuildError when one was changed."""
    for path in package.files or []:
        if _belongs(path):
            # Machines append their own authorities to certifi's file; the installed content is its beginning.
            content = path.read_binary()[: path.size]
            digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            if path.hash is None or path.hash.value != digest:
                raise BuildError(
                    f"{path} of {package.name} was changed after its "
                    "installation: install requirements/lambda.txt again"
                )
            yield path, content


def _belongs(path: PackagePath) -> bool:
    """Return whether a file is needed: code, certificates, licences; no tests, nothing compiled."""
    if path.parts[0] == ".." or "tests" in path.parts:
        return False
    return path.suffix == ".py" or path.name == "cacert.pem" or "licenses" in path.parts or path.name == "METADATA"


def _zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.external_attr = _UNIX_FILE_READABLE_BY_ALL
            entry.create_system = 3
            archive.writestr(entry, content)
    return target.getvalue()


def _check_budget(what: str, size: int, budget: int) -> None:
    if size > budget:
        raise BuildError(f"{what} has {size:,} bytes, more than its budget of {budget:,}: find what made it grow")
