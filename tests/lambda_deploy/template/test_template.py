"""The template is accepted by AWS's linter, small, and literal except for values found at deploy time."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.errors import ConfigError
from lambda_deploy.template.alarms import ALARMS
from lambda_deploy.template.render import template, template_body
from support.aws_account import HOST, write_bundle

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LONGEST_TEMPLATE = 51_200
FILE_ARRIVAL = {"start": {"file_arrival": {"url": "/Volumes/main/telemetry/landing/"}}}
UNPAUSED = {"start": {"periodic": {"interval": 5, "unit": "MINUTES"}, "pause_status": "UNPAUSED"}}
OPTION_A: dict[str, Any] = {"lambda_starts_job": True, **UNPAUSED}
NETWORK: dict[str, Any] = {"subnet_ids": ["subnet-0a1b2c3d"], "security_group_ids": ["sg-0a1b2c3d"]}
EACH: dict[str, dict[str, Any]] = {
    "a schedule": {},
    "the Lambda, with a secret": OPTION_A,
    "the Lambda, without a secret": {**OPTION_A, "lambda_client_id": "client-1"},
    "file arrival": FILE_ARRIVAL,
    "an address": {"alert_email": "alerts@example.com"},
    "a key": {"kms_key_id": "alias/ours"},
    "tracing": {"tracing": True},
    "a VPC": NETWORK,
    "a boundary": {"permissions_boundary": "arn:aws:iam::123456789012:policy/limits"},
    "a role of another owner": {"role_arn": "arn:aws:iam::123456789012:role/team/ours"},
    "tags": {"tags": {"cost-centre": "42"}},
    "bounded retries": {"max_retries": 3, "max_record_age_seconds": 3600},
    "all": {
        "alert_email": "alerts@example.com",
        "kms_key_id": "alias/ours",
        "tracing": True,
        "tags": {"a": "b"},
        "permissions_boundary": "arn:aws:iam::aws:policy/limits",
        **NETWORK,
        **OPTION_A,
    },
}


def read(folder: Path, target: str = "prod", **variables: Any) -> Config:
    """Read a target of a bundle with these values."""
    return Config.read(write_bundle(folder, **variables), target, {"DATABRICKS_HOST": HOST})


@pytest.mark.parametrize("target", ["dev", "prod"])
@pytest.mark.parametrize("variables", EACH.values(), ids=EACH)
def test_the_linter_of_aws_finds_nothing(tmp_path: Path, target: str, variables: dict[str, Any]) -> None:
    content = template_body(template(read(tmp_path, target, **variables)))
    found = lint(content, config=ManualArgs(regions=["us-east-1", "eu-west-1"], include_checks=["I"]))
    assert [str(match) for match in found] == []


def test_the_linter_would_find_a_wrong_property(tmp_path: Path) -> None:
    content = template(read(tmp_path))
    content["Resources"]["Mapping"]["Properties"]["BatchSize"] = 0
    assert [match.rule.id for match in lint(template_body(content))] == ["E3034"]


@pytest.mark.parametrize("variables", EACH.values(), ids=EACH)
def test_the_template_is_small_enough_for_a_request(tmp_path: Path, variables: dict[str, Any]) -> None:
    content = template(read(tmp_path, **variables))
    assert len(template_body(content).encode()) < LONGEST_TEMPLATE


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    once, again = (template(read(tmp_path, **EACH["all"])) for _ in range(2))
    assert template_body(once) == template_body(again)


def test_only_what_is_found_at_deploy_time_is_a_parameter(tmp_path: Path) -> None:
    content = template(read(tmp_path, **EACH["all"]))
    found = {"StreamArn", "CodeKey", "TableKeyArn", "BucketKeyArn", "KmsKeyArn", "JobId"}
    assert set(content["Parameters"]) == found
    assert set(template(read(tmp_path))["Parameters"]) == found - {"KmsKeyArn", "JobId"}


def test_a_target_without_a_table_has_no_template(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dynamodb_table is empty"):
        template(read(tmp_path, "dev", dynamodb_table=""))


def properties(config: Config, resource: str) -> dict[str, Any]:
    """Return the properties of a resource of the target's template."""
    found: dict[str, Any] = template(config)["Resources"][resource]["Properties"]
    return found


def test_the_mapping_has_the_settings_that_lose_nothing(tmp_path: Path) -> None:
    mapping = properties(read(tmp_path), "Mapping")
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (-1, 82_800)
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "OnFailure" in mapping["DestinationConfig"]


def test_the_log_group_is_adopted_and_outlives_the_stack(tmp_path: Path) -> None:
    group = template(read(tmp_path))["Resources"]["LogGroup"]
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_only_the_log_group_can_be_adopted(tmp_path: Path) -> None:
    content = template(read(tmp_path, **EACH["all"]))["Resources"]
    kept = [name for name, each in content.items() if each.get("DeletionPolicy", "Delete") != "Delete"]
    assert kept == ["LogGroup"]


def test_the_policy_is_part_of_the_role(tmp_path: Path) -> None:
    content = template(read(tmp_path))["Resources"]
    assert len(content["Role"]["Properties"]["Policies"]) == 1
    assert [each["Type"] for each in content.values() if each["Type"].startswith("AWS::IAM::")] == ["AWS::IAM::Role"]


