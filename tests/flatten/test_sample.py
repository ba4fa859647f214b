"""The sample as files: keys, order of arrival, the report, refusals."""

import hashlib
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flatten.errors import FlattenError, LocationError, UsageError
from flatten.sample import SampleReport, write_sample
from flatten.sample.sample import DEFAULT_START
from support.sample_reader import KEY, ReadFile, final_states, good_events, read_sample, verdict

Sample = tuple[Path, SampleReport, list[ReadFile]]

small = partial(write_sample, events=120, vehicles=3, seed=5, oddities=False)


def _sample(folder: Path, **arguments: Any) -> Sample:
    report = write_sample(folder, **arguments)
    return folder, report, read_sample(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return _sample(tmp_path_factory.mktemp("plain"), events=1000, vehicles=9, seed=1, oddities=False)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return _sample(tmp_path_factory.mktemp("odd"), events=700, vehicles=9, seed=2, oddities=True, lines_per_file=60)


@pytest.fixture(params=["plain", "odd"])
def sample(request: pytest.FixtureRequest) -> Sample:
    found: Sample = request.getfixturevalue(request.param)
    return found


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("oddities", [False, True], ids=["plain", "odd"])
def test_the_same_arguments_give_the_same_files_and_arrivals(tmp_path: Path, oddities: bool) -> None:
    for name in ("one", "two"):
        write_sample(tmp_path / name, events=300, vehicles=4, seed=7, oddities=oddities)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_the_files_are_the_same_whatever_the_process(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from flatten.sample import write_sample;"
    code += "write_sample(Path(sys.argv[1]), events=250, vehicles=4, seed=7, oddities=True)"
    for salt in ("1", "2"):
        command = [sys.executable, "-c", code, str(tmp_path / salt)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": salt, "TZ": f"UTC+{salt}"})
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")


@pytest.mark.parametrize(
    "other",
    [{"seed": 6}, {"vehicles": 4}, {"start": datetime(2026, 2, 1, tzinfo=UTC)}],
    ids=["seed", "vehicles", "start"],
)
def test_another_argument_gives_other_files(tmp_path: Path, other: dict[str, Any]) -> None:
    small(tmp_path / "one")
    small(tmp_path / "two", **other)
    assert not _contents(tmp_path / "one").keys() & _contents(tmp_path / "two").keys()


def test_every_key_is_made_from_the_lines_as_contract_1_says(plain: Sample) -> None:
    for file in plain[2]:
        found = KEY.fullmatch(file.path)
        assert found, file.path
        metadata = [event["_stream_metadata"] for event in good_events([file])]
        ids = "\n".join(known["stream_event_id"] for known in metadata)
        hour = datetime.fromtimestamp(metadata[0]["approximate_creation_time"], UTC)
        assert found.groups() == (
            f"{hour:%Y/%m/%d/%H}",
            metadata[0]["sequence_number"],
            metadata[-1]["sequence_number"],
            str(len(metadata)),
            hashlib.sha256(ids.encode()).hexdigest()[:8],
        )


def test_a_line_is_the_item_and_the_metadata_of_its_change(plain: Sample) -> None:
    for event in good_events(plain[2]):
        metadata = event["_stream_metadata"]
        assert list(event)[-1] == "_stream_metadata"
        assert metadata.keys() - {"previous_recorded_at"} == {
            "event_name",
            "stream",
            "sequence_number",
            "approximate_creation_time",
            "stream_event_id",
            "expired_by_ttl",
        }
        assert len(metadata["stream_event_id"]) == 32
        datetime.fromisoformat(metadata["stream"])


def test_numbers_grow_with_the_lines_and_from_21_to_22_digits(plain: Sample) -> None:
    numbers = [
        [int(event["_stream_metadata"]["sequence_number"]) for event in good_events([file])] for file in plain[2]
    ]
    assert all(batch == sorted(set(batch)) for batch in numbers)
    assert {len(str(number)) for batch in numbers for number in batch} == {21, 22}


def test_no_file_has_more_good_lines_than_asked(odd: Sample) -> None:
    with_numbers = [file for file in odd[2] if file.promised is not None]
    assert max(sum(1 for _ in good_events([file])) for file in with_numbers) == 60


def test_a_small_sample_has_several_files_all_the_same(tmp_path: Path) -> None:
    assert small(tmp_path).files >= 8


def test_the_report_counts_what_an_independent_reader_counts(sample: Sample) -> None:
    folder, report, files = sample
    states = final_states(files)
    removed = sum(name == "REMOVE" for name in states.values())
    assert report.files == len(files)
    assert report.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert report.lines == sum(len(file.lines or []) for file in files if file.whole)
    assert (report.events, report.live, report.deleted) == (len(states), len(states) - removed, removed)


def test_the_number_of_events_is_that_asked_for(plain: Sample, odd: Sample) -> None:
    assert (plain[1].events, odd[1].events) == (1000, 700)


def test_the_report_names_what_an_independent_reader_would_quarantine(odd: Sample) -> None:
    reasons = Counter[str]()
    for file in odd[2]:
        if file.lines is None:
            reasons["file_unreadable"] += 1
        elif not file.whole:
            reasons["file_incomplete"] += 1
        else:
            reasons.update(found for line in file.lines if isinstance(found := verdict(line), str))
    assert odd[1].quarantine_expected == dict(reasons)
    assert reasons.keys() == {
        "not_utf8",
        "not_json",
        "not_an_object",
        "bad_event_id",
        "bad_signals",
        "bad_metadata",
        "file_unreadable",
        "file_incomplete",
    }


def test_nothing_is_to_be_quarantined_without_oddities(plain: Sample) -> None:
    assert (plain[1].quarantine_expected, plain[1].oddities) == ({}, {})


def test_repeated_and_late_lines_are_those_that_arrive_so(sample: Sample) -> None:
    _, report, files = sample
    seen: set[tuple[str, str]] = set()
    highest: dict[str, int] = {}
    repeated = late = 0
    for file in files:
        found = [event["_stream_metadata"] for event in good_events([file]) if "_stream_metadata" in event]
        order = {(known["stream"], known["sequence_number"]) for known in found}
        repeated += len(order & seen)
        late += sum(int(number) < highest.get(stream, 0) for stream, number in order - seen)
        seen |= order
        for stream, number in order:
            highest[stream] = max(highest.get(stream, 0), int(number))
    assert (report.repeated_lines, report.late_lines) == (repeated, late)
    assert repeated > 0
    assert late > 0


def test_items_are_stored_again_deleted_and_expire(plain: Sample) -> None:
    kinds = Counter[str]()
    for event in good_events(plain[2]):
        metadata = event["_stream_metadata"]
        moved = metadata.get("previous_recorded_at", "")[:10] not in ("", event.get("recorded_at", "")[:10])
        kinds[metadata["event_name"]] += 1
        kinds["moved to another day"] += moved
        kinds["expired"] += metadata["expired_by_ttl"]
        kinds["keys only"] += event.keys() == {"event_id", "_stream_metadata"}
    assert all(kinds[kind] > 1 for kind in ("MODIFY", "REMOVE", "moved to another day", "expired", "keys only"))


def test_an_item_expires_after_its_time(plain: Sample) -> None:
    expired = [event for event in good_events(plain[2]) if event["_stream_metadata"]["expired_by_ttl"]]
    assert all(event["expires_at"] < event["_stream_metadata"]["approximate_creation_time"] for event in expired)


def test_progress_is_told_after_each_file(tmp_path: Path) -> None:
    told: list[int] = []
    report = small(tmp_path, progress=told.append)
    assert (len(told), told[-1]) == (report.files, report.events)
    assert told == sorted(told)


def test_without_a_start_it_begins_before_smartcar_changed_its_payload(plain: Sample) -> None:
    first = min(event["recorded_at"] for event in good_events(plain[2]) if "recorded_at" in event)
    assert datetime.fromisoformat(f"{first}+00:00") - DEFAULT_START < timedelta(days=1)


def test_it_is_completed_where_it_was_interrupted(tmp_path: Path) -> None:
    small(tmp_path / "whole")
    small(tmp_path / "half")
    written = sorted(path for path in (tmp_path / "half").rglob("*") if path.is_file())
    written[0].unlink()
    written[1].rename(written[1].with_name(f".{written[1].name}.part"))
    small(tmp_path / "half")
    assert _contents(tmp_path / "half") == _contents(tmp_path / "whole")


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "2025").mkdir()
    (tmp_path / "2025" / "mine '`.txt").write_text("keep")
    with pytest.raises(LocationError, match=r"holds 1 files .*mine '`.txt.*: choose an empty folder"):
        small(tmp_path)
    assert _contents(tmp_path).keys() == {"2025/mine '`.txt"}


def test_the_folder_of_another_sample_is_refused_and_left_alone(tmp_path: Path) -> None:
    small(tmp_path)
    before = _contents(tmp_path)
    with pytest.raises(LocationError, match="choose an empty folder"):
        small(tmp_path, seed=6)
    assert _contents(tmp_path) == before


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("keep")
    with pytest.raises(LocationError, match="another"):
        small(tmp_path / place)
    assert _contents(tmp_path).keys() == {"file"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"events": 0}, "0 events"),
        ({"vehicles": -1}, "-1 vehicles"),
        ({"lines_per_file": 0}, "0 lines per file"),
        ({"events": 249, "oddities": True}, "249 events"),
        ({"events": 250, "oddities": True, "lines_per_file": 1}, "One line per file"),
        ({"start": datetime(2025, 1, 1)}, "no time zone"),  # noqa: DTZ001 - what is refused
    ],
    ids=["no events", "negative vehicles", "no lines", "too few for oddities", "no room for bad lines", "naive start"],
)
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        small(tmp_path / "out", **wrong)
    assert isinstance(caught.value, FlattenError)
    assert not (tmp_path / "out").exists()


def test_one_event_of_one_vehicle_is_a_sample(tmp_path: Path) -> None:
    report = small(tmp_path, events=1, vehicles=1)
    assert (report.files, report.lines, report.live) == (1, 1, 1)
