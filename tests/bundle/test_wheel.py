"""The wheel alone, in a clean environment. test_deployed.py runs its tasks with Spark."""

import json
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from flatten import __version__
from support.bundle import ROOT, read_documents
from support.bundle_wheel import AS_A_TASK, build_wheel, clean_environment, run_there


def artifact() -> dict[str, Any]:
    found: dict[str, Any] = read_documents()["databricks.yml"]["artifacts"]["flatten"]
    return found


SECOND_COMMAND = artifact()["build"].partition("--no-project ")[2].split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_environment(tmp_path_factory.mktemp("clean"), wheel)


def test_the_wheel_has_the_name_in_the_bundle(wheel: Path) -> None:
    assert wheel.name == f"flatten-{__version__}-py3-none-any.whl"


def test_the_wheel_has_only_flatten_and_requires_only_click(wheel: Path) -> None:
    with ZipFile(wheel) as held:
        names = held.namelist()
        metadata = message_from_bytes(held.read(f"flatten-{__version__}.dist-info/METADATA"))
        conversion = held.read("flatten/events/dynamodb_json.py")
    assert {name.partition("/")[0] for name in names} == {"flatten", f"flatten-{__version__}.dist-info"}
    assert {"flatten/events/signal_catalogue.json", "flatten/views/vehicle_latest.sql"} <= set(names)
    assert not [name for name in names if name.startswith("flatten/local/")]
    assert conversion == (ROOT / "src/lambda/stream_to_s3/dynamodb_json.py").read_bytes()  # one module in two places
    needed = metadata.get_all("Requires-Dist") or []
    assert [each for each in needed if "extra ==" not in each] == ["click>=8.1"]


def test_every_module_of_the_wheel_is_imported_without_a_java_and_a_connect_server(
    wheel: Path, python: Path, tmp_path: Path
) -> None:
    with ZipFile(wheel) as held:
        files = [name for name in held.namelist() if name.endswith(".py")]
    modules = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files]
    script = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    done = run_there(python, script, *modules, home=tmp_path, PATH="", JAVA_HOME="", FLATTEN_JARS="")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(modules) > 30


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        (["run", "--source=/nowhere", "--archive=a", "--table=a.b.c", "--state=s"], 2, "The source /nowhere is not"),
        (["run", "--source=."], 2, "Missing option '--archive'"),
        (["start"], 2, "No such command 'start'"),
        (["status", "--table=a.`b`.c"], 2, "'a.`b`.c' is not a table or schema name"),
    ],
    ids=["no source", "option missing", "no command", "bad name"],
)
def test_a_failed_task_raises_one_sentence(
    python: Path, tmp_path: Path, parameters: list[str], code: int, said: str
) -> None:
    done = run_there(python, AS_A_TASK, json.dumps([parameters]), home=tmp_path)
    assert json.loads(done.stdout)["results"] == [code]
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def _change(wheel: Path, name: str, content: bytes) -> None:
    """Write a wheel again, as another time and machine would, with another content under one name."""
    with ZipFile(wheel) as held:
        contents = {each: held.read(each) for each in held.namelist()}
    with ZipFile(wheel, "w") as target:
        for each in reversed(contents):
            target.writestr(each, content if each == name else contents[each])


def test_the_deployed_time_of_a_wheel_follows_from_its_content(wheel: Path, tmp_path: Path) -> None:
    """Databricks' tool makes the version from the modification time, so the second plan is empty."""
    copied = tmp_path / wheel.name
    about = f"flatten-{__version__}.dist-info/WHEEL"
    with ZipFile(wheel) as held:
        code = held.read("flatten/__init__.py")
    times = []
    for name, content in [("", b""), (about, b"Generator: other"), ("flatten/__init__.py", b"x"), ("", b"")]:
        copied.write_bytes(wheel.read_bytes())
        _change(copied, name, content)
        subprocess.run([sys.executable, *SECOND_COMMAND[:1], str(tmp_path)], cwd=ROOT, check=True)
        times.append(copied.stat().st_mtime_ns)
    assert (times[0] == times[1] == times[3], times[0] == times[2]) == (True, False)
    assert code != b"x"


def test_the_bundle_builds_the_wheel_and_sets_its_time() -> None:
    assert artifact()["dynamic_version"]
    assert artifact()["build"].startswith("uv build --wheel && uv run --no-project ")
    assert SECOND_COMMAND == ["tools/wheel_time.py", "dist"]
    assert (ROOT / SECOND_COMMAND[0]).is_file()
