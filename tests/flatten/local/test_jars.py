"""The jars of local Spark, downloaded by Spark's Ivy from a repository that is a folder."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from flatten.errors import JarsError
from flatten.local.jars import DELTA, Jar, fetch
from flatten.local.java import find_java
from flatten.local.spark import cache_folder

pytestmark = pytest.mark.process

SETTINGS = """\
<ivysettings>
  <settings defaultResolver="folder"/>
  <resolvers><ibiblio name="folder" m2compatible="true" usepoms="false" root="{root}"/></resolvers>
</ivysettings>
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "a repository"


@pytest.fixture
def settings(tmp_path: Path, repository: Path) -> Path:
    file = tmp_path / "ivysettings.xml"
    file.write_text(SETTINGS.format(root=repository.as_uri()))
    return file


def publish(repository: Path, name: str) -> Jar:
    """Put a small jar into the repository."""
    folder = repository / "org" / "example" / name / "1.0"
    folder.mkdir(parents=True)
    path = folder / f"{name}-1.0.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("what", name)
    return Jar("org.example", name, "1.0", hashlib.sha256(path.read_bytes()).hexdigest())


def java_home() -> Path:
    return find_java(os.environ, cache_folder() / "java")


@pytest.mark.spark
def test_only_missing_and_damaged_jars_are_downloaded(
    repository: Path, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders are those that `make setup` names: relative to the current one, where spark-submit does not run."""
    monkeypatch.chdir(tmp_path)
    whole, damaged, missing = (publish(repository, name) for name in ("whole", "damaged", "missing"))
    folder = Path("some jars")
    folder.mkdir()
    (repository / "org/example/whole/1.0/whole-1.0.jar").rename(folder / whole.file_name)
    (folder / damaged.file_name).write_bytes(b"half a j")
    assert fetch([whole, damaged, missing], folder, java_home(), Path(settings.name)) == [damaged, missing]
    assert {path.name for path in folder.iterdir()} == {jar.file_name for jar in (whole, damaged, missing)}
    assert all(jar.is_in(folder) for jar in (whole, damaged, missing))


def test_with_all_jars_there_is_no_download(tmp_path: Path) -> None:
    (tmp_path / "a-1.jar").write_bytes(b"content")
    jar = Jar("org.example", "a", "1", hashlib.sha256(b"content").hexdigest())
    assert fetch([jar], tmp_path, Path("/no/java")) == []


@pytest.mark.spark
def test_a_jar_with_another_digest_is_not_saved(repository: Path, settings: Path, tmp_path: Path) -> None:
    publish(repository, "jar")
    with pytest.raises(JarsError, match=r"jar-1\.0\.jar has the SHA-256 [0-9a-f]{64}, expected 0000; it was not saved"):
        fetch([Jar("org.example", "jar", "1.0", "0000")], tmp_path / "jars", java_home(), settings)
    assert not list((tmp_path / "jars").iterdir())


@pytest.mark.spark
def test_a_jar_that_cannot_be_downloaded_is_one_sentence(repository: Path, settings: Path, tmp_path: Path) -> None:
    there, gone = publish(repository, "there"), Jar("org.example", "gone", "1.0", "0000")
    with pytest.raises(JarsError, match=r"not downloaded \(unresolved .*gone;1\.0: not found\)\. Check") as error:
        fetch([there, gone], tmp_path / "jars", java_home(), settings)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "jars").iterdir())


def test_a_folder_that_cannot_be_created_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JarsError, match=r"cannot be written to .*file/jars: Not a directory\. Set"):
        fetch(DELTA, tmp_path / "file" / "jars", Path("/no/java"))
