"""The choice of a Java, with fake `java` commands that print what real ones print."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flatten.errors import JavaError
from flatten.local.java import find_java

SAYS = """\
#!/bin/sh
cat >&2 <<'END'
Property settings:
    java.home = {home}
    java.specification.version = {version}
    java.vm.specification.version = 99
END
"""

MakeJava = Callable[[str, str], Path]


@pytest.fixture
def java(tmp_path: Path) -> MakeJava:
    """Return a function that makes a Java home of a name and version, and returns its folder."""

    def make(name: str, version: str) -> Path:
        home = tmp_path / name
        (home / "bin").mkdir(parents=True)
        command = home / "bin" / "java"
        command.write_text(SAYS.format(home=home, version=version))
        command.chmod(0o755)
        return home

    return make


@pytest.mark.parametrize("version", ["17", "21", "25"])
def test_java_home_comes_first(java: MakeJava, version: str) -> None:
    named, other = java("named home", version), java("other", "21")
    assert find_java({"JAVA_HOME": str(named), "PATH": f"{other}/bin"}) == named


def test_path_is_used_when_java_home_is_too_old(java: MakeJava) -> None:
    old, new = java("old", "11"), java("new", "21")
    assert find_java({"JAVA_HOME": str(old), "PATH": f"{new}/bin:/usr/bin:/bin"}) == new


def test_a_java_on_path_may_be_a_script_of_another_folder(java: MakeJava, tmp_path: Path) -> None:
    home = java("real", "17")
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "java").symlink_to(home / "bin" / "java")
    assert find_java({"PATH": f"{shims}:/usr/bin:/bin"}) == home


def test_the_downloaded_java_comes_last(java: MakeJava, tmp_path: Path) -> None:
    brought = java("brought", "25")
    assert find_java({"PATH": str(tmp_path)}, brought) == brought
    system = java("system", "17")
    assert find_java({"PATH": f"{system}/bin:/usr/bin:/bin"}, brought) == system


def test_a_missing_downloaded_java_is_ignored(tmp_path: Path) -> None:
    with pytest.raises(JavaError, match="JAVA_HOME is not set and there is no java on PATH"):
        find_java({"PATH": str(tmp_path)}, tmp_path / "brought")


@pytest.mark.parametrize("version", ["1.8", "11", "16"])
def test_a_java_that_is_too_old_is_named_with_its_version(java: MakeJava, version: str, tmp_path: Path) -> None:
    old = java("old", version)
    with pytest.raises(JavaError, match=f"old/bin/java\\) is Java {version}\\. Install a JDK"):
        find_java({"JAVA_HOME": str(old), "PATH": str(tmp_path)})


@pytest.mark.parametrize(
    "script",
    ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho no version here >&2\n", "#!/nowhere/sh\n", ""],
    ids=["fails", "says something else", "has no interpreter", "is empty"],
)
def test_a_java_that_does_not_start_is_reported(script: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "java"
    command.write_text(script)
    command.chmod(0o755)
    with pytest.raises(JavaError, match=r"JAVA_HOME \(.*bin/java\) does not start"):
        find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
