"""Files that may not be read, folders that may not be listed and links: for a user whom rights bind, in locale C."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable

from rehearsal.databricks.compute import Compute, Finished
from support.job_world import event
from support.odd_files import NAMES, NOT_UTF_8, TIMES
from support.odd_landing import BOUND_BY_RIGHTS, Folder, run_arguments

pytestmark = pytest.mark.process
OF_A_LOCALE = {kind: name for kind, name in NAMES.items() if not name.isascii()}


@dataclass(frozen=True)
class Scene:
    """Three runs, and the events of which the table had rows after each."""

    root: Path
    runs: list[Finished]
    rows: list[set[str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Run over one file that may not be read; then with a folder like that and links; then with all rights."""
    root = tmp_path_factory.mktemp("rights")
    storage, landing = Folder(root), root / "landing"
    found = Scene(root, [], [])

    def run(compute: Compute) -> None:
        found.runs.append(compute.run(run_arguments(root, str(root))))
        rows = DeltaTable(root / "tables" / "telemetry").to_pyarrow_table(columns=["event_id"])
        found.rows.append(set(rows["event_id"].to_pylist()))

    with Compute({"LC_ALL": "C"}, root / "log", BOUND_BY_RIGHTS) as compute:
        for kind, name in OF_A_LOCALE.items():
            storage.put(f"landing/{name}", event(kind))
        storage.put("landing/locked", event("locked"))
        (landing / "locked").chmod(0)
        run(compute)
        for kind, raw in NOT_UTF_8.items():
            storage.put(f"landing/{os.fsdecode(raw)}", event(kind))
        for kind, seconds in TIMES.items():
            storage.put(f"landing/{kind}", event(kind))
            os.utime(landing / kind, (seconds, seconds))
        storage.put("landing/closed/x", event("closed"))
        (landing / "closed").chmod(0)
        storage.put("outside/x", event("outside"))
        for link, target in {"round": landing, "and round": landing, "to": root / "outside"}.items():
            (landing / link).symlink_to(target)
        run(compute)
        (landing / "locked").chmod(0o600)
        (landing / "closed").chmod(0o700)
        run(compute)
    return found


def test_names_on_the_command_line_are_utf_8_in_any_locale(tmp_path: Path) -> None:
    missing = tmp_path / "nö"
    run = subprocess.run(
        [sys.executable, "-c", "from flatten.cli import main; main()", *run_arguments(tmp_path, str(missing))],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.decode().startswith(f"flatten: The source {missing}/landing is not a folder")


def test_a_file_that_may_not_be_read_is_reported_and_stops_no_other(scene: Scene) -> None:
    assert scene.runs[0].code == 1
    assert (
        "landing/locked could not be read (Permission denied): give this user the permission." in scene.runs[0].stderr
    )
    assert scene.rows[0] == OF_A_LOCALE.keys()


def test_a_folder_that_may_not_be_listed_is_reported_and_stops_no_file_of_others(scene: Scene) -> None:
    assert scene.runs[1].code == 1
    assert (
        "landing/closed could not be listed (Permission denied): give this user the permission." in scene.runs[1].stderr
    )
    assert scene.rows[1] == {*OF_A_LOCALE, *NOT_UTF_8, *TIMES}


def test_what_may_be_read_again_is_read(scene: Scene) -> None:
    assert scene.runs[2].code == 0
    assert scene.rows[2] == scene.rows[1] | {"locked", "closed"}


def test_links_in_circles_are_not_followed(scene: Scene) -> None:
    landing = scene.root / "landing"
    left = sorted(path.name for path in landing.iterdir() if path.name != "_flatten_owner.json")
    assert left == ["and round", "closed", "round", "to"]
    assert Folder(scene.root).files("outside") == {"x": event("outside")}


def test_every_file_is_archived_under_its_name_and_nothing_else_is_made(scene: Scene) -> None:
    archived = Folder(scene.root).files("archive")
    named = {**OF_A_LOCALE, **{kind: os.fsdecode(name) for kind, name in NOT_UTF_8.items()}, "closed": "closed/x"}
    wanted = {named.get(kind, kind): event(kind) for kind in scene.rows[2]}
    assert {name: data for name, data in archived.items() if name != "_flatten_owner.json"} == wanted
    made = {"landing", "archive", "state", "tables", "tables_ops", "outside", "log"}
    assert {path.name for path in scene.root.iterdir()} == made
