"""The effect of each variable of databricks.yml on each resource of the stack."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.template.render import template
from lambda_deploy.template.resolve import resolved
from support.effects import effects

ROOT = Path(__file__).parents[3]
VARIABLES = yaml.safe_load((ROOT / "databricks.yml").read_text("utf-8"))["variables"]
HOST = {"DATABRICKS_HOST": "https://dbc-0a1b2c3d.cloud.databricks.com"}
OPTION_A = {"lambda_starts_job": True, "discovery": "listing"}

OF_MAPPING = ("OnFailureAlarm", "DroppedAlarm", "NotPollingAlarm")
OF_FUNCTION = ("IteratorAgeAlarm", "IteratorAge12hAlarm", "ErrorsAlarm", "QuarantinedAlarm")


def all_of(effect: str, *resources: str) -> dict[str, str]:
    """Return one effect on several resources."""
    return dict.fromkeys(resources, effect)


WITH_NETWORK = {"subnet_ids": ["subnet-0a1b2c3d"], "security_group_ids": ["sg-0a1b2c3d"]}
ROLE_ARN = {"role_arn": "arn:aws:iam::123456789012:role/ours"}
BOUNDARY = {"permissions_boundary": "arn:aws:iam::123456789012:policy/limits"}
# Other variables that must be set, the new value, and the effect.
CHANGES: dict[str, tuple[dict[str, Any], Any, dict[str, str]]] = {
    "alert_email": ({}, "new@example.com", all_of("replace", "Subscription")),
    "bucket": ({}, "another-bucket", all_of("update", "Role", "Function", "Mapping", "Dashboard")),
    "landing_prefix": ({}, "new/", all_of("update", "Role", "Function", "Dashboard")),
    "quarantine_prefix": ({}, "bad/", all_of("update", "Role", "Function")),
    "lambda_starts_job": (
        {},
        True,
        {**all_of("update", "Role", "Function", "Dashboard"), **all_of("create", "TriggerFailedAlarm")},
    ),
    "lambda_client_id": (OPTION_A, "client-1", all_of("update", "Role", "Function")),
    "dynamodb_table": (
        {},
        "another-table",
        {**all_of("update", "Role", "Function", "Dashboard", *OF_MAPPING), **all_of("replace", "Mapping")},
    ),
    "function_name": (
        {},
        "another",
        {
            **all_of("replace", "Role", "LogGroup", "Function", "Topic", "Subscription", "Dashboard"),
            **all_of("replace", *OF_FUNCTION, *OF_MAPPING),
            **all_of("update", "Mapping"),
        },
    ),
    "ttl_attribute": ({}, "expires_at", all_of("update", "Function")),
    "kms_key_id": ({}, "alias/ours", all_of("update", "Role", "Function")),
    "batch_size": ({}, 10, all_of("update", "Mapping")),
    "batching_window_seconds": ({}, 60, all_of("update", "Mapping")),
    "lambda_memory_mb": ({}, 1024, all_of("update", "Function")),
    "lambda_timeout_seconds": ({}, 90, all_of("update", "Function")),
    "max_record_age_seconds": ({}, 3600, all_of("update", "Mapping")),
    "max_retries": ({}, 3, all_of("update", "Mapping")),
    "log_retention_days": ({}, 90, all_of("update", "LogGroup")),
    "tracing": ({}, True, all_of("update", "Role", "Function")),
    "permissions_boundary": ({}, BOUNDARY["permissions_boundary"], all_of("update", "Role")),
    "role_arn": ({}, ROLE_ARN["role_arn"], {**all_of("remove", "Role"), **all_of("update", "Function")}),
    "subnet_ids": (WITH_NETWORK, ["subnet-0b1b2c3d"], all_of("update", "Function")),
    "security_group_ids": (WITH_NETWORK, ["sg-0b1b2c3d"], all_of("update", "Function")),
}
# Not in the template: tags belong to the stack, the role acts for CloudFormation, another region is another stack, and
# in production no name has the developer's.
BESIDE = {
    "tags": {"cost": "42"},
    "cloudformation_role_arn": "arn:aws:iam::123456789012:role/cloudformation",
    "developer": "jo",
}
# Values of variables that only the job reads, where any text would be refused.
OF_THE_JOB: dict[str, Any] = {
    "start": {"periodic": {"interval": 1, "unit": "HOURS"}},
    "archive_prefix": "another-archive/",
    "archive_retention_days": 30,
}


def read(folder: Path, **overrides: Any) -> Config:
    """Read the target prod of our bundle with these values of variables."""
    shutil.copy(ROOT / "databricks.yml", folder)
    shutil.copytree(ROOT / "resources", folder / "resources", dirs_exist_ok=True)
    target = folder / ".databricks/bundle/prod"
    target.mkdir(parents=True, exist_ok=True)
    values = {"alert_email": "old@example.com", "warehouse_id": "0a1b", "service_principal": "s", **overrides}
    (target / "variable-overrides.json").write_text(json.dumps(values))
    return Config.read(folder / "databricks.yml", "prod", HOST)


def resources(config: Config) -> dict[str, Any]:
    """Return the resources of a target, with facts as at deploy time."""
    stream = f"arn:aws:dynamodb:us-east-1:123456789012:table/{config.dynamodb_table}/stream/2026-11-01T00:00:00.000"
    facts = {"StreamArn": stream, "CodeKey": names.code_key(config, "ab" * 32), "JobId": "620135", "KmsKeyArn": "key"}
    return resolved(template(config), facts)


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_variable_has_this_effect(tmp_path: Path, name: str) -> None:
    given, value, expected = CHANGES[name]
    old, new = read(tmp_path, **given), read(tmp_path, **{**given, name: value})
    assert effects(resources(old), resources(new)) == expected


@pytest.mark.parametrize("name", [name for name in VARIABLES if name not in (*CHANGES, "aws_region", "discovery")])
def test_another_variable_changes_no_resource(tmp_path: Path, name: str) -> None:
    value = {**BESIDE, **OF_THE_JOB}.get(name, "another")
    assert effects(resources(read(tmp_path)), resources(read(tmp_path, **{name: value}))) == {}


def test_another_way_to_find_files_changes_no_resource(tmp_path: Path) -> None:
    assert effects(resources(read(tmp_path)), resources(read(tmp_path, discovery="file-events"))) == {}


def test_another_region_is_another_stack_and_shares_no_name_that_the_account_has_once(tmp_path: Path) -> None:
    old, new = resources(read(tmp_path)), resources(read(tmp_path, aws_region="eu-west-1"))
    for resource, name in (("Role", "RoleName"), ("Dashboard", "DashboardName")):
        assert old[resource]["Properties"][name] != new[resource]["Properties"][name]


def test_new_code_updates_the_function_alone(tmp_path: Path) -> None:
    config = read(tmp_path)
    content = template(config)
    old, new = ({"StreamArn": "stream", "CodeKey": names.code_key(config, digest * 32)} for digest in ("ab", "cd"))
    assert effects(resolved(content, old), resolved(content, new)) == {"Function": "update"}


def test_a_new_stream_of_the_table_replaces_the_mapping_and_retains_the_old_one(tmp_path: Path) -> None:
    content = template(read(tmp_path))
    old, new = ({"StreamArn": stream, "CodeKey": "key"} for stream in ("one", "two"))
    found = effects(resolved(content, old), resolved(content, new))
    assert found == {"Mapping": "replace", **all_of("update", "Dashboard", *OF_MAPPING)}
    assert content["Resources"]["Mapping"]["UpdateReplacePolicy"] == "Retain"


def test_where_a_mapping_starts_never_changes(tmp_path: Path) -> None:
    for given in ({}, OPTION_A, WITH_NETWORK, {"batch_size": 1}):
        found = resources(read(tmp_path, **given))["Mapping"]["Properties"]["StartingPosition"]
        assert found == "TRIM_HORIZON"