def test_an_existing_role_is_used_and_not_made(tmp_path: Path) -> None:
    content = template(read(tmp_path, **EACH["a role of another owner"]))
    assert "Role" not in content["Resources"]
    assert content["Resources"]["Function"]["Properties"]["Role"] == "arn:aws:iam::123456789012:role/team/ours"


def test_without_an_address_there_is_no_subscription(tmp_path: Path) -> None:
    assert "Subscription" not in template(read(tmp_path))["Resources"]
    subscription = properties(read(tmp_path, **EACH["an address"]), "Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "alerts@example.com")


def test_the_trigger_is_off_while_the_jobs_number_is_not_known(tmp_path: Path) -> None:
    variables = properties(read(tmp_path, **OPTION_A), "Function")["Environment"]["Variables"]
    of_trigger = [name for name in variables if name.startswith("DATABRICKS_")]
    assert of_trigger == ["DATABRICKS_HOST", "DATABRICKS_JOB_ID", "DATABRICKS_SECRET_ID"]
    assert {variables[name]["Fn::If"][0] for name in of_trigger} == {"StartsJob"}
    assert {json.dumps(variables[name]["Fn::If"][2]) for name in of_trigger} == {'{"Ref": "AWS::NoValue"}'}


def test_no_secret_is_in_the_template(tmp_path: Path) -> None:
    kinds = [each["Type"] for each in template(read(tmp_path, **EACH["all"]))["Resources"].values()]
    assert not [kind for kind in kinds if "Secret" in kind]


# Alarms


def alarms(config: Config) -> dict[str, dict[str, Any]]:
    """Return the alarms of a target by the ends of their names."""
    content = template(config)["Resources"].values()
    found = [each["Properties"] for each in content if each["Type"] == "AWS::CloudWatch::Alarm"]
    return {each["AlarmName"].removeprefix(f"{config.function_name}-"): each for each in found}


def test_each_alarm_is_there_and_that_of_the_trigger_with_a_trigger_only(tmp_path: Path) -> None:
    assert set(alarms(read(tmp_path, **OPTION_A))) == set(ALARMS)
    assert set(ALARMS) - set(alarms(read(tmp_path))) == {"trigger-failed"}


def test_each_alarm_names_its_section_of_the_page_of_troubleshooting(tmp_path: Path) -> None:
    for what, alarm in alarms(read(tmp_path, **OPTION_A)).items():
        assert alarm["AlarmDescription"].endswith(f". What to do: docs/troubleshooting.md#{what}")


def test_the_age_of_events_alarms_after_half_an_hour_and_again_after_twelve(tmp_path: Path) -> None:
    found = alarms(read(tmp_path))
    limits = [found[what]["Threshold"] / 3_600_000 for what in ("iterator-age", "iterator-age-12h")]
    assert limits == [0.5, 12]


def test_a_mapping_that_stops_is_reported_and_a_new_one_is_not(tmp_path: Path) -> None:
    found = alarms(read(tmp_path))
    assert found["not-polling"]["TreatMissingData"] == "missing"
    assert [what for what in found if "InsufficientDataActions" in found[what]] == ["not-polling"]


def test_a_failed_start_alarms_only_when_none_succeeded_for_an_hour(tmp_path: Path) -> None:
    result, failed, started = alarms(read(tmp_path, **OPTION_A))["trigger-failed"]["Metrics"]
    assert result["Expression"] == "IF(FILL(triggerfailed, 0) > 0 AND FILL(triggerstarted, 0) == 0, 1, 0)"
    assert [each["Id"] for each in (failed, started)] == ["triggerfailed", "triggerstarted"]
    assert {each["MetricStat"]["Period"] for each in (failed, started)} == {3600}


# Two of them in one account


def literals(config: Config) -> set[str]:
    """Return every name in the template that makes something in the account."""
    content = template(config)["Resources"].values()
    named = [
        ["FunctionName", "RoleName", "LogGroupName", "TopicName", "AlarmName", "DashboardName"],
        [each["Properties"] for each in content],
    ]
    found = {each[key] for key in named[0] for each in named[1] if isinstance(each.get(key), str)}
    return found | {names.stack_name(config), names.code_prefix(config), names.secret_name(config)}


PAIRS: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "two targets": (("prod", {}), ("dev", {})),
    "two developers": (("dev", {"developer": "jo"}), ("dev", {"developer": "bo"})),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_two_targets_share_no_resource_and_no_prefix(tmp_path: Path, one: Any, other: Any) -> None:
    first, second = read(tmp_path, one[0], **EACH["all"] | one[1]), read(tmp_path, other[0], **EACH["all"] | other[1])
    assert not literals(first) & literals(second)
    for config, foreign in ((first, second), (second, first)):
        writes = json.dumps(template(config)["Resources"]["Role"])
        own = (
            rf"{re.escape(config.bucket)}/(?:{re.escape(config.landing_prefix)}|{re.escape(config.quarantine_prefix)})"
        )
        written = re.findall(rf"s3:::({re.escape(config.bucket)}/[^\"*]+)\*", writes)
        assert [place for place in written if not re.match(own, place)] == [f"{config.bucket}/aws/lambda/"]
        assert f'"{foreign.function_name}"' not in json.dumps(template(config))


def test_two_regions_share_only_names_that_each_region_has_for_itself(tmp_path: Path) -> None:
    one, two = read(tmp_path, aws_region="eu-west-1"), read(tmp_path, aws_region="us-east-1")
    by_region = literals(one) & literals(two)
    assert not by_region & {names.role_name(one), names.dashboard_name(one)}
