"""Figures and messages on the pages are those that the code prints."""

import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flatten import __version__ as flatten_version
from flatten.events.catalogue import packaged
from flatten.events.envelope import read_change, read_line
from flatten.events.event import flatten
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from rehearsal.fleet import write_fleet
from stream_to_s3 import __version__ as lambda_version

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ROW = re.compile(
    r"^\| (\d+) million \| (Option [AB]|file arrival) \| \$(\d+) \| \$(\d+) \| \$([\d,]+) \|$", re.MULTILINE
)


def bills(capsys: pytest.CaptureFixture[str], events: int) -> dict[tuple[str, int], tuple[float, float]]:
    """Return the costs of AWS and Databricks by start and window."""
    command = ["cost", "--json", "-t", "prod", "--events-per-month", str(events)]
    assert run([*command, "--bundle", str(ROOT / "databricks.yml")], Tools({})) == 0
    return {
        (bill["usage"]["start"], bill["usage"]["window_seconds"]): (
            sum(bill["aws"].values()),
            sum(bill["databricks"].values()),
        )
        for bill in json.loads(capsys.readouterr().out)["bills"]
    }


def test_the_costs_in_the_readme_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    rows = ROW.findall(README)
    assert [row[:2] for row in rows] == [
        (millions, start) for millions in ("1", "100") for start in ("Option B", "Option A", "file arrival")
    ]
    for millions in ("1", "100"):
        found = bills(capsys, int(millions) * 1_000_000)
        for _, start, aws, aws_slow, databricks in [row for row in rows if row[0] == millions]:
            assert (aws, databricks) == tuple(f"{dollars:,.0f}" for dollars in found[start, 5])
            assert aws_slow == f"{found[start, 60][0]:,.0f}"


def test_the_costs_in_the_comparison_are_those_of_the_readme() -> None:
    [own] = re.findall(r"(?m)^\| \*\*this project\*\* .*$", (ROOT / "docs/comparison.md").read_text("utf-8"))
    of_a_million = [row for row in ROW.findall(README) if row[0] == "1"]
    aws = sorted({int(dollars) for row in of_a_million for dollars in row[2:4]})
    databricks = sorted({int(row[4].replace(",", "")) for row in of_a_million})
    assert f"AWS ${aws[0]} to {aws[-1]}; Databricks ${databricks[0]} to ${databricks[-1]:,} a month" in own


def test_each_message_of_the_job_in_troubleshooting_exists() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text("utf-8").partition("## Messages of flatten")[2]
    shown = re.findall(r"(?m)^\| `(.+?)` \|", page)
    code = " ".join(path.read_text("utf-8") for path in (ROOT / "src/flatten").rglob("*.py"))
    code = re.sub(r'"\s+f?"', "", code)
    parts = [part.strip() for message in shown for part in message.split("...") if part.strip(" :")]
    assert len(shown) > 4
    assert [part for part in parts if part not in code] == []


def test_the_rows_in_the_readme_are_those_of_its_fleet(tmp_path: Path) -> None:
    """Compute what the README's query returns, without Spark: of each event the newest change that is not an expiry."""
    write_fleet(tmp_path, events=2000, vehicles=20, seed=1)
    newest: dict[str, dict[str, Any]] = {}
    for path in tmp_path.rglob("*.gz"):
        for event in map(read_line, gzip.decompress(path.read_bytes()).splitlines()):
            if not event["_stream_metadata"]["expired_by_ttl"]:
                newest[event["event_id"]] = max(newest.get(event["event_id"], event), event, key=_number)
    live = [newest[key] for key in sorted(newest) if newest[key]["_stream_metadata"]["event_name"] != "REMOVE"]
    rows = [flatten(event, read_change(event), packaged()) for event in live[:5]]
    columns = ["recorded_at", "vehicle_make", *re.findall(r'"(\w+)"\)? AS ', README)]
    printed = re.findall(r"(?m)^\| (\d{4}-\S+ .*) \|$", README)
    assert [[cell.strip() for cell in row.split("|")] for row in printed] == [
        [_shown(column, row[column]) for column in columns] for row in rows
    ]


def _number(event: dict[str, Any]) -> int:
    return int(event["_stream_metadata"]["sequence_number"])


def _shown(column: str, value: Any) -> str:
    if column == "recorded_at":
        return f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if column.endswith("Distance_value"):
        return str(round(value, 0))
    return str(value).lower() if isinstance(value, bool) else str(value)


def found_in(name: str, pattern: str) -> str:
    """Return the first group of the pattern in a file of the project."""
    match = re.search(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert match is not None
    return match[1]


def test_the_versions_in_the_readme_are_those_of_the_project() -> None:
    versions = README.partition("\nVersions: ")[2]
    spark = found_in("requirements/dev.txt", r"^pyspark(?:\[.*\])?==(\d+\.\d+)")
    delta = found_in("requirements/dev.txt", r"^delta-spark==(\d+\.\d+)")
    assert found_in("pyproject.toml", 'requires-python = "(.*)"') == ">=3.11,<3.14"
    assert f"Python 3.11 to 3.13 (the Lambda 3.13), Spark {spark} with Delta {delta}, " in versions
    environment = found_in("databricks.yml", r"environment_version: \"(\d+)\"")
    runtime = found_in("docs/bundle.md", r"spark_version: (\d+\.\d+)")
    assert f"Databricks environment version {environment} or runtime {runtime}, " in versions
    assert f"Databricks CLI {found_in('databricks.yml', 'databricks_cli_version: .>=([0-9]+.[0-9]+)')}" in versions


def test_the_changelog_begins_with_the_version_of_both_packages() -> None:
    newest = found_in("CHANGELOG.md", r"^## (\S+) \(\d{4}-\d\d-\d\d\)$")
    assert {newest} == {flatten_version, lambda_version}


def test_the_readme_counts_the_columns_of_the_table() -> None:
    columns = {**EVENT_COLUMNS, **LINEAGE_COLUMNS, **packaged().columns()}
    assert f"The table can have {len(columns)} columns" in README
