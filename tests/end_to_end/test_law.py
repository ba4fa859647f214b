"""Property test of contract 4 for any mixture of lines and files: each line is counted once, and a bad one is kept."""

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flatten.decide.decision import VERDICTS
from flatten.events import catalogue
from flatten.events.landing_file import MAX_LINE_BYTES
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from support.job_world import STREAM, World

pytestmark = pytest.mark.spark
ID = b"@ID@"
BOM = b"\xef\xbb\xbf"
CODES = sorted(catalogue.packaged().signals)[:12]


def event(**more: Any) -> bytes:
    metadata = {"event_name": "INSERT", "stream": STREAM, "sequence_number": "1"}
    return json.dumps({"event_id": ID.decode(), "signals": [], "_stream_metadata": metadata} | more).encode()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
signals = st.lists(
    st.fixed_dictionaries({"code": st.sampled_from(CODES), "body": st.fixed_dictionaries({"value": values}) | values})
    | values,
    max_size=4,
)
good = st.builds(lambda entries, stray: event(signals=entries, stray=stray), signals, values)
GOOD = [event(nested=json.loads("[" * 100 + "]" * 100)), event(signals=None), event() + b"\r", b"\t" + event() + b" "]
BAD = [
    event()[:-1] + b', "x": NaN}',
    event() + event(),
    event().replace(b'"', b"'"),
    event(signals={"code": 1}),
    event(event_id=7),
    event(event_id=""),
    event(_stream_metadata=[1]),
    event(_stream_metadata={"event_name": "UPSERT"}),
    b"[" * 5_000 + b"]" * 5_000,
    b'{"event_id": ' * 300 + b"1" + b"}" * 300,
    b"null",
    b"\0",
    b'{"event_id": "\xff\xfe"}',
    "\ufeff{}".encode("utf-16-le").replace(b"\n", b""),
]
EITHER = [event()[:-1] + b', "event_id": "' + ID + b'"}', event()[:-1] + b', "x": 1' + b"0" * 5_000 + b"}"]
blank = st.sampled_from([b"", b" ", b"\r", b"\t \r"])
half = st.builds(lambda text, part: text[: max(1, int(len(text) * part))], good, st.floats(0, 0.99))
garbage = st.binary(min_size=1, max_size=40).filter(lambda raw: b"\n" not in raw and not raw.startswith(b"\x1f\x8b"))
lines = good | blank | half | garbage | st.sampled_from(GOOD) | st.sampled_from(BAD) | st.sampled_from(EITHER)


@dataclass(frozen=True)
class File:
    """A file as drawn; `promise` is added to the number of lines in its name, None: it has no such name."""

    lines: list[bytes]
    packed: bool
    promise: int | None
    bom: bool
    ended: bool
    cut: bool


files = st.builds(
    File,
    st.lists(lines, max_size=6),
    packed=st.booleans(),
    promise=st.none() | st.sampled_from([0, 0, 0, 1]),
    bom=st.booleans(),
    ended=st.booleans(),
    cut=st.sampled_from([False] * 7 + [True]),
)
HUGE = File(
    [event(text="x" * 5_000_000), event(event_id="y" * 5_000_000), b"z" * 5_000_000, b"[" * (MAX_LINE_BYTES + 1)],
    *(True, None, True, False, False),
)


def landed(world: World, place: str, file: File) -> tuple[str, list[bytes] | None]:
    """Write a file; return its name and its physical lines, None when no line of it may be used."""
    physical = [text.replace(ID, f"{place}/{at}".encode()) for at, text in enumerate(file.lines, start=1)]
    text = (BOM if file.bom else b"") + b"\n".join(physical) + (b"\n" if file.ended else b"")
    data = gzip.compress(text, mtime=0) if file.packed or file.promise is not None else text
    cut = file.cut and data.startswith(b"\x1f\x8b")
    count = sum(bool(each.strip(b" \t\r")) for each in physical)
    if file.promise is not None:
        name = f"{place}/1-2-{count + file.promise}-0123abcd.ndjson.gz"
    else:
        name = f"{place}/{'x.ndjson.gz' if file.packed else 'x.json'}"
    world.land(name, data[:-5] if cut else data)
    return name, None if cut or file.promise else physical


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(spark, tmp_path_factory.mktemp("law")).furnished(blank)


@settings(max_examples=1, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(files, min_size=90, max_size=90))
def test_every_line_is_counted_once_and_every_bad_one_is_quarantined(world: World, drawn: list[File]) -> None:
    example = str(len(list(world.source.glob("*"))))
    contents = dict(landed(world, f"{example}/{at}", file) for at, file in enumerate([HUGE, *drawn]))
    world.batch(int(example), example)
    counted, ids = world.files(), world.rows().keys()
    kept = {(row.source_file, row.line_number): row for row in world.side("quarantine")}
    for name, physical in contents.items():
        if not (world.source / name).stat().st_size:
            continue  # the engine's checkpoint knows these: test_files.py
        row = counted[name]
        assert row.lines == sum(row[verdict] for verdict in VERDICTS)
        if physical is None:
            assert (row.outcome, row.quarantined) == ("quarantined", row.lines)
            assert kept[row.path, None].reason in ("file_unreadable", "file_incomplete")
            continue
        used = {at: text for at, text in enumerate(physical, start=1) if text.strip(b" \t\r")}
        assert (row.outcome, row.lines) == ("committed", len(used))
        for at, text in used.items():
            check_line(text, f"{name.rpartition('/')[0]}/{at}" in ids, kept.get((row.path, at)))
    assert set(world.spark.table(world.table.sql).columns) <= (
        EVENT_COLUMNS.keys() | LINEAGE_COLUMNS.keys() | catalogue.packaged().columns().keys()
    )


def check_line(text: bytes, has_row: bool, kept: Any) -> None:
    """Check that a line has a row, or is in quarantine byte for byte, and not both."""
    assert has_row == (kept is None)
    if kept is not None and kept.reason == "line_too_long":
        assert (kept.raw, kept.raw_base64) == (None, None)
    elif kept is not None:
        assert (kept.raw.encode() if kept.raw is not None else base64.b64decode(kept.raw_base64)) == text
