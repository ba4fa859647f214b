"""replay, backfill, redrive and explain on the command line."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rehearsal.fleet.export import EXPORT_ID, typed_item, write_export
from support.command_line import called, everything
from support.job_world import content, line

FIRST, SECOND = "2026/01/05/10/a.ndjson.gz", "2026/01/06/10/b.ndjson.gz"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("archive", "landing"):
        (tmp_path / name).mkdir()
    (tmp_path / "a file").write_text("{}")
    write_export(tmp_path, [[{"Item": typed_item(line("exported", None))}]])
    return tmp_path


TABLE = ["--table", "tables/telemetry"]
ARCHIVE = ["--archive", "archive"]
EXPORT = f"AWSDynamoDB/{EXPORT_ID}"
REFUSED: dict[str, tuple[list[str], str]] = {
    "replay of nothing": (["replay", *TABLE, "--archive", "nowhere"], "nowhere is not a folder"),
    "replay of a file": (["replay", *TABLE, "--archive", "a file"], "a file is not a folder"),
    "replay, dates": (
        ["replay", *TABLE, *ARCHIVE, "--from", "2026-02-01", "--to", "2026-01-31"],
        "--from 2026-02-01 is after --to 2026-01-31: give the earlier day first.",
    ),
    "replay, not a date": (["replay", *TABLE, *ARCHIVE, "--from", "2026-02-30"], "'2026-02-30' is not a date"),
    "replay, another table is to differ": (["replay", *TABLE, *ARCHIVE, "--diff"], "--diff requires --into."),
    "replay into a name that no table has": (["replay", *TABLE, *ARCHIVE, "--into", "a.b.c.d"], "has too many parts"),
    "backfill of nothing": (["backfill", *TABLE, "--export", "nowhere"], "nowhere is not a folder"),
    "backfill of another folder": (["backfill", *TABLE, "--export", "archive"], "is not a DynamoDB export"),
    "backfill of the folder above": (["backfill", *TABLE, "--export", "AWSDynamoDB"], "give the folder AWSDynamoDB/<"),
    "redrive, reason": (
        ["redrive", *TABLE, "--reason", "bad"],
        "bad is not a reason of the quarantine: give",
    ),
    "redrive, reason of files": (["redrive", *TABLE, "--reason", "file_changed"], "is a reason of whole files"),
    "redrive, no file of lines": (["redrive", *TABLE, "--lines", "nowhere"], "nowhere is not a file"),
    "redrive, not such lines": (["redrive", *TABLE, "--lines", "a file"], "line 1 is not a JSON object with"),
    "redrive, dates": (["redrive", *TABLE, "--from", "2026-02-01", "--to", "2026-01-31"], "is after --to"),
    "replay into the table itself": (["replay", *TABLE, *ARCHIVE, "--into", "tables/telemetry"], "is the table itself"),
    "redrive, an export's file": (
        ["redrive", *TABLE, "--lines", f"{EXPORT}/data/{EXPORT_ID}0000.json.gz"],
        "cannot be read as UTF-8 text",
    ),
    "explain, no id": (["explain", "", *TABLE, *ARCHIVE], "No event has the id '' (empty): give the id of an event."),
    "explain, bytes": (["explain", "\udcff", *TABLE, *ARCHIVE], "(has half of a surrogate pair)"),
    "explain, a long id": (["explain", "e" * 1025, *TABLE, *ARCHIVE], "(1025 bytes, at most 1024)"),
    "explain, archive": (["explain", "e", *TABLE, "--archive", "nowhere"], "nowhere is not a folder"),
    "explain, landing": (["explain", "e", *TABLE, *ARCHIVE, "--source", "nowhere"], "nowhere is not a folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    name: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    arguments, said = REFUSED[name]
    before = everything(place)
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
    assert everything(place) == before


def test_an_incomplete_export_is_refused_before_a_session_is_opened(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [data] = (place / EXPORT / "data").iterdir()
    data.write_bytes(data.read_bytes()[:-1])
    before = everything(place)
    code, out, err = called(capsys, "backfill", "--table", place / "tables/t", "--export", place / EXPORT)
    assert (code, out, "has another checksum" in err, err.count("\n")) == (2, "", True, 1)
    assert everything(place) == before


@pytest.mark.spark
@pytest.mark.connect
def test_a_second_year(place: Path, capsys: pytest.CaptureFixture[str], spark: Any) -> None:
    call = partial(called, capsys)
    table, archive = ("--table", place / "tables/telemetry"), ("--archive", place / "archive")
    landed = {FIRST: content([line("e1", 1), b"{broken"]), SECOND: content([line("e1", 2, name="MODIFY")])}
    for name, data in landed.items():
        (place / "landing" / name).parent.mkdir(parents=True)
        (place / "landing" / name).write_bytes(data)
    assert call("run", "--source", place / "landing", *archive, *table, "--state", place / "state", "--json")[0] == 0

    code, out, err = call("replay", *archive, *table, "--into", place / "tables/rebuilt", "--diff")
    assert (code, out.splitlines()[-1]) == (
        0,
        "The tables differ in nothing but the versions and the run that wrote a row.",
    )
    assert err == "files: 2 of 2, about 0 s left\n"
    code, out, err = call("replay", *archive, *table, "--to", "2026-01-05", "--dry-run", "--json")
    assert (code, json.loads(out)["counts"]["lines"], json.loads(out)["differences"], err) == (0, 2, None, "")

    code, out, err = call("backfill", "--export", place / EXPORT, *table)
    assert (code, out) == (
        0,
        "1 file, 1 line: 1 applied, 0 superseded, 0 repeated, 0 ignored, 0 quarantined.\n1 row written.\n",
    )
    assert err.splitlines() == ["items verified: 1 of 1, about 0 s left", "items: 1 of 1, about 0 s left"]

    told = {"source_file": str(place / "landing" / FIRST), "line_number": 1, "raw": json.dumps(line("e3", 3))}
    (place / "lines").write_text(json.dumps(told | {"line_number": 2}))
    code, out, _ = call("redrive", *table, "--lines", place / "lines", "--dry-run")
    assert (code, out) == (0, "1 line, 1 redriven.\n1 row would be written; this was a dry run.\n")
    code, out, err = call("redrive", *table, "--lines", place / "lines")
    assert (code, out, err) == (0, "1 line, 1 redriven.\n1 row written.\n", "lines: 1\n")
    code, out, _ = call("redrive", *table, "--json")
    assert (code, json.loads(out)["lines"]) == (0, 0)

    code, out, _ = call("explain", "e1", *table, *archive, "--source", place / "landing")
    assert (code, out.splitlines()[0]) == (0, f"Event e1 has one row in {place / 'tables/telemetry'}.")
    code, out, _ = call("explain", "e1", *table, *archive, "--json")
    assert [each["verdict"] for each in json.loads(out)["lines"]] == ["superseded", "applied"]
    code, _, err = call("explain", "nobody", *table, *archive)
    assert (code, "give --from and --to" in err) == (2, True)
