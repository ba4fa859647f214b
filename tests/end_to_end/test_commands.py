"""The command line: its output, its exit codes, and that bad input writes nothing."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flatten.tables.schema import SIDE_TABLES
from flatten.views.fill import VIEWS
from support.command_line import called, everything
from support.job_world import World, line
from support.job_world import content as lines_of

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `flatten` with arguments; return exit code, stdout, stderr."""

    return partial(called, capsys)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    (tmp_path / "a file").touch()
    (tmp_path / "landing" / "a.ndjson.gz").write_bytes(lines_of([line("a", 1), b"{broken"]))
    return tmp_path


def run_arguments(place: Path, **changes: object) -> list[object]:
    options = {"source": "landing", "archive": "archive", "table": "tables/telemetry", "state": "state"}
    return [
        "run",
        *(part for name, default in options.items() for part in (f"--{name}", changes.get(name, place / default))),
    ]


BAD_PLACES: dict[str, tuple[dict[str, str], str]] = {
    "missing source": ({"source": "nowhere"}, "is not a folder"),
    "source is a file": ({"source": "landing/a.ndjson.gz"}, "is not a folder"),
    "source is the archive": ({"archive": "landing"}, "is the source itself"),
    "archive inside the source": ({"archive": "landing/archive"}, "is inside the source"),
    "archive inside the source, said crookedly": ({"archive": "landing/../landing/x"}, "is inside the source"),
    "state inside the source": ({"state": "landing/state"}, "is inside the source"),
    "source inside the archive": ({"archive": "."}, "is inside the archive"),
    "table inside the state": ({"table": "state/tables/t"}, "is inside the state folder"),
    "archive is a file": ({"archive": "a file"}, "is a file: give another"),
    "archive below a file": ({"archive": "a file/archive"}, "is a file: give another"),
    "table is a file": ({"table": "a file"}, "is a file: give another"),
    "table below a file": ({"table": "a file/tables/t"}, "is a file: give another"),
    "state of a name that is too long": ({"state": "s" * 300}, "cannot be created: File name too long."),
}


@pytest.mark.parametrize("name", BAD_PLACES)
def test_invalid_locations_are_refused_in_one_sentence_and_nothing_is_written(
    name: str, place: Path, command: Command
) -> None:
    changes, sentence = BAD_PLACES[name]
    before = everything(place)
    code, out, err = command(*run_arguments(place, **{key: place / value for key, value in changes.items()}))
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert everything(place) == before


@pytest.mark.parametrize("table", ["a.b.c.d", "a..b", "`x`.t", " .t", "."])
def test_an_invalid_table_name_is_refused(table: str, place: Path, command: Command) -> None:
    code, _, err = command(*run_arguments(place, table=table))
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["walk"],
        ["run", "--max-files", "0"],
        ["run", "--max-files", "99999999999999999999"],
        ["run", "--on-delete", "maybe"],
        ["status"],
        ["status", "--table", "/tables/none", "--source", "/nowhere at all"],
        ["maintain", "--table", "/tables/none", "--archive-days", "1"],
        ["maintain", "--table", "/tables/none", "--archive", "/nowhere at all", "--archive-days", "1"],
        ["run", "--lookback-days", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: list[str], command: Command) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


