"""An outage of the bucket loses nothing for 23 hours with the deployed settings, and later losses are counted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.errors import MappingSettingsError
from support.mapping_stage import MappingStage

DOCS = Path(__file__).parents[4] / "docs/delivery.md"
OUTAGES: Final = (1, 6, 12, 30)
"""Hours."""
STARTS: Final = (12.0, 22.9, 23.9)
"""Hours that the oldest record has waited when the mapping starts."""
_HOUR: Final = 3_600
_MINUTE: Final = 60
_COLUMNS: Final = ("written", "handled", "on-failure", "dropped and counted", "lost without a count")


def outage(hours: float, destination_too: bool = True, each_minute: int = 1) -> MappingStage:
    """Simulate an outage of this many hours; the on-failure destination is down as long, or not at all."""
    end = hours * _HOUR
    stage = MappingStage(down_until=end, destination_down_until=end if destination_too else 0, poll_seconds=_MINUTE)
    for minute in range(int(hours * 60) + 120):
        stage.run_until(minute * _MINUTE)
        stage.put([f"{minute}-{number}" for number in range(each_minute)])
    stage.run()
    return stage


def late_start(hours: float, down_hours: float = 0) -> MappingStage:
    """Simulate a mapping that starts when the oldest record has this age, optionally in an outage that continues."""
    down_until = (hours + down_hours) * _HOUR if down_hours else 0
    stage = MappingStage(down_until=down_until, destination_down_until=down_until)
    for minute in range(int(hours * 60)):
        stage.time = minute * _MINUTE
        stage.put([str(minute)])
    stage.time = hours * _HOUR
    stage.run()
    return stage


def row(stage: MappingStage) -> tuple[int, int, int, int, int]:
    """Count the records of a stage by `_COLUMNS`."""
    count = stage.journal.count()
    lost = len(stage.items) - count["handled"] - count["on_failure"] - count["dropped"]
    return len(stage.items), count["handled"], count["on_failure"], count["dropped"], lost


def tables() -> tuple[str, str]:
    """Return both tables in Markdown: outages, and late starts."""
    ways = [(f"{hours} h", row(outage(hours))) for hours in OUTAGES]
    ways.append((f"{OUTAGES[-1]} h, the destination is up", row(outage(OUTAGES[-1], destination_too=False))))
    starts = [(f"{hours:g} h", row(late_start(hours))) for hours in STARTS]
    return _table("bucket and destination down for", ways), _table("oldest record at the start", starts)


def _table(first: str, rows: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    lines = [f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |" for name, numbers in rows]
    return "\n".join([f"| {first} | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|", *lines])


@pytest.mark.parametrize(
    ("hours", "each_minute"),
    [(1, 1), (6, 1), (12, 1), (22.9, 1), (12, 20)],
    ids=["1 h", "6 h", "12 h", "22.9 h", "12 h, batches full"],
)
def test_nothing_is_dropped_while_bucket_and_destination_are_down_together(hours: float, each_minute: int) -> None:
    stage = outage(hours, each_minute=each_minute)
    written, handled, *others = row(stage)
    assert (handled, others) == (written, [0, 0, 0])
    assert written == (int(hours * 60) + 120) * each_minute


@pytest.mark.parametrize("each_minute", [1, 20], ids=["batches never full", "batches full"])
def test_in_an_outage_of_30_hours_each_loss_is_counted(each_minute: int) -> None:
    written, handled, on_failure, dropped, uncounted = row(outage(30, each_minute=each_minute))
    older_than_23_hours = 7 * 60 * each_minute
    assert (dropped, on_failure, uncounted) == (older_than_23_hours, each_minute, 0)
    assert handled == written - dropped - on_failure


def test_records_that_are_too_old_go_to_the_destination_while_it_is_up() -> None:
    stage = outage(30, destination_too=False)
    assert row(stage) == (1920, 1499, 421, 0, 0)
    assert {discarded.condition for discarded in stage.delivered} == {"RecordAgeExceeded"}
    assert sum(len(discarded.records) for discarded in stage.delivered) == 421


def test_every_record_ends_once_in_an_outage() -> None:
    stage = outage(30)
    assert {len(fates) for fates in stage.journal.fates.values()} == {1}
    assert stage.journal.fates.keys() == stage.items.keys()


@pytest.mark.parametrize("hours", [12, 22.9])
def test_a_mapping_that_starts_on_records_up_to_23_hours_old_handles_them_all(hours: float) -> None:
    written, handled, *_ = row(late_start(hours))
    assert (written, handled) == (int(hours * 60), int(hours * 60))


def test_the_time_that_records_have_waited_counts() -> None:
    written, handled, *_ = row(late_start(12, down_hours=10.9))
    assert (written, handled) == (720, 720)
    assert row(late_start(12, down_hours=12))[3] == 60


def test_older_records_go_to_the_on_failure_destination() -> None:
    assert row(late_start(23.9)) == (1434, 1380, 54, 0, 0)


def test_a_bounded_number_of_retries_does_not_last_through_an_outage() -> None:
    stage = MappingStage(MappingSettings(max_retries=100), down_until=12 * 3600, destination_down_until=12 * 3600)
    stage.put(["a", "b"])
    stage.run()
    assert stage.ends() == "dropped a b"
    assert min(stage.journal.ended_at.values()) - stage.journal.attempts[0].at == pytest.approx(1.6 * 3600, rel=0.02)


def test_the_docs_contain_the_tables() -> None:
    text = DOCS.read_text()
    assert all(table in text for table in tables())


@pytest.mark.parametrize("max_retries", [-1, 1, 10_000])
def test_retries_are_without_limit_or_1_to_10000(max_retries: int) -> None:
    assert MappingSettings(max_retries=max_retries).max_retries == max_retries


WRONG = {
    "max_retries 0": {"max_retries": 0},
    "max_retries -2": {"max_retries": -2},
    "max_retries 10,001": {"max_retries": 10_001},
    "max_retries true": {"max_retries": True},
    "max_record_age_seconds 59": {"max_record_age_seconds": 59},
    "max_record_age_seconds of 8 days": {"max_record_age_seconds": 691_200},
    "batch_size 0": {"batch_size": 0},
    "batching_window_seconds 301": {"batching_window_seconds": 301},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_invalid_setting_is_refused_with_its_name_and_value(wrong: dict[str, Any]) -> None:
    [(name, value)] = wrong.items()
    with pytest.raises(MappingSettingsError, match=f"^{name} is {value}, expected"):
        MappingSettings(**wrong)
