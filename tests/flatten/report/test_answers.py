"""The report over a table that the job wrote."""

from pathlib import Path
from typing import Any

import pytest

from flatten.cli import main
from rehearsal.fleet import write_fleet
from support.html_reader import Reader
from support.job_world import World

pytestmark = pytest.mark.spark


def test_the_report_of_a_small_fleet(
    spark: Any, blank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    truth = write_fleet(world.source, events=60, vehicles=2, seed=1).truth
    world.run()
    main(["report", "--table", world.table.text, "--out", str(tmp_path / "report.html")])
    sessions = sum(len(did["charges"]) for did in truth.values())
    assert capsys.readouterr().out == f"{tmp_path}/report.html: 2 cars, {sessions} charging sessions.\n"
    read = Reader((tmp_path / "report.html").read_text("utf-8"))
    assert "2 cars: " in read.text
    for did in truth.values():
        assert f"{did['make']} {did['model']}" in read.text
        assert f"{did['latest']['tractionbattery-stateofcharge']['body']['value']} %" in read.text


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [
        ("nowhere/report.html", 2, "cannot be written: give a file in a folder that exists"),
        (".", 2, "cannot be written: give a file in a folder that exists"),
        ("report.html", 2, "has no event with a time"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_sentence(
    spark: Any, blank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, code: int, said: str
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    with pytest.raises(SystemExit) as ended:
        main(["report", "--table", world.table.text, "--out", str(tmp_path / out)])
    assert ended.value.code == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
