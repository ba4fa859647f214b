"""`make demo` as a process: what it refuses, and that an interrupted one leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.demo import demo


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--events", "0"], "0 is not in the range"),
        (["--rate", "fast"], "'fast' is not a valid float"),
        (["--window", "301"], "301 is not in the range"),
        (["--wrong"], "No such option"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused_in_one_sentence(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(demo, arguments)
    assert (result.exit_code, said in result.output, "Traceback" in result.output) == (2, True, False)


def test_a_folder_of_something_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = CliRunner().invoke(demo, ["--out", str(tmp_path)])
    assert (result.exit_code, "is not empty and not from an earlier rehearsal" in result.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.process
@pytest.mark.spark
@pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")
def test_an_interrupted_demo_leaves_no_process_and_no_temporary_files(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    running = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "--events", "500", "--out", str(tmp_path / "demo")],
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    while "in S3" not in (said := running.stderr.readline()):
        assert said, "the demo ended before its first snapshot"
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Stopped. No process is left running. Run `make demo` again."
    assert "Traceback" not in err
    assert list(scratch.iterdir()) == []
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in commands
