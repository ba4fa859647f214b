"""Contract 4 after SIGKILL: a run is killed at each boundary, and the next run completes it.

The killed runs are real processes. One process recovers them, with a source that stops when a file of an interrupted
batch is missing, as Auto Loader does (Spark's source drops it silently): a file that was archived too early fails here.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pyspark.sql.utils import is_remote

from flatten.errors import FlattenError
from flatten.run.batch import Reached
from support.job_world import Seen, World, content, key, line, verdicts
from support.killed_run import Death, killed

pytestmark = [pytest.mark.spark, pytest.mark.connect, pytest.mark.process]
TWO_BATCHES, ONE_BATCH = 4, 1000  # files a micro-batch


def km(event_id: str, number: int, value: float, **more: Any) -> dict[str, Any]:
    return line(event_id, number, signals={"odometer-traveleddistance": value}, **more)


PROMISED, BROKEN_PROMISE = key(5), key(3, first=9)
FILES = {  # in the order of their arrival
    PROMISED: content(
        [km("e1", 1, 1), km("e2", 2, 2), b"not json", km("e3", 3, 3), km("e6", 10, 6, date="2026-01-06")]
    ),
    "plain.ndjson.gz": content([km("e1", 4, 4, name="MODIFY"), km("e4", 5, 5), b'{"event_id": "\xff"}']),
    BROKEN_PROMISE: content([km("e7", 11, 7)]),
    "2/cut off.ndjson.gz": content([km("e8", 12, 8)])[:-9],
    "2/moves.ndjson.gz": content(
        [
            km("e2", 6, 22, name="MODIFY", date="2026-01-08", previous="2026-01-05"),
            line("e3", 7, name="REMOVE", keys_only=True),
            km("e4", 5, 55, name="MODIFY"),
        ]
    ),
    "2/rest.ndjson.gz": content(
        [km("e5", 9, 9), b'{"event_id": 1}', b"", km("e1", 1, 1), line("e4", 8, name="REMOVE", expired=True)]
    ),
    "3/empty": b"",
}
Recovered = tuple[World, Seen]
LEFT_ALONE = ["2/.hidden", "2/_underway.ndjson.gz"]
VERDICTS = {
    PROMISED: {"applied": 3, "superseded": 1, "quarantined": 1},
    "plain.ndjson.gz": {"applied": 2, "quarantined": 1},
    BROKEN_PROMISE: {"quarantined": 1},
    "2/moves.ndjson.gz": {"applied": 2, "repeated": 1},
    "2/rest.ndjson.gz": {"applied": 1, "superseded": 1, "ignored": 1, "quarantined": 1},
    "2/cut off.ndjson.gz": {},
    "3/empty": {},
}
# e2 is moved and e3 removed by later lines of the batch.
IN_ONE_BATCH = VERDICTS | {PROMISED: {"applied": 1, "superseded": 3, "quarantined": 1}}
REJECTED = [BROKEN_PROMISE, "2/cut off.ndjson.gz"]
ROWS = {
    "e1": ("4", 4, date(2026, 1, 5), False),
    "e2": ("6", 22, date(2026, 1, 8), False),
    "e3": ("7", 3, date(2026, 1, 5), True),
    "e4": ("5", 5, date(2026, 1, 5), False),
    "e5": ("9", 9, date(2026, 1, 5), False),
    "e6": ("10", 6, date(2026, 1, 6), False),
}
QUARANTINED = [
    (PROMISED, 3, "not_json"),
    ("plain.ndjson.gz", 3, "not_utf8"),
    (BROKEN_PROMISE, None, "file_incomplete"),
    ("2/rest.ndjson.gz", 2, "bad_event_id"),
    ("2/cut off.ndjson.gz", None, "file_unreadable"),
]
DEATHS = {
    "before the rows": ("found", 1, ONE_BATCH, ""),
    "between values and closed rows": ("values", 1, ONE_BATCH, ""),
    "after the rows": ("rows", 1, TWO_BATCHES, ""),
    "after the quarantine": ("quarantine", 1, ONE_BATCH, ""),
    "after the files, before the checkpoint": ("files", 2, TWO_BATCHES, ""),
    "after the files, before the first checkpoint": ("files", 1, TWO_BATCHES, ""),
    "after the checkpoint": ("query", 1, ONE_BATCH, ""),
    "one file copied and not deleted, others deleted and not recorded": ("deleted", 2, ONE_BATCH, "copied"),
}


def land(world: World) -> None:
    for age, (name, data) in enumerate(FILES.items()):
        path = world.land(name, data)
        os.utime(path, (1_767_600_000 + age, 1_767_600_000 + age))
    for name in LEFT_ALONE:
        world.land(name, b"half")


def refusing(world: World) -> Reached:
    """Return a hook that stops a batch without a checkpoint when one of its files is missing."""
    checkpoint = world.root / "state" / "checkpoint"

    def reached(boundary: str) -> None:
        if boundary == "envelopes":
            committed = {path.name for path in (checkpoint / "commits").glob("[0-9]*")}
            listed = {path.name: path for path in (checkpoint / "sources" / "0").glob("[0-9]*")}
            for number in listed.keys() - committed:
                for entry in listed[number].read_text().splitlines()[1:]:
                    path = unquote(json.loads(entry)["path"]).removeprefix("file://")
                    if not Path(path).exists():
                        raise FlattenError(f"{path} of batch {number} is gone.")

    return reached


HALF_COPIED = "a file half copied"
DEATHS[HALF_COPIED] = ("query", 1, ONE_BATCH, "")


@pytest.fixture(scope="module")
def scenes(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kill a run in a separate folder at each boundary; and one whose files are removed."""
    places = {name: tmp_path_factory.mktemp("killed") for name in [*DEATHS, "gone"]}
    for root in places.values():
        land(World(None, root).furnished(blank))  # type: ignore[arg-type]  # no session is needed to put files there
    deaths = [Death(places[name], *where) for name, where in DEATHS.items()]
    killed([*deaths, Death(places["gone"], "rows", 1, ONE_BATCH)], "connect" if is_remote() else "classic")
    if not is_remote():  # there the moves are not delayed
        [half_moved] = [root for name, root in places.items() if "copied and not deleted" in name]
        world = World(None, half_moved)  # type: ignore[arg-type]  # as above
        there, copied = set(world.landed()), {*world.archived(), *world.rejected()}
        assert there & copied, "no file was copied and still there"
        assert len(copied - there) >= 2, "fewer than two files were deleted"
    half = places[HALF_COPIED] / "archive" / PROMISED
    half.parent.mkdir(parents=True)
    half.write_bytes(FILES[PROMISED][:20])
    return places


