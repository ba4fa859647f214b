"""The odd half of a sample: every kind is there, is what its name says, and leaves its neighbours alone."""

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from flatten.sample import SampleReport, write_sample
from flatten.sample.bad_lines import BAD_LINES, BadLineError
from flatten.sample.fleet import fleet_events
from flatten.sample.lines import to_json
from flatten.sample.odd_items import KINDS, make_odd
from flatten.sample.sample import FEWEST_EVENTS_WITH_ODDITIES
from support.catalogue_events import catalogue
from support.sample_reader import ReadFile, good_events, read_sample, verdict

AT = 1_764_142_265_846
FILE_KINDS = {
    "file_of_the_older_pipeline",
    "file_with_crlf",
    "file_with_bom_and_blank_lines",
    "file_truncated",
    "file_incomplete",
    "file_empty",
    "file_empty_gzip",
}

Event = dict[str, Any]
Sample = tuple[Path, SampleReport, list[ReadFile]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("odd")
    report = write_sample(folder, events=600, vehicles=8, seed=4, oddities=True)
    return folder, report, read_sample(folder)


@pytest.fixture(scope="module")
def item() -> Event:
    return next(item for _, item in fleet_events(1, 1, AT / 1000))


@pytest.mark.parametrize(
    ("events", "lines_per_file"),
    [(FEWEST_EVENTS_WITH_ODDITIES, 2), (FEWEST_EVENTS_WITH_ODDITIES, 200), (1500, 200)],
    ids=["fewest events and lines", "fewest events", "more"],
)
def test_every_kind_of_oddity_is_in_the_sample(tmp_path: Path, events: int, lines_per_file: int) -> None:
    report = write_sample(tmp_path, events=events, vehicles=5, seed=1, oddities=True, lines_per_file=lines_per_file)
    kinds = {*KINDS, *FILE_KINDS, *(bad.kind for bad in BAD_LINES), "delete_of_unknown_event"}
    assert report.oddities.keys() == kinds


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_event_leaves_the_event_it_was_made_of_alone(item: Event, kind: str) -> None:
    before = deepcopy(item)
    odd = make_odd(item, kind, AT)
    assert item == before
    assert odd != item
    assert odd["event_id"] == item["event_id"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_event_is_a_line_that_can_be_read(item: Event, kind: str) -> None:
    odd = make_odd(item, kind, AT)
    assert verdict(to_json(odd)) == odd


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("signal_count_wrong", "meta_empty")])
def test_the_count_of_signals_stays_right(item: Event, kind: str) -> None:
    odd = make_odd(item, kind, AT)
    assert odd["meta"]["signalCount"] == sum(signal is not None for signal in odd["signals"])


def test_odd_signals_have_codes_of_the_catalogue_unless_the_code_is_what_is_odd(item: Event) -> None:
    known = {entry["code"] for entry in catalogue()}
    for kind in KINDS:
        codes = {signal.get("code") for signal in make_odd(item, kind, AT)["signals"] if signal}
        assert (codes <= known) == (kind not in ("code_unknown", "code_absent")), kind


@pytest.mark.parametrize("bad", BAD_LINES, ids=lambda bad: bad.kind)
def test_a_bad_line_is_quarantined_for_its_reason(item: Event, bad: BadLineError) -> None:
    metadata = {"event_name": "INSERT", "stream": "2025-11-12T00:00:00.000", "sequence_number": "1" * 21}
    event = {**item, "_stream_metadata": metadata}
    line = bad.make(event)
    assert verdict(to_json(event)) == event
    assert verdict(line) == bad.reason
    assert b"\n" not in line


def test_bad_lines_stand_among_good_ones(sample: Sample) -> None:
    for file in sample[2]:
        if file.whole and file.lines:
            assert isinstance(verdict(file.lines[0]), dict)
            assert isinstance(verdict(file.lines[-1]), dict)


def test_broken_files_hold_events_that_stand_nowhere_else(sample: Sample) -> None:
    folder, _, files = sample
    ids = {event["event_id"] for event in good_events(files)}
    incomplete = next(file for file in files if file.lines is not None and not file.whole)
    truncated = next(file for file in files if file.lines is None)
    assert incomplete.lines
    assert not ids & {json.loads(line)["event_id"] for line in incomplete.lines}
    with gzip.open(folder / truncated.path) as stream:
        readable = stream.read(9_000).splitlines()[:-1]
    assert readable
    assert not ids & {json.loads(line)["event_id"] for line in readable}


def test_empty_files_are_empty_in_both_ways(sample: Sample) -> None:
    folder, _, files = sample
    sizes = {(folder / file.path).stat().st_size: file.promised for file in files if file.lines == []}
    assert sizes == {0: None, 20: None}


def test_the_older_file_tells_its_lines_and_nothing_of_their_order(sample: Sample) -> None:
    folder, _, files = sample
    older = next(file for file in files if Path(file.path).name.startswith("telemetry_"))
    lines = older.lines or []
    events = [json.loads(line) for line in lines]
    assert older.path.endswith(f"_{len(lines)}.json")
    assert not any("_stream_metadata" in event for event in events)
    assert not (folder / older.path).read_bytes().endswith(b"\n")
    first, last = events[0], events[-1]
    assert first["event_id"] == last["event_id"]
    assert first["meta"]["deliveredAt"] < last["meta"]["deliveredAt"]


def test_one_file_ends_its_lines_in_crlf_and_one_has_a_bom_and_blank_lines(sample: Sample) -> None:
    folder, _, files = sample
    contents = [gzip.decompress((folder / file.path).read_bytes()) for file in files if file.whole and file.promised]
    crlf = [content for content in contents if b"\r\n" in content]
    bom = [content for content in contents if content.startswith(b"\xef\xbb\xbf")]
    assert len(crlf) == len(bom) == 1
    assert crlf[0].count(b"\r\n") == crlf[0].count(b"\n")
    assert b"\n\n   \n" in bom[0]


def test_the_last_changes_come_from_a_newer_stream_with_lower_numbers(sample: Sample) -> None:
    numbers: dict[str, list[int]] = {}
    for event in good_events(sample[2]):
        if "_stream_metadata" in event:
            metadata = event["_stream_metadata"]
            numbers.setdefault(metadata["stream"], []).append(int(metadata["sequence_number"]))
    older, newer = sorted(numbers)
    assert max(numbers[newer]) < min(numbers[older])
    assert len(numbers[older]) > 4 * len(numbers[newer]) > 0


def test_some_deletes_are_of_events_that_the_stream_never_told_of(sample: Sample) -> None:
    events = list(good_events(sample[2]))
    stored = {
        event["event_id"] for event in events if event.get("_stream_metadata", {}).get("event_name") in (None, "INSERT")
    }
    unknown = {event["event_id"] for event in events} - stored
    assert len(unknown) == sample[1].oddities["delete_of_unknown_event"] == 3


def test_an_event_of_the_older_pipeline_is_changed_by_the_stream_later(sample: Sample) -> None:
    events = list(good_events(sample[2]))
    older = {event["event_id"] for event in events if "_stream_metadata" not in event}
    assert older & {event["event_id"] for event in events if "_stream_metadata" in event}
