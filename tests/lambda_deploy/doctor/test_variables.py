"""Values that the Databricks CLI accepts and that fail later are found; valid ones are not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.bundle_file import BundleFile
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.doctor.variables import read_variables, wrong_variables
from support.aws_account import HOST, write_bundle
from support.captured import Said

ROOT = Path(__file__).parents[3]
FILE_ARRIVAL = {"file_arrival": {"url": "/Volumes/x"}}
PAUSED = {"periodic": {"interval": 30, "unit": "MINUTES"}, "pause_status": "PAUSED"}


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("discovery", "listings", "file-events"),
        ("compaction", "compact", "--no-compact"),
        ("freshness_minutes", "abc", "120"),
        ("freshness_minutes", 0, 1),
        ("max_files", "1.5", 1000),
        ("max_files", True, "1000"),
        ("max_files", "1" * 5_000, 1),
        ("lookback_days", -1, 0),
        ("warehouse_id", 123456789012345, "0123456789012345"),
        ("warehouse_id", "123456789012345", ""),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_value_that_validation_accepts_is_found(name: str, wrong: Any, right: Any) -> None:
    [(reason, cure)] = wrong_variables({"discovery": "listing", name: wrong})
    assert reason.startswith(f"{name} is {wrong!r}"[:80])
    assert cure.startswith(("set one of", "set a whole number", "set the 16 digits"))
    assert wrong_variables({name: right}) == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"landing_prefix": "telemetry"}, "landing_prefix is 'telemetry', expected a prefix like telemetry/"),
        ({"archive_prefix": "/archive/"}, "archive_prefix is '/archive/'"),
        ({"batch_size": "many"}, "batch_size is 'many', expected a whole number"),
        ({"max_retries": 0}, "max_retries is 0"),
        ({"lambda_starts_job": True, "start": FILE_ARRIVAL}, "expected `periodic`, because lambda_starts_job is true"),
        ({"lambda_starts_job": True, "start": PAUSED}, "lambda_starts_job is true, but `start` is paused"),
        ({"lambda_starts_job": True, "discovery": "file-events"}, "but `discovery` is 'file-events'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_variable_that_the_lambda_needs_is_also_a_line_of_the_doctor(
    tmp_path: Path, said: Callable[[], Said], variables: dict[str, Any], sentence: str
) -> None:
    path = write_bundle(tmp_path, **variables, compaction="compact")
    assert run(["doctor", "--bundle", str(path), "--json"], Tools({"DATABRICKS_HOST": HOST})) == 1
    lines = json.loads(said().out)["lines"]
    assert [(line["check"], line["verdict"]) for line in lines] == [("variables", "problem")] * 2
    assert lines[0]["reason"] == "compaction is 'compact'"
    assert sentence in lines[1]["reason"]


def test_the_bundle_has_no_invalid_value() -> None:
    values = read_variables(BundleFile(ROOT / "databricks.yml", "prod", {}))
    assert {"max_files", "discovery", "compaction", "freshness_minutes"} <= values.keys()
    assert wrong_variables(values) == []


def test_references_that_only_the_cli_resolves_are_ignored(tmp_path: Path) -> None:
    path = write_bundle(tmp_path, discovery="${workspace.current_user.short_name}")
    values = read_variables(BundleFile(path, "dev", {"BUNDLE_VAR_warehouse_id": "x"}))
    assert values == {"warehouse_id": "x"}
