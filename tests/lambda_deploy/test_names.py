"""The names of a target's resources."""

from pathlib import Path
from typing import Any

import pytest

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.errors import ConfigError
from support.aws_account import write_bundle


def read(folder: Path, target: str = "prod", environment: dict[str, str] | None = None, **variables: Any) -> Config:
    """Read a target of a bundle with these values."""
    return Config.read(write_bundle(folder, **variables), target, environment or {})


def all_names(config: Config) -> set[str]:
    """Return every name that is unique in an account or a region, and the code's prefix."""
    return {
        names.stack_name(config),
        f"role {names.role_name(config)}",
        names.log_group(config),
        names.topic_name(config),
        names.alarm_name(config, "errors"),
        f"dashboard {names.dashboard_name(config)}",
        names.secret_name(config),
        names.code_prefix(config),
    }


def test_the_stack_is_named_after_bundle_and_target_alone(tmp_path: Path) -> None:
    assert names.stack_name(read(tmp_path, function_name="other")) == "chargeminder-telemetry-prod"


def test_a_developers_stack_ends_in_the_developer(tmp_path: Path) -> None:
    assert names.stack_name(read(tmp_path, "dev", developer="jo")) == "chargeminder-telemetry-dev-jo"


def test_the_log_group_keeps_lambdas_own_name(tmp_path: Path) -> None:
    assert names.log_group(read(tmp_path)) == "/aws/lambda/chargeminder-unified-processor"


def test_code_is_stored_by_its_digest_below_the_stacks_name(tmp_path: Path) -> None:
    assert names.code_key(read(tmp_path), "ab" * 32) == f"lambda-code/chargeminder-telemetry-prod/{'ab' * 32}.zip"


@pytest.mark.parametrize("developer", ["jo.smith", "jo_smith", "jo smith"])
def test_an_invalid_stack_name_is_refused_not_rewritten(tmp_path: Path, developer: str) -> None:
    with pytest.raises(ConfigError, match=f"the stack would be named 'chargeminder-telemetry-dev-{developer}'"):
        read(tmp_path, "dev", {"BUNDLE_VAR_function_name": "f"}, developer=developer)


def test_a_role_name_that_is_too_long_is_refused_with_the_excess(tmp_path: Path) -> None:
    assert len(names.role_name(read(tmp_path, function_name="f" * 54))) == 64
    with pytest.raises(ConfigError, match=r"which has 66 characters, and IAM accepts 64: remove 2 from function_name"):
        read(tmp_path, function_name="f" * 56)


def test_with_an_existing_role_only_the_limit_of_lambda_applies(tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/ours"
    assert read(tmp_path, function_name="f" * 64, role_arn=role).function_name == "f" * 64
    with pytest.raises(ConfigError, match="has 65 characters: remove 1"):
        read(tmp_path, function_name="f" * 65, role_arn=role)


def test_no_table_is_refused_when_one_is_needed(tmp_path: Path) -> None:
    config = read(tmp_path, "dev", dynamodb_table="")
    with pytest.raises(ConfigError, match=r"target dev: dynamodb_table is empty.*BUNDLE_VAR_dynamodb_table"):
        names.table_name(config)


def test_two_targets_share_no_name(tmp_path: Path) -> None:
    assert not all_names(read(tmp_path)) & all_names(read(tmp_path, "dev"))


def test_two_developers_share_no_name(tmp_path: Path) -> None:
    assert not all_names(read(tmp_path, "dev", developer="jo")) & all_names(read(tmp_path, "dev", developer="bo"))


def test_two_regions_share_no_name_that_is_unique_in_the_account(tmp_path: Path) -> None:
    one, two = read(tmp_path, aws_region="eu-west-1"), read(tmp_path, aws_region="us-east-1")
    assert {names.role_name(one), names.dashboard_name(one)}.isdisjoint(
        {names.role_name(two), names.dashboard_name(two)}
    )
