"""Two runs at once: one works, the other is refused. And a run that the user interrupts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flatten.cli import main
from flatten.errors import OwnerError
from flatten.tables.names import TableName
from support.job_world import World, line
from support.processes import lasting

FILES = [f"{number:02}.ndjson.gz" for number in range(5)]


def options(world: World) -> list[str]:
    settings = world.settings()
    told = {"source": settings.source, "archive": settings.archive, "table": settings.table.text}
    told |= {"state": settings.state, "max-files": "1"}
    return ["run", *(part for name, value in told.items() for part in (f"--{name}", value))]


@pytest.mark.spark
def test_one_of_two_runs_is_refused_and_an_interrupted_one_leaves_nothing(
    spark: Any, blank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    for name in FILES:
        world.land(name, [line(name, 1)])
    working = subprocess.Popen(
        [sys.executable, "-c", "from flatten.cli import main; main()", *options(world)],
        env=os.environ | {"FLATTEN_SESSION": "classic"},
        start_new_session=True,  # Ctrl-C reaches the whole process group, as in a terminal
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert working.stderr
    assert working.stderr.readline() == "micro-batches: 1\n"
    with pytest.raises(SystemExit) as ended:
        main(options(world))
    assert ended.value.code == 1
    state = tmp_path / "state"
    assert capsys.readouterr().err == (f"flatten: Another run uses the state folder {state}; wait until it ends.\n")
    os.killpg(working.pid, signal.SIGINT)
    out, err = working.communicate(timeout=120)
    assert working.returncode == 130, err
    assert out == ""
    assert [text for text in err.splitlines() if text and not text.startswith("micro-batches: ")] == [
        "flatten: interrupted; committed work stays, run again to complete it."
    ]
    assert lasting(working.pid) == []
    world.run()
    assert world.rows().keys() == set(FILES)
    assert world.archived() == FILES
    assert all(row.applied == row.lines == 1 for row in world.files().values())


@pytest.fixture(scope="module")
def owned(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A job that has run once."""
    world = World(spark, tmp_path_factory.mktemp("owned") / "one").furnished(blank)
    world.land("x.ndjson.gz", [line("x", 1)])
    world.run()
    return world


OTHERS: dict[str, Callable[[World], dict[str, Any]]] = {
    "another state": lambda world: {"state": str(world.root / "other")},
    "another table": lambda world: {"table": TableName.of(str(world.root / "other" / "table"))},
    "another source": lambda world: {"source": str(world.root / "other")},
}


@pytest.mark.spark
@pytest.mark.connect
@pytest.mark.parametrize("other", OTHERS)
def test_a_source_and_a_state_have_one_table(other: str, owned: World) -> None:
    (owned.root / "other").mkdir(exist_ok=True)
    with pytest.raises(OwnerError, match=r"belongs to another job: its marker _flatten_owner\.json has"):
        owned.run(**OTHERS[other](owned))
    assert [path.name for path in (owned.root / "other").iterdir() if path.name != ".lock"] == []


@pytest.mark.spark
@pytest.mark.connect
@pytest.mark.parametrize("text", ["not json", "[]", "{}", '{"table": "`x"}'])
def test_another_marker_is_respected(text: str, owned: World) -> None:
    marker = owned.source / "_flatten_owner.json"
    ours = marker.read_text()
    marker.write_text(text)
    with pytest.raises(OwnerError, match="remove the marker if that job no longer exists"):
        owned.run()
    assert marker.read_text() == text
    marker.write_text(ours)
    assert json.loads(ours) == {"table": owned.table.text, "state": str(owned.root / "state")}


@pytest.mark.spark
@pytest.mark.connect
def test_two_states_may_share_a_table_without_sharing_files(spark: Any, owned: World) -> None:
    other = World(spark, owned.root / "two")
    other.land("y.ndjson.gz", [line("y", 1)])
    owned.land("z.ndjson.gz", [line("z", 1)])
    other.run(table=owned.table)
    assert owned.rows().keys() == {"x", "y"}
    assert (other.landed(), owned.landed()) == ([], ["z.ndjson.gz"])
    owned.run()
    assert owned.rows().keys() == {"x", "y", "z"}