def test_options_come_from_the_environment_too(place: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLATTEN_SOURCE", str(place / "nowhere"))
    monkeypatch.setenv("FLATTEN_ARCHIVE", str(place / "archive"))
    monkeypatch.setenv("FLATTEN_TABLE", str(place / "tables" / "telemetry"))
    monkeypatch.setenv("FLATTEN_STATE", str(place / "state"))
    code, _, err = command("run")
    assert (code, "nowhere is not a folder" in err) == (2, True)


@pytest.mark.spark
class TestWithSpark:
    """Tests with a session: all share it."""

    @pytest.fixture(autouse=True)
    def _session(self, spark: Any) -> None:
        pass

    def test_run_and_status_print_json_after_a_run_was_killed_while_creating_tables(
        self, place: Path, command: Command
    ) -> None:
        for table in ("tables/telemetry", *(f"tables_ops/telemetry_{kind}" for kind in SIDE_TABLES)):
            log = place / table / "_delta_log"
            (log / "_staged_commits").mkdir(parents=True)
            (log / f".{0:020}.json.0a.tmp").write_text('{"commitInfo":')
        code, out, err = command(*run_arguments(place), "--json")
        report = json.loads(out)
        assert (code, err, report["waiting"]) == (0, "", 1)
        assert report["counts"] == {
            "files": 1,
            "batches": 1,
            "lines": 2,
            "applied": 1,
            "superseded": 0,
            "repeated": 0,
            "ignored": 0,
            "quarantined": 1,
            "searched": 0,
        }
        code, out, _ = command("status", "--table", place / "tables/telemetry", "--source", place / "landing", "--json")
        found = json.loads(out)
        assert (code, found["rows"], found["quarantined"]) == (0, 1, {"not_json": 1})
        assert found["landing"] == {"waiting": 0, "to_archive": 0, "late": []}

    def test_commands_print_plain_text_and_refuse_folders_of_another_table(
        self, place: Path, blank: Path, command: Command
    ) -> None:
        World(None, place).furnished(blank)  # type: ignore[arg-type]  # no session is needed to copy tables
        code, out, err = command(*run_arguments(place))
        assert code == 0
        assert "1 file, 2 lines: 1 applied" in out
        assert "\x1b" not in out + err
        table = "--table", place / "tables/telemetry"
        code, out, _ = command("status", *table)
        assert (code, "rows         1 (0 deleted)" in out, "not_json" in out) == (0, True, True)
        code, out, _ = command("maintain", *table, "--no-compact")
        assert (code, out) == (0, "0 events had several rows; 0 days of the archive deleted.\n")
        for changes in ({"table": place / "tables/other"}, {"state": place / "state2"}):
            code, _, err = command(*run_arguments(place, **changes))
            assert (code, "belongs to another job" in err) == (2, True)
        assert not (place / "tables/other").exists()

    def test_an_empty_folder_is_nothing_to_do(self, place: Path, command: Command) -> None:
        (place / "landing" / "a.ndjson.gz").unlink()
        code, out, _ = command(*run_arguments(place))
        assert (code, out) == (0, "Nothing new.\n")
        assert not (place / "tables").exists()

    def test_a_folder_that_is_not_a_delta_table_is_refused(self, place: Path, command: Command) -> None:
        (place / "tables" / "telemetry").mkdir(parents=True)
        (place / "tables" / "telemetry" / "notes.txt").write_text("mine")
        before = everything(place)
        code, _, err = command(*run_arguments(place))
        assert (code, "is not a Delta table" in err) == (2, True)
        assert everything(place) == before

    def test_a_table_without_our_columns_is_refused(self, place: Path, command: Command, spark: Any) -> None:
        spark.range(3).write.format("delta").save(str(place / "tables" / "telemetry"))
        table = "--table", place / "tables/telemetry"
        for arguments in (run_arguments(place), ["status", *table], ["maintain", *table]):
            code, _, err = command(*arguments)
            assert (code, "lacks columns of this job" in err) == (2, True)
        assert not (place / "state" / "checkpoint").exists()

    def test_missing_side_tables_are_reported(self, place: Path, blank: Path, command: Command) -> None:
        World(None, place).furnished(blank)  # type: ignore[arg-type]  # as above
        table = "--table", place / "tables/telemetry", "--ops", place / "elsewhere"
        for arguments in (["status", *table], ["maintain", *table]):
            code, _, err = command(*arguments)
            assert (code, "elsewhere has no side tables" in err, err.count("\n")) == (2, True, 1)

    def test_an_unwritable_location_is_one_sentence(self, place: Path, command: Command) -> None:
        before = everything(place)
        for changes in ({"table": "/proc/none/table"}, {"state": "/proc/none"}):
            code, _, err = command(*run_arguments(place, **changes))
            assert (code, err[:9], err.count("\n"), "Traceback" in err) == (1, "flatten: ", 1, False)
            assert "/proc/none" in err
        assert [name for name in everything(place) if not name.startswith(("state", "landing", "archive"))] == [
            name for name in before if not name.startswith("landing")
        ]

    def test_views_of_a_table_by_path_are_printed_as_sql_that_runs(
        self, place: Path, blank: Path, command: Command, spark: Any
    ) -> None:
        World(None, place).furnished(blank)  # type: ignore[arg-type]  # as above
        code, out, err = command("views", "--table", place / "tables/telemetry")
        assert (code, err) == (0, "")
        statements = out.strip().removesuffix(";").split(";\n\n")
        assert [statement.split()[:6] for statement in statements] == [
            ["CREATE", "OR", "REPLACE", "TEMPORARY", "VIEW", f"`{view}`"] for view in VIEWS
        ]
        try:
            for statement in statements:
                spark.sql(statement)
            assert [spark.table(view).count() for view in VIEWS] == [0, 0, 0, 0]
        finally:
            for view in VIEWS:
                spark.catalog.dropTempView(view)
        code, out, _ = command("views", "--table", place / "tables/telemetry", "--json", "--days", "7")
        assert (code, list(json.loads(out))) == (0, list(VIEWS))

    def test_a_command_without_a_table_is_refused(self, place: Path, command: Command) -> None:
        for arguments in (["status"], ["maintain"], ["views"]):
            code, _, err = command(*arguments, "--table", place / "tables/none")
            assert (code, "does not exist: `flatten run`" in err) == (2, True)

    def test_a_name_in_a_catalog_that_ends_with_the_session_is_refused(self, place: Path, command: Command) -> None:
        for arguments in (run_arguments(place, table="telemetry.flat"), ["views", "--table", "telemetry.flat"]):
            code, _, err = command(*arguments)
            assert (code, "FLATTEN_WAREHOUSE" in err) == (2, True)
