"""One owner for a source, one run for a state folder."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flatten.errors import AlreadyRunningError, OwnerError
from flatten.run.owner import MARKER, claim, confirm, confirm_archive, only_run
from flatten.settings import Settings
from flatten.tables.names import TableName

RUNNER = """
import sys
from flatten.run.owner import only_run
with only_run(sys.argv[1]):
    print("runs", flush=True)
    sys.stdin.read(1)
"""


def settings(root: Path, **changes: str) -> Settings:
    places = {name: f"{root}/{name}" for name in ("source", "archive", "rejects", "state", "table")} | changes
    return Settings(
        source=places["source"],
        archive=places["archive"],
        rejects=places["rejects"],
        table=TableName.of(places["table"]),
        state=places["state"],
        run_id="run",
        started_at=datetime(2025, 10, 28, tzinfo=UTC),
    )


def files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_claim_marks_the_source_and_the_state(tmp_path: Path) -> None:
    claim(settings(tmp_path))
    marked = {name: json.loads(text) for name, text in files(tmp_path).items()}
    assert marked == {
        f"source/{MARKER}": {"table": f"{tmp_path}/table", "state": f"{tmp_path}/state"},
        f"state/{MARKER}": {"table": f"{tmp_path}/table", "source": f"{tmp_path}/source"},
        f"archive/{MARKER}": {"table": f"{tmp_path}/table", "archive of": f"{tmp_path}/source"},
    }


def test_the_same_run_claims_again(tmp_path: Path) -> None:
    claim(settings(tmp_path))
    before = files(tmp_path)
    claim(settings(tmp_path, rejects="/elsewhere too"))
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("changed", "other", "told"),
    [
        ("table", "other", "source"),
        ("state", "other", "source"),
        ("source", "other", "state"),
    ],
    ids=["another table", "another state folder", "another source"],
)
def test_another_owner_is_refused_and_nothing_is_written(tmp_path: Path, changed: str, other: str, told: str) -> None:
    claim(settings(tmp_path))
    before = files(tmp_path)
    with pytest.raises(OwnerError) as refusal:
        claim(settings(tmp_path, **{changed: f"{tmp_path}/{other}"}))
    assert str(refusal.value).startswith(f"{tmp_path}/{told} belongs to another job")
    assert MARKER in str(refusal.value)
    assert files(tmp_path) == before


@pytest.mark.parametrize("content", [b"null", b"[]", b"\xff", b'{"table": 1}'], ids=repr)
def test_another_marker_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / MARKER).write_bytes(content)
    with pytest.raises(OwnerError, match="remove the marker if that job no longer exists"):
        claim(settings(tmp_path))
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("half", ["", '{\n "table"'], ids=["empty", "half"])
def test_a_truncated_marker_is_written_again(tmp_path: Path, half: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / MARKER).write_text(half)
    claim(settings(tmp_path))
    assert json.loads((tmp_path / "source" / MARKER).read_text())["table"] == f"{tmp_path}/table"


def test_an_archive_is_that_of_one_table(tmp_path: Path) -> None:
    claim(settings(tmp_path))
    ours, others = settings(tmp_path).table, settings(tmp_path, table=f"{tmp_path}/other").table
    confirm_archive(f"{tmp_path}/archive", ours)
    for archive, table in ((f"{tmp_path}/archive", others), (f"{tmp_path}/source", ours), (f"{tmp_path}/none", ours)):
        with pytest.raises(OwnerError, match="is not the archive of"):
            confirm_archive(archive, table)


def test_a_claim_is_confirmed_unless_another_job_has_the_source(tmp_path: Path) -> None:
    claim(settings(tmp_path))
    confirm(settings(tmp_path))
    (tmp_path / "source" / MARKER).write_text("{}")
    with pytest.raises(OwnerError):
        confirm(settings(tmp_path))


def test_a_claim_that_was_killed_between_its_markers_is_completed(tmp_path: Path) -> None:
    claim(settings(tmp_path))
    whole = files(tmp_path)
    (tmp_path / "state" / MARKER).unlink()
    claim(settings(tmp_path))
    assert files(tmp_path) == whole


@contextmanager
def running(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the state folder; it is stopped at the end."""
    command = [sys.executable, "-c", RUNNER, str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        yield process


def test_two_processes_never_run_on_one_state_folder(tmp_path: Path) -> None:
    with running(tmp_path / "state") as process:
        with (
            pytest.raises(AlreadyRunningError, match=f"{tmp_path}/state; wait until it ends"),
            only_run(f"{tmp_path}/state"),
        ):
            pytest.fail("two runs at once")
        with only_run(f"{tmp_path}/another state"):
            pass
        process.communicate("x")
    with only_run(f"{tmp_path}/state"):
        pass


def test_a_killed_run_frees_its_state_folder_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "state") as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        with only_run(f"{tmp_path}/state"):
            pass


def test_a_run_that_fails_frees_its_state_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run(f"{tmp_path}/state"):
        raise ZeroDivisionError
    with only_run(f"{tmp_path}/state"):
        pass


@pytest.mark.parametrize("state", ["/Volumes/main/ops/state", "s3a://bucket/state"])
def test_shared_storage_is_not_locked(state: str) -> None:
    with only_run(state), only_run(state):
        assert not Path(state).exists()
