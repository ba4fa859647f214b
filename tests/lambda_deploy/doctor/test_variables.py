"""Values that the Databricks CLI accepts and that do harm: each is found, its neighbours are not."""

from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.bundle_file import BundleFile
from lambda_deploy.doctor.variables import read_variables, wrong_variables
from support.aws_account import write_bundle

ROOT = Path(__file__).parents[3]
PERIODIC = {"periodic": {"interval": 30, "unit": "MINUTES"}}


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"landing_prefix": "telemetry"}, ["landing_prefix is 'telemetry'"]),
        ({"archive_prefix": "/archive/"}, ["archive_prefix is '/archive/'"]),
        ({"quarantine_prefix": "q//"}, ["quarantine_prefix is 'q//'"]),
        ({"landing_prefix": "jo/telemetry/"}, []),
        ({"discovery": "listings"}, ["discovery is 'listings'"]),
        ({"discovery": "file-events"}, []),
        ({"compaction": "compact"}, ["compaction is 'compact'"]),
        ({"freshness_minutes": "abc"}, ["freshness_minutes is 'abc'"]),
        ({"freshness_minutes": "120"}, []),
        ({"max_files": 0}, ["max_files is 0"]),
        ({"max_files": True}, ["max_files is True"]),
        ({"archive_retention_days": "1.5"}, ["archive_retention_days is '1.5'"]),
        ({"batch_size": 10_001}, ["batch_size is 10001"]),
        ({"warehouse_id": 123456789012345}, ["warehouse_id is the number 123456789012345"]),
        ({"warehouse_id": "123456789012345"}, ["warehouse_id is '123456789012345'"]),
        ({"warehouse_id": "0123456789012345"}, []),
        ({"warehouse_id": ""}, []),
        ({"lambda_starts_job": "yes"}, ["lambda_starts_job is 'yes'"]),
        ({"lambda_starts_job": True, "start": PERIODIC}, []),
        (
            {"lambda_starts_job": "true", "start": {"file_arrival": {"url": "/Volumes/x"}}},
            ["lambda_starts_job is true, but `start` is not `periodic`"],
        ),
        (
            {"lambda_starts_job": True, "start": {**PERIODIC, "pause_status": "PAUSED"}},
            ["lambda_starts_job is true, but `start` is paused"],
        ),
        (
            {"lambda_starts_job": True, "start": PERIODIC, "discovery": "file-events"},
            ["lambda_starts_job is true, but `discovery` is not listing"],
        ),
        ({"lambda_starts_job": False, "start": 7, "discovery": "file-events"}, []),
    ],
    ids=str,
)
def test_a_value_that_validation_lets_through_is_found(values: dict[str, Any], reasons: list[str]) -> None:
    found = wrong_variables(values)
    assert [reason for reason, _ in found] == reasons
    assert all(cure for _, cure in found)


def test_the_bundle_as_it_is_has_no_wrong_value() -> None:
    values = read_variables(BundleFile(ROOT / "databricks.yml", "prod", {}))
    assert {"max_files", "discovery", "landing_prefix", "start"} <= values.keys()
    assert wrong_variables(values) == []


def test_references_are_resolved_and_those_of_the_cli_are_passed_over(tmp_path: Path) -> None:
    path = write_bundle(tmp_path, discovery="${workspace.current_user.short_name}")
    values = read_variables(BundleFile(path, "dev", {"BUNDLE_VAR_batch_size": "x"}))
    assert (values["landing_prefix"], values["batch_size"]) == ("shared/telemetry/", "x")
    assert "discovery" not in values
