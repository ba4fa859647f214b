"""The README's commands run unchanged: a generated fleet, the job, its status, and the query that prints the rows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from flatten.cli import main
from rehearsal.fleet.__main__ import fleet

pytestmark = pytest.mark.spark
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"(?s)```(?:sh|text)\n(.*?)```", README)


def test_the_commands_of_the_readme_print_its_rows(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _, job, query, rows = BLOCKS
    setup, made, run, status = [shlex.split(line) for line in job.splitlines()]
    assert setup == ["make", "setup"]
    fleet.main(made[3:], standalone_mode=False)
    main(run[1:])
    main(status[1:])
    assert (
        "2,359 lines: 2,000 applied, 154 superseded, 187 repeated, 18 ignored, 0 quarantined" in capsys.readouterr().out
    )
    script = re.sub(r"\A.*<<'END'\n|END\n\Z", "", query)
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed == rows
