"""The page of a rehearsal: what it says, that it loads nothing, and that no text of the data becomes markup."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from rehearsal.report.page import page
from rehearsal.report.trace import Kept, Trace
from support.traces import EMPTY, HOSTILE, SMALL, passage, run

VOID = {"meta", "br", "hr", "img", "link", "input"}
FAULTY = replace(
    SMALL,
    settings={HOSTILE: HOSTILE},
    passages=[*SMALL.passages, passage(HOSTILE, 1.0, 2.0, 3.0, 30.0)],
    runs=[run(0, 1, 2, lines={HOSTILE: 3})],
    kept=[Kept("job", HOSTILE, 1)],
    problems=[HOSTILE, "x" * 5_000_000],
)
TRACES = pytest.mark.parametrize("trace", [EMPTY, SMALL, FAULTY], ids=["empty", "small", "hostile"])


@dataclass
class Read(HTMLParser):
    """What a browser would see: elements with their attributes, tables as texts. Every element has to be closed."""

    trace: Trace
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.text = page(self.trace)
        self.feed(self.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] != "style":
            self.said.append(data)


def test_it_says_in_a_sentence_that_all_came_right() -> None:
    found = Read(SMALL)
    assert "All came right: 4 changes, 2 rows, 6 kept aside with their reasons." in found.said
    assert ("p", {"class": "verdict good"}) in found.tags
    assert "2027-01-15 08:00:00 UTC, 10.0 s" in found.said


def test_it_says_every_problem() -> None:
    found = Read(replace(SMALL, problems=["a row is missing", "a row is there twice"]))
    assert ("p", {"class": "verdict bad"}) in found.tags
    assert {"2 problems in 4 changes.", "a row is missing", "a row is there twice"} <= set(found.said)


def test_its_tables_have_the_numbers() -> None:
    rows = Read(SMALL).rows
    for row in (
        ["put → object", "2.00 s", "3.00 s", "3"],
        ["put → row", "7.00 s", "9.00 s", "2"],
        ["job", "bad_event_id", "2"],
        ["lambda", "not_an_object", "4"],
        ["1", "succeeded", "1.50 s", "0.50 s", "4.00 s", "2", "2 applied"],
        ["2", "failed", "6.50 s", "0.50 s", "1.00 s", "0", "-"],
        ["batch size", "2"],
    ):
        assert row in rows


def test_the_slowest_come_first_and_only_five() -> None:
    trace = replace(SMALL, passages=[passage(f"e{number}", 1, 2, None, number) for number in range(10)])
    rows = [row for row in Read(trace).rows if row[0].startswith("e") and row[0] != "event"]
    assert [row[0] for row in rows] == ["e9", "e8", "e7", "e6", "e5"]
    assert rows[0] == ["e9", "1.00 s", "2.00 s", "-", "9.00 s"]


def test_the_tiles_have_the_percentiles_and_the_objects() -> None:
    said = Read(SMALL).said
    for tile in (
        ["put → row", "7.00 s", "p50; p95 9.00 s"],
        ["rows", "2", "1 deleted, of 4 changes"],
        ["objects", "2", "1,500 bytes and 1.5 events each, by 3 invocations"],
        ["runs of the job", "2", "1 succeeded, 1 failed"],
    ):
        at = said.index(tile[0])
        assert said[at : at + 3] == tile


def test_the_cost_is_that_of_the_model() -> None:
    assert any(said.startswith("$2.7354 in batches of 2") for said in Read(SMALL).said)


def test_nothing_seen_is_said_in_each_part() -> None:
    said = Read(EMPTY).said
    for sentence in (
        "No change was made, so nothing is shown to be right.",
        "Nothing was seen.",
        "Everything could be processed.",
        "No run was over.",
        "No event became a row.",
        "No object was written.",
        "None were said.",
    ):
        assert sentence in said
    assert not any("the runs of the job" in sentence for sentence in said)


@TRACES
def test_a_policy_forbids_all_but_styles_of_its_own(trace: Trace) -> None:
    policies = [
        made["content"] for tag, made in Read(trace).tags if made.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


@TRACES
def test_nothing_refers_to_a_url_and_nothing_runs(trace: Trace) -> None:
    found = Read(trace)
    assert not {tag for tag, _ in found.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "use",
        "a",
    }
    names = {name for _, made in found.tags for name in made}
    assert not {name for name in names if name in {"href", "src", "srcset", "action", "data"} or name.startswith("on")}
    style = found.text[found.text.index("<style>") : found.text.index("</style>")]
    assert not re.search(r"url\(|@import|//", style)


def test_hostile_texts_are_texts() -> None:
    found = Read(FAULTY)
    shown = HOSTILE.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\x00", "\\x00").replace("\ud800", "\\ud800")
    assert [shown, shown] in found.rows
    assert ["job", shown, "1"] in found.rows
    assert any(row[0] == shown and row[-1] == "30.0 s" for row in found.rows)
    assert shown in found.said
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in Read(SMALL).tags} | {"ul", "li"}


def test_five_megabytes_of_a_problem_are_cut_and_the_page_is_utf_8() -> None:
    assert len(page(FAULTY).encode()) < 100_000


@TRACES
def test_every_drawing_is_xml_and_no_two_elements_have_the_same_id(trace: Trace) -> None:
    text = page(trace)
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawings) == 3 + 2 + 2
    for drawing in drawings:
        assert ElementTree.fromstring(drawing).tag == "svg"  # noqa: S314 # our own text
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids)) == 8


def test_every_style_that_a_drawing_asks_for_is_there() -> None:
    text = page(replace(SMALL, runs=[*SMALL.runs, run(8, 8, 9, outcome="killed")]))
    style = text[text.index("<style>") : text.index("</style>")]
    used = {name for names in re.findall(r'class="([^"]*)"', text) for name in names.split()}
    assert {name for name in used if f".{name}" not in style} <= {"unit"}
