"""docs/reference/lambda.md, start-options.md and deploying.md agree with the code."""

import json
import re
from pathlib import Path

import pytest

from lambda_deploy.build import OUR_BUDGET, WHOLE_BUDGET
from stream_to_s3 import auth, delivery, lines, rest, settings, trigger
from stream_to_s3.lines import to_lines
from stream_to_s3.metrics import NAMESPACE, UNITS
from stream_to_s3.records import stream_records
from support.stream_events import record, stream_event

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/reference/lambda.md").read_text()


def words_in(module: object, pattern: str) -> set[str]:
    return set(re.findall(pattern, Path(str(vars(module)["__file__"])).read_text()))


@pytest.mark.parametrize("name", sorted(words_in(settings, r'environment\.get\("([A-Z_]+)"')))
def test_every_setting_is_in_the_table(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", DOCS, re.MULTILINE)


def test_every_setting_in_the_table_is_read() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCS, re.MULTILINE))
    assert documented == words_in(settings, r'environment\.get\("([A-Z_]+)"')


@pytest.mark.parametrize(("name", "unit"), UNITS.items())
def test_every_metric_is_in_the_table(name: str, unit: str) -> None:
    assert f"| `{name}` | {unit} |" in DOCS


def test_the_namespace_is_named() -> None:
    assert f"Namespace `{NAMESPACE}`" in DOCS


def test_every_reason_of_quarantine_is_in_the_table() -> None:
    reasons = words_in(lines, r'RecordError\(\s*"([a-z_]+)"')
    assert reasons == {"unconvertible", "reserved_attribute", "malformed_record"}
    assert all(f"| `{reason}` |" in DOCS for reason in reasons)


def test_the_line_on_the_page_has_the_attributes_of_a_line() -> None:
    new, old = ({"event_id": {"S": "e"}, "recorded_at": {"S": day}} for day in ("2026-01-02", "2026-01-01"))
    [written] = to_lines(stream_records(stream_event([record(1, new, old)]))).converted
    [shown] = re.findall(r"(?s)```json\n(.*?)```", DOCS)
    assert json.loads(shown)["_stream_metadata"].keys() == json.loads(written)["_stream_metadata"].keys()


def test_the_limits_are_those_of_the_code() -> None:
    start, deploying = (ROOT / "docs/start-options.md").read_text(), (ROOT / "docs/deploying.md").read_text()
    assert f"{rest.CONNECT_SECONDS:.0f} s to connect and {rest.READ_SECONDS:.0f} s to read" in start
    assert f"nothing is tried for {trigger.PAUSE_SECONDS:.0f} s" in start
    kept = auth.PERSONAL_TOKEN_SECONDS - auth.EARLY_SECONDS
    assert f"read again every {kept / 60:.0f} minutes" in start
    assert f"{WHOLE_BUDGET / 1e6:.1f} MB" in deploying
    assert f"{OUR_BUDGET / 1e3:.0f} KB" in deploying


def test_every_field_of_the_log_line_is_in_the_table() -> None:
    table = DOCS.partition("## The log\n")[2].partition("\n\nA token")[0]
    fields = words_in(delivery, r'(?m)^        "(\w+)": ') - UNITS.keys()
    given = words_in(delivery, r"\b(\w*milliseconds)=") | {"batch", "request_id"}
    assert len(fields) == 8
    assert fields | given | {"timestamp", "level", "message"} == set(re.findall(r"`([a-z_]+)`", first_cells(table)))


def first_cells(table: str) -> str:
    return "\n".join([line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")])
