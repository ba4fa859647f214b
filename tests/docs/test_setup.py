"""Set-up from nothing: the scripts in tools/, the Makefile, and what no file may contain."""

import os
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGISTRIES = "|".join(["pypi", "pythonhosted", "maven", "sonatype", "npmjs", "jfrog", "anaconda", "crates"])
HOST = re.compile(rf"(?i)\b(?:{REGISTRIES})\.(?:org|com|io|dev)\b|\brepository\.apache\b")
MACHINE = re.compile(r"(?<![\w.}])/(?:work|root|Users)/")


def ours(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the checkout, except those that .gitignore names."""
    ignored = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split())]
    for path in sorted(folder.iterdir()):
        if not any(fnmatch(path.name, name) for name in ignored):
            yield from ours(path) if path.is_dir() else [path]


@pytest.mark.parametrize("unwanted", [HOST, MACHINE], ids=["registry host", "machine path"])
def test_no_file_names_a_registry_host_or_a_machine(unwanted: re.Pattern[str]) -> None:
    files = [path for path in ours() if path != Path(__file__)]
    found = [path.relative_to(ROOT) for path in files if unwanted.search(path.read_text(errors="replace"))]
    assert found == []
    assert ROOT / "requirements" / "dev.txt" in files


def make(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_bare_make_prints_every_target() -> None:
    phony = re.findall(r"(?m)^\.PHONY: (.+)$", (ROOT / "Makefile").read_text())
    assert re.findall(r"(?m)^make ([a-z-]+) +\S", make()) == phony[0].split()[1:]


def test_ci_runs_what_make_test_runs() -> None:
    assert re.search(r"(?m)^exec make test$", (ROOT / ".ci" / "run").read_text())
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.fixture
def pythons(tmp_path: Path) -> Path:
    """Return a folder that is all of PATH; `add_python` puts commands into it."""
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(
            next(path for path in map(Path, ("/bin", "/usr/bin")) if (path / tool).exists()) / tool
        )
    return tmp_path


def add_python(folder: Path, name: str, version: str) -> None:
    """Make a Python that prints a version, or none if it is empty (a pyenv shim without its Python)."""
    answer = f"case $2 in *version*) echo {version} ;; *) echo {name} runs ;; esac" if version else "exit 127"
    (folder / name).write_text(f"#!/bin/sh\n{answer}\n")
    (folder / name).chmod(0o755)


def find_python(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "tools" / "python.sh")]
    return subprocess.run(command, env={"PATH": str(folder), **variables}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3": "3.11"}, "python3"),
        ({"python3": "3.12", "python3.13": "3.13"}, "python3.13"),
        ({"python3": "3.9", "python3.11": "3.11"}, "python3.11"),
        ({"python3": "3.14", "python3.12": "3.12"}, "python3.12"),
        ({"python3.13": "", "python3": "3.11"}, "python3"),
        ({"python": "3.12"}, "python"),
    ],
    ids=["only one", "the newest", "python3 too old", "python3 too new", "a dead shim", "plain python"],
)
def test_the_newest_supported_python_is_used(there: dict[str, str], taken: str, pythons: Path) -> None:
    for name, version in there.items():
        add_python(pythons, name, version)
    assert find_python(pythons).stdout == f"{taken} runs\n"


def test_the_python_named_by_the_user_is_used(pythons: Path) -> None:
    add_python(pythons, "python3.13", "3.13")
    add_python(pythons, "my-python", "3.11")
    assert find_python(pythons, PYTHON="my-python").stdout == "my-python runs\n"


@pytest.mark.parametrize(
    ("there", "but"),
    [
        ({}, "but none was found; install"),
        ({"python3": "3.10"}, "but python3 is 3.10; install"),
        ({"python3": "3.14", "python": "2.7"}, "but python3 is 3.14; python is 2.7; install"),
    ],
    ids=["none", "too old", "too new and too old"],
)
def test_without_a_supported_python_there_is_one_sentence(there: dict[str, str], but: str, pythons: Path) -> None:
    for name, version in there.items():
        add_python(pythons, name, version)
    done = find_python(pythons)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Python 3.11, 3.12 or 3.13 is needed, ")
    assert but in done.stderr
    assert done.stderr.count("\n") == 1
