"""The smoke test as a command: every line of it, and nothing left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flatten.cli import cli
from flatten.smoke import LINES, SmokeLine, Trial, smoke
from support.cloud_files import CloudFiles
from support.job_world import World, around

pytestmark = pytest.mark.spark


def test_every_line_is_ok_and_nothing_is_left(spark: Any, tmp_path: Path) -> None:
    folder, table = tmp_path / "try", tmp_path / "tables" / "smoke"
    words = ["smoke", "--folder", str(folder), "--state", str(folder), "--table", str(table), "--json"]
    done = CliRunner().invoke(cli, words)
    lines = {line["name"]: line for line in json.loads(done.stdout)}
    assert (done.exit_code, list(lines)) == (0, list(LINES)), done.output
    assert [line for line in lines.values() if not line["ok"]] == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_missing_feature_is_reported_and_the_other_lines_are_tested(spark: Any, tmp_path: Path) -> None:
    """With the simulated Auto Loader; open-source Spark has no cloud_files_state."""
    spark.dataSource.register(CloudFiles)
    shown: list[SmokeLine] = []
    lines = smoke(Trial(spark, World(spark, tmp_path).settings(), around(), auto_loader=True), shown.append)
    assert shown == lines
    assert [line.name for line in lines if not line.ok] == ["Auto Loader's state"]
    assert "cloud_files_state" in next(line.detail for line in lines if not line.ok)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
