"""Each line of the smoke test is ok or says what is missing. tests/end_to_end runs all of them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, cast

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from flatten import smoke
from flatten.job import Report
from flatten.run.batch import Around
from flatten.run.overlap import overlapping_inserts
from flatten.settings import Settings
from flatten.tables.names import TableName


def trial(root: Path) -> smoke.Trial:
    settings = Settings(
        source=f"{root}/landing",
        archive=f"{root}/archive",
        rejects=f"{root}/rejects",
        table=TableName.of(f"{root}/tables/smoke"),
        state=f"{root}/state",
        run_id="run",
        started_at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    return smoke.Trial(cast(SparkSession, None), settings, Around(), auto_loader=False)


def test_a_volume_that_accepts_our_writes_is_ok(tmp_path: Path) -> None:
    assert smoke._volume(trial(tmp_path)) == "files are written, completed, never overwritten, deleted"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_volume_that_refuses_writes_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    line = smoke._tried("volume", lambda: smoke._volume(trial(tmp_path)), "grant it")
    assert (line.ok, line.cure) == (False, "grant it")
    assert line.as_text().startswith("missing  volume ")
    assert line.as_text().endswith(" To do: grant it")


def report(*ended: tuple[str, str], **counts: int) -> Report:
    return Report(2, {"applied": 2, "quarantined": 0} | counts, list(ended))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (report(("read", "a")), "the engine did not deliver 1 existing files"),
        (report(("gone", "a"), ("gone", "b")), "the engine did not deliver 2 existing files"),
        (report(("failed", "a could not be moved.")), "1 file left in landing: a could not be moved."),
        (report(applied=1), "the run counted {'applied': 1, 'quarantined': 0}"),
        (report(quarantined=1), "the run counted {'applied': 2, 'quarantined': 1}"),
    ],
    ids=["skipped", "gone", "not moved", "too few", "quarantined"],
)
def test_a_run_with_files_that_the_engine_skipped_is_not_ok(found: Report, said: str) -> None:
    smoke._require_delivered(report(("archived", "a")), 2)
    with pytest.raises(smoke.RequirementError) as wrong:
        smoke._require_delivered(found, 2)
    assert str(wrong.value) == said


def test_files_that_stay_in_landing_are_named(tmp_path: Path) -> None:
    there = trial(tmp_path)
    smoke._put(there, "a", [])
    with pytest.raises(smoke.RequirementError, match=r"^landing has \['a'\], the archive \[\]$"):
        smoke._archive(there)


class Conflict(PySparkException):
    """Like Delta's error for the later of two commits."""

    def getCondition(self) -> str:  # noqa: N802  # the name in pyspark
        return "DELTA_CONCURRENT_APPEND"


class Tables:
    """A fake Spark that commits the inserts of each round as given: both, one, or refuses the second."""

    def __init__(self, *rounds: str) -> None:
        self._rounds, self._lock = list(rounds), Lock()
        self.asked: list[str] = []
        self._inserted = 0

    def sql(self, text: str) -> Any:
        with self._lock:
            self.asked.append(text)
            if text.startswith("MERGE"):
                self._inserted += 1
                if self._inserted == 2 and self._rounds[0] == "refused":
                    raise Conflict("refused")
            if not text.startswith("SELECT"):
                return None
            rows = 2 if self._rounds.pop(0) == "both" else 1
            self._inserted = 0
            return type("Rows", (), {"collect": lambda self: [None] * rows})()


@pytest.mark.parametrize(
    ("rounds", "outcome"),
    [
        (["refused"], "refused"),
        (["both"], "both"),
        (["one", "refused"], "refused"),
        (["one", "one", "both"], "both"),
        (["one", "one", "one"], "one"),
    ],
)
def test_two_inserts_of_one_key_are_repeated_until_they_overlap(rounds: list[str], outcome: str) -> None:
    tables = Tables(*rounds)
    found = overlapping_inserts(cast(SparkSession, tables), "t", deletion_vectors=False)
    assert (found, tables.asked[0].count("'delta.enableDeletionVectors' = 'false'")) == (outcome, 1)


@pytest.mark.parametrize(("found", "ok"), [("refused", True), ("both", False), ("one", False)])
def test_our_tables_must_refuse_the_second_insert(tmp_path: Path, found: str, ok: bool) -> None:
    there = replace(trial(tmp_path), spark=cast(SparkSession, Tables(*[found] * 3)))
    assert smoke._tried("conflict", lambda: smoke._conflict(there), "").ok is ok
