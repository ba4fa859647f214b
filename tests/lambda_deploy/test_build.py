"""`stream-lambda build` makes the same bytes, contains only what is needed, and keeps to its budget."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path

import certifi
import pytest

from lambda_deploy.build import DEPENDENCIES, OUR_BUDGET, WHOLE_BUDGET, build, shipped
from lambda_deploy.cli import run
from lambda_deploy.errors import BuildError

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
MAKE = "from hashlib import sha256; from lambda_deploy.build import packed; print(sha256(packed()).hexdigest())"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("zip") / "stream_to_s3.zip").path


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as content:
        return content.namelist()


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again.zip")
    assert again.path.read_bytes() == archive.read_bytes()


def test_the_zip_has_only_our_package_and_its_dependencies(archive: Path) -> None:
    tops = {re.split(r"[/-]", name)[0] for name in names(archive)}
    assert tops == {"stream_to_s3", *[name.replace("-", "_") for name in DEPENDENCIES]}
    assert not [name for name in names(archive) if name.endswith((".so", ".pyi", ".dll")) or "/tests/" in name]


def test_the_dependencies_are_those_that_are_pinned(archive: Path) -> None:
    pinned = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements/lambda.txt").read_text(), re.MULTILINE)
    assert tuple(sorted(name for name, _ in pinned)) == DEPENDENCIES
    shipped = {name.partition(".dist-info")[0] for name in names(archive) if ".dist-info" in name}
    assert shipped == {f"{name.replace('-', '_')}-{version}" for name, version in pinned}


def test_licences_and_certificates_are_in(archive: Path) -> None:
    found = names(archive)
    assert "certifi/cacert.pem" in found
    assert len({name.partition(".dist-info")[0] for name in found if "/licenses/" in name}) == len(DEPENDENCIES)


def pythons() -> Iterator[str]:
    """Return this Python, and other supported ones on PATH or of pyenv."""
    kept = Path.home() / ".pyenv/versions"
    candidates = [*[shutil.which(f"python{version}") for version in VERSIONS], *kept.glob("3.1[123].*/bin/python")]
    for candidate in candidates:
        tried = candidate and subprocess.run([candidate, "-V"], capture_output=True, check=False)
        if tried and tried.returncode == 0:
            yield str(candidate)


def test_each_installed_python_makes_the_same_bytes(archive: Path) -> None:
    packages = Path(certifi.__file__).parents[1]
    environment = {"PYTHONPATH": f"{ROOT / 'src/lambda'}{os.pathsep}{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    digests = [
        subprocess.run([python, "-c", MAKE], env=environment, capture_output=True, text=True, check=True).stdout.strip()
        for python in [sys.executable, *pythons()]
    ]
    assert set(digests) == {sha256(archive.read_bytes()).hexdigest()}


def test_nothing_is_compiled_or_compressed(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        assert {entry.compress_type for entry in content.infolist()} == {zipfile.ZIP_STORED}
    assert not [name for name in names(archive) if name.endswith(".pyc")]


def test_entries_have_no_time_and_are_readable(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        entries = content.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_the_zip_has_no_path_of_this_machine(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            assert str(ROOT).encode() not in content.read(name), name


def test_the_zip_is_within_its_budget(tmp_path: Path) -> None:
    built = build(tmp_path / "a.zip")
    assert built.our_size < OUR_BUDGET <= 100_000
    assert built.size < WHOLE_BUDGET <= 1_800_000
    assert built.size == built.path.stat().st_size


def test_a_zip_beyond_its_budget_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"the zip has [0-9,]+ bytes, more than its budget of 1,000"):
        build(tmp_path / "a.zip", whole_budget=1_000)
    assert list(tmp_path.iterdir()) == []


INSTALLED = "print('as installed')\n"


def package_with(tmp_path: Path, content: str) -> Distribution:
    """Return a package installed with one file that was changed later, and one file without a hash."""
    folder = tmp_path / "idna-3.0.dist-info"
    folder.mkdir()
    digest = urlsafe_b64encode(sha256(INSTALLED.encode()).digest()).decode().rstrip("=")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: idna\nVersion: 3.0\n")
    (folder / "RECORD").write_text(f"idna.py,sha256={digest},{len(INSTALLED)}\nother.py,,\n")
    (tmp_path / "idna.py").write_text(content)
    (tmp_path / "other.py").write_text("")
    return Distribution.at(folder)


@pytest.mark.parametrize("content", ["print('another thing')", "", INSTALLED[1:]], ids=["other", "empty", "cut"])
def test_a_dependency_that_was_changed_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BuildError, match=r"^idna\.py of idna was changed after its installation"):
        list(shipped(package_with(tmp_path, content)))


def test_content_appended_after_the_installation_is_left_out(tmp_path: Path) -> None:
    path, content = next(shipped(package_with(tmp_path, INSTALLED + "-----BEGIN CERTIFICATE-----")))
    assert (str(path), content.decode()) == ("idna.py", INSTALLED)


def test_a_file_without_a_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"^other\.py of idna"):
        list(shipped(package_with(tmp_path, INSTALLED)))


def test_the_command_prints_sizes_and_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--out", str(tmp_path / "a.zip")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"a\.zip: [0-9,]+ bytes, [0-9,]+ of them ours\nsha256 [0-9a-f]{64}\nwith certifi ", printed)
    assert "\x1b" not in printed


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--out", str(tmp_path / "a.zip"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["size"] == (tmp_path / "a.zip").stat().st_size


@pytest.mark.parametrize(
    "arguments", [["build", "--bogus"], ["bild"], ["build", "--python", "3.13"], ["build", "--out", "/"]]
)
def test_wrong_usage_is_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 64
    assert "Usage: stream-lambda" in capsys.readouterr().err


def test_an_unwritable_path_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--out", str(tmp_path / "no\nsuch/a.zip")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert "cannot be written: No such file or directory" in error
    assert "Traceback" not in error


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--help"]) == 0
    assert "Example: stream-lambda build --out stream_to_s3.zip" in capsys.readouterr().out
