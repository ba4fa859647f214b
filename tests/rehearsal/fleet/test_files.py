"""A fleet as files: the Lambda's keys and lines, in order of arrival, counted, the same for the same seed."""

import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rehearsal.fleet import FleetReport, write_fleet
from rehearsal.fleet.__main__ import fleet
from rehearsal.fleet.cars import templates
from rehearsal.fleet.oddities import BOM, DELETE_OF_UNKNOWN, odd_items
from support.catalogue_events import catalogue
from support.fleet_reader import KEY, ReadFile, body, good_events, is_removal, newest, read_files, verdict

Written = tuple[Path, FleetReport, list[ReadFile]]


def _written(folder: Path, **arguments: Any) -> Written:
    report = write_fleet(folder, vehicles=9, seed=1, **arguments)
    return folder, report, read_files(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return _written(tmp_path_factory.mktemp("plain"), events=1500)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return _written(tmp_path_factory.mktemp("odd"), events=700, oddities=True)


@pytest.fixture(params=["plain", "odd"])
def either(request: pytest.FixtureRequest) -> Written:
    found: Written = request.getfixturevalue(request.param)
    return found


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_same_seed_gives_the_same_bytes_arrivals_and_truth_in_any_process(tmp_path: Path) -> None:
    for salt in ("1", "2"):
        command = [sys.executable, "-m", "rehearsal.fleet", "--oddities", "--events", "250", "--out", salt]
        subprocess.run(command, check=True, cwd=tmp_path, env={"PYTHONHASHSEED": salt, "TZ": f"UTC+{salt}"})
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")
    assert (tmp_path / "1.truth.json").read_bytes() == (tmp_path / "2.truth.json").read_bytes()


def test_the_fleet_knows_nothing_of_the_job() -> None:
    code = "import sys, rehearsal.fleet.__main__; sys.exit('flatten' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_quick_start_has_the_numbers_of_its_fleet(tmp_path: Path) -> None:
    made = write_fleet(tmp_path, events=2000, vehicles=20, seed=1)
    page = (Path(__file__).parents[3] / "docs" / "quickstart.md").read_text("utf-8")
    assert f"{made.files} files, {made.lines:,} lines: " in page
    assert f"gives {made.live:,} events over its days ({made.events:,} rows, {made.deleted} of them removed)" in page


@pytest.mark.parametrize("other", [{"seed": 6}, {"vehicles": 4}, {"start": datetime(2026, 2, 1, tzinfo=UTC)}])
def test_another_argument_gives_other_files(tmp_path: Path, other: dict[str, Any]) -> None:
    given: dict[str, Any] = {"events": 50, "vehicles": 3, "seed": 5}
    write_fleet(tmp_path / "one", **given)
    write_fleet(tmp_path / "two", **given | other)
    assert not _contents(tmp_path / "one").keys() & _contents(tmp_path / "two").keys()


def test_every_key_is_made_from_the_lines_as_the_contract_says(plain: Written) -> None:
    for file in plain[2]:
        found = KEY.fullmatch(file.path)
        assert found, file.path
        metadata = [event["_stream_metadata"] for event in good_events([file])]
        ids = "\n".join(known["stream_event_id"] for known in metadata)
        first, last = metadata[0], metadata[-1]
        assert found.groups() == (
            f"{datetime.fromtimestamp(first['approximate_creation_time'], UTC):%Y/%m/%d/%H}",
            first["sequence_number"],
            last["sequence_number"],
            str(len(metadata)),
            hashlib.sha256(ids.encode()).hexdigest()[:8],
        )


def test_numbers_grow_from_21_to_22_digits(plain: Written) -> None:
    numbers = [event["_stream_metadata"]["sequence_number"] for event in good_events(plain[2])]
    assert {len(number) for number in numbers} == {21, 22}


def test_the_report_counts_what_an_independent_reader_counts(either: Written) -> None:
    folder, report, files = either
    states = newest(files)
    removed = sum(map(is_removal, states.values()))
    assert (report.events, report.live, report.deleted) == (len(states), len(states) - removed, removed)
    assert report.files == len(files)
    assert report.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert report.lines == sum(len(file.lines or []) for file in files if file.whole)


def test_repeated_and_late_lines_are_those_that_arrive_so(either: Written) -> None:
    _, report, files = either
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


def test_items_are_stored_again_corrected_deleted_and_expire(plain: Written) -> None:
    kinds = Counter[str]()
    for event in good_events(plain[2]):
        metadata = event["_stream_metadata"]
        kinds[metadata["event_name"]] += 1
        kinds["moved to another day"] += (
            metadata.get("previous_recorded_at", "z")[:10] < event.get("recorded_at", "")[:10]
        )
        kinds["keys only"] += event.keys() == {"event_id", "_stream_metadata"}
        kinds["expired"] += metadata["expired_by_ttl"]
        assert not metadata["expired_by_ttl"] or event["expires_at"] < metadata["approximate_creation_time"]
    assert all(kinds[kind] > 1 for kind in ("MODIFY", "REMOVE", "moved to another day", "keys only", "expired"))


def test_signals_are_those_of_the_catalogue_and_the_makes_send_them_all(plain: Written) -> None:
    known = {entry["code"]: entry for entry in catalogue()}
    for event in good_events(plain[2]):
        for signal in event.get("signals", []):
            entry = known[signal["code"]]
            assert (signal["name"], signal["group"]) == (entry["name"], entry["group"])
            assert body(signal).keys() <= entry["body"].keys()
    sent = {*templates().common, *(name for make in templates().makes for name in make.extras())}
    assert sent == templates().signals.keys() == {f"{entry['group']}.{entry['name']}" for entry in known.values()}


def test_a_success_has_a_status_from_17_november_2025_on(plain: Written) -> None:
    since = datetime(2025, 11, 17, tzinfo=UTC).timestamp() * 1000
    signals = [signal for event in good_events(plain[2]) for signal in event.get("signals", []) if "body" in signal]
    found = {
        (signal["meta"]["retrievedAt"] >= since, "status" in signal)
        for signal in signals
        if any(signal["meta"].values())
    }
    assert found == {(True, True), (False, False)}


def test_the_expected_quarantine_is_what_an_independent_reader_refuses(odd: Written) -> None:
    reasons = Counter[str]()
    for file in odd[2]:
        if file.lines is None:
            reasons["file_unreadable"] += 1
        elif not file.whole:
            reasons["file_incomplete"] += 1
        else:
            reasons.update(found for line in file.lines if isinstance(found := verdict(line), str))
    assert odd[1].quarantine_expected == dict(reasons)
    of_lines = {reason for reason, _ in templates().bad_lines.values()}
    assert reasons.keys() == of_lines | {"file_unreadable", "file_incomplete"}


def test_every_oddity_comes_in_a_fleet_of_a_hundred_events(tmp_path: Path) -> None:
    files = (
        "truncated",
        "incomplete",
        "empty",
        "empty_gzip",
        "of_the_older_pipeline",
        "with_crlf",
        "with_bom_and_blank_lines",
    )
    kinds = {*odd_items(), *templates().bad_lines, *(f"file_{kind}" for kind in files), DELETE_OF_UNKNOWN}
    assert write_fleet(tmp_path, events=100, vehicles=1, seed=1, oddities=True).oddities.keys() == kinds


def test_events_of_broken_files_occur_nowhere_else(odd: Written) -> None:
    broken = [file for file in odd[2] if file.lines and not file.whole]
    assert broken
    assert not {json.loads(line)["event_id"] for file in broken for line in file.lines or []} & newest(odd[2]).keys()


def test_one_file_ends_its_lines_in_crlf_and_one_has_a_bom_and_blank_lines(odd: Written) -> None:
    contents = [gzip.decompress((odd[0] / file.path).read_bytes()) for file in odd[2] if file.whole and file.promised]
    assert sum(content.count(b"\r\n") == content.count(b"\n") for content in contents) == 1
    assert sum(content.startswith(BOM) and b"\n\n   \n" in content for content in contents) == 1


def test_the_older_pipeline_has_lines_without_metadata_and_an_event_of_its_own(
    odd: Written,
) -> None:
    (older,) = (file for file in odd[2] if Path(file.path).name.startswith("telemetry_"))
    events = [json.loads(line) for line in older.lines or []]
    assert not any("_stream_metadata" in event for event in events)
    numbered = {event["event_id"] for event in good_events(odd[2]) if "_stream_metadata" in event}
    assert [event["event_id"] in numbered for event in events] == [True] * (len(events) - 2) + [False] * 2


def test_the_last_changes_come_from_a_newer_stream_with_lower_numbers(odd: Written) -> None:
    numbers: dict[str, list[int]] = {}
    for event in good_events(odd[2]):
        if metadata := event.get("_stream_metadata"):
            numbers.setdefault(metadata["stream"], []).append(int(metadata["sequence_number"]))
    older, newer = sorted(numbers)
    assert max(numbers[newer]) < min(numbers[older])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--events", "0"], "0 is not in the range"),
        (["--vehicles", "x"], "'x' is not a valid integer"),
        (["--oddities", "--events", "99"], "99 events are too few for every oddity: ask for at least 100"),
        (["--out", "full"], "full is not an empty folder"),
        (["--out", "full/mine.txt"], "is not an empty folder"),
        (["--out", "full/mine.txt/below"], "cannot be written"),
    ],
    ids=" ".join,
)
def test_an_impossible_fleet_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: list[str], said: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(fleet, ["--out", "new", "--events", "10", *wrong])
    assert (result.exit_code, said in result.output) == (1 if "written" in said else 2, True), result.output
    assert _contents(tmp_path).keys() == {"full/mine.txt"}


def test_the_command_reports_in_json_and_in_words(tmp_path: Path) -> None:
    spoken = CliRunner().invoke(fleet, ["--out", str(tmp_path / "a"), "--events", "40"])
    parsed = json.loads(CliRunner().invoke(fleet, ["--out", str(tmp_path / "b"), "--events", "40", "--json"]).stdout)
    assert f"{parsed['files']} files, {parsed['lines']} lines, 40 events" in spoken.stdout
    assert (
        json.loads(Path(parsed["truth"]).read_text("utf-8")).keys()
        == json.loads((tmp_path / "a.truth.json").read_text()).keys()
    )
