"""Locations that must not be inside one another."""

from datetime import UTC, datetime

import pytest

from flatten.errors import LocationError, TableError
from flatten.settings import Settings
from flatten.tables.names import TableName


def settings(
    source: str = "/data/in", archive: str = "/data/out", rejects: str = "/data/bad", state: str = "/st"
) -> Settings:
    table = TableName.of("/tables/flat")
    return Settings(source, archive, rejects, table, state, "run", datetime(2025, 10, 28, tzinfo=UTC))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rejects": "/data/out/_quarantine"},
        {"archive": "/data/in2", "rejects": "/data/in_", "state": "/data/in.state"},
        {"source": "/data/in/2025", "archive": "/data/in_archive"},
        {"source": "/st/in"},
        {"source": "s3a://bucket/in", "archive": "s3a://bucket/in-archive", "rejects": "s3a://bucket/bad"},
        {"source": "/data/a'b`c", "archive": "/data/a'b"},
    ],
    ids=[
        "apart",
        "rejects in the archive",
        "names that begin alike",
        "separate",
        "source in the state",
        "S3",
        "hostile",
    ],
)
def test_separate_locations_are_accepted(changes: dict[str, str]) -> None:
    settings(**changes).check()


@pytest.mark.parametrize("name", ["archive", "rejects", "state"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("/data/in", "folder is the source itself, /data/in: give another folder"),
        ("/data/in/x", "folder /data/in/x is inside the source: its files would be read as events"),
        ("/data/in/x/y/../z", "is inside the source"),
    ],
    ids=["the source itself", "inside", "deep inside"],
)
def test_no_location_may_be_the_source_or_inside_it(name: str, place: str, message: str) -> None:
    with pytest.raises(LocationError, match=message) as refusal:
        settings(**{name: place}).check()
    assert str(refusal.value).startswith(f"The {name} folder")


@pytest.mark.parametrize("name", ["archive", "rejects", "state"])
@pytest.mark.parametrize("place", ["/tables/flat", "/tables/flat/x", "/tables_ops/flat_files/x"])
def test_no_location_may_be_inside_a_table(name: str, place: str) -> None:
    """VACUUM removes unknown files from a table's folder, even the only copy of a file."""
    with pytest.raises(LocationError, match=f"The {name} folder {place} is inside the table /tables") as refusal:
        settings(**{name: place}).check()
    assert str(refusal.value).endswith("give another folder.")


@pytest.mark.parametrize("name", ["archive", "rejects"])
def test_the_source_may_not_be_inside_another_location(name: str) -> None:
    with pytest.raises(LocationError, match=f"The source /data/in is inside the {name} folder"):
        settings(**{name: "/data"}).check()


@pytest.mark.parametrize("table", ["/data/in/tables/flat", "/data/in/flat", "/data/in"])
def test_the_table_may_not_be_inside_the_source(table: str) -> None:
    """The job would read the table's files as events, and archive them."""
    inside = Settings(
        "/data/in", "/out", "/bad", TableName.of(table, "/ops"), "/st", "run", datetime(2025, 1, 1, tzinfo=UTC)
    )
    with pytest.raises(LocationError, match="The table folder"):
        inside.check()


def test_nothing_may_be_inside_a_source_that_is_the_root() -> None:
    with pytest.raises(LocationError, match="is inside the source"):
        settings(source="/").check()


@pytest.mark.parametrize(("table", "ops"), [("a.b", "/ops"), ("/a/b", "ops"), ("a", "x/y")])
def test_a_table_and_its_side_tables_are_both_paths_or_both_names(table: str, ops: str) -> None:
    with pytest.raises(TableError, match="both by path or both by name"):
        TableName.of(table, ops)


def test_a_table_below_the_root_has_its_side_tables_below_the_root() -> None:
    assert TableName.of("/flat").ops == "/_ops"


def test_the_checkpoint_is_in_the_state_folder() -> None:
    assert settings(state="/state").checkpoint == "/state/checkpoint"