@pytest.fixture(scope="module")
def recovered(spark: Any, scenes: dict[str, Path]) -> dict[str, Recovered]:
    """Complete the killed runs in this process, two folders at a time."""

    def session() -> Any:
        return spark if is_remote() else spark.newSession()

    worlds = {name: World(session(), scenes[name], max_files=each[2]) for name, each in DEATHS.items()}
    with ThreadPoolExecutor(1 if is_remote() else 2) as two:
        seen = list(two.map(recover, worlds.values()))
    return dict(zip(worlds, zip(worlds.values(), seen, strict=True), strict=True))


def recover(world: World) -> Seen:
    world.run(refusing(world))
    return world.seen()


@pytest.mark.parametrize("name", DEATHS)
class TestAfterADeath:
    def test_every_event_has_its_newest_row(self, name: str, recovered: dict[str, Recovered]) -> None:
        found = {
            event_id: (row.sequence_number, row.Odometer_TraveledDistance_value, row.event_date, bool(row.deleted_at))
            for event_id, row in recovered[name][1].rows.items()
        }
        assert found == ROWS

    def test_every_line_is_counted_once(self, name: str, recovered: dict[str, Recovered]) -> None:
        files = recovered[name][1].files
        assert len(recovered[name][1].sides["files"]) == len(FILES)
        expected = IN_ONE_BATCH if DEATHS[name][2] == ONE_BATCH else VERDICTS
        assert {file: verdicts(row) for file, row in files.items()} == expected
        assert {file: row.lines for file, row in files.items()} == {
            file: sum(counts.values()) for file, counts in expected.items()
        }

    def test_every_bad_line_is_quarantined_once(self, name: str, recovered: dict[str, Recovered]) -> None:
        world, seen = recovered[name]
        rows = seen.sides["quarantine"]
        found = [(str(Path(row.source_file).relative_to(world.source)), row.line_number, row.reason) for row in rows]
        assert sorted(found, key=str) == sorted(QUARANTINED, key=str)

    def test_every_committed_file_is_archived_and_no_other(self, name: str, recovered: dict[str, Recovered]) -> None:
        world, _ = recovered[name]
        assert world.landed() == sorted(LEFT_ALONE)
        assert world.rejected() == sorted(REJECTED)
        assert world.archived() == sorted(FILES.keys() - REJECTED)
        for file, data in FILES.items():
            folder = world.root / "archive" / ("_quarantine" if file in REJECTED else "")
            assert (folder / file).read_bytes() == data

    def test_no_temporary_files_are_left(self, name: str, recovered: dict[str, Recovered]) -> None:
        world, seen = recovered[name]
        assert [row.outcome for row in seen.sides["runs"]] == ["succeeded"]
        assert not [path for path in world.root.rglob("*") if path.name.endswith(".part")]


def test_a_missing_file_of_an_interrupted_batch_is_not_recorded(spark: Any, scenes: dict[str, Path]) -> None:
    world = World(spark, scenes["gone"])
    (world.source / "2/rest.ndjson.gz").unlink()
    with pytest.raises(FlattenError, match=r"^The run failed: /.*/2/rest\.ndjson\.gz of batch 0 is gone\. Its"):
        world.run(refusing(world))
    world.run()
    assert "2/rest.ndjson.gz" not in world.files()
    assert world.archived() == sorted(FILES.keys() - REJECTED - {"2/rest.ndjson.gz"})
    assert world.rows().keys() == ROWS.keys()
