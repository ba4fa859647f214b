"""The names of a target's resources: made of databricks.yml, never changed.

A name that is unique in the whole account (role, dashboard) ends in the region, so two regions share nothing. A name
that AWS would refuse is an error that says what to change.
"""

import re
from typing import TYPE_CHECKING, Final

from lambda_deploy.errors import ConfigError

if TYPE_CHECKING:
    from lambda_deploy.config import Config

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_is_stack = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}").fullmatch
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_LONGEST_ROLE: Final = 64
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_LONGEST_FUNCTION: Final = 64


def stack_name(config: "Config") -> str:
    """Return `<bundle name>-<target>`, for a developer's target `<bundle name>-<target>-<developer>`."""
    parts = [config.bundle_name, config.target, *([config.developer] if config.is_development else [])]
    return "-".join(parts)


def role_name(config: "Config") -> str:
    """Return the name of the role in the stack."""
    return f"{config.function_name}-{config.region}"


def log_group(config: "Config") -> str:
    """Return Lambda's default name of the log group."""
    return f"/aws/lambda/{config.function_name}"


def topic_name(config: "Config") -> str:
    """Return the name of the SNS topic of the alarms."""
    return f"{config.function_name}-alerts"


def alarm_name(config: "Config", what: str) -> str:
    """Return the name of an alarm, such as "errors"."""
    return f"{config.function_name}-{what}"


def dashboard_name(config: "Config") -> str:
    """Return the name of the CloudWatch dashboard."""
    return f"{config.function_name}-{config.region}"


def secret_name(config: "Config") -> str:
    """Return the name of the secret with which the function authenticates to Databricks."""
    return f"{config.function_name}/databricks"


def code_prefix(config: "Config") -> str:
    """Return the prefix of the stack's archives of code; no prefix of the job may overlap with it."""
    return f"lambda-code/{stack_name(config)}/"


def code_key(config: "Config", sha256: str) -> str:
    """Return the key of an archive of code with this digest (64 hex characters)."""
    return f"{code_prefix(config)}{sha256}.zip"


def table_name(config: "Config") -> str:
    """Return the table whose stream the function reads. Raises ConfigError when none is set."""
    if not config.dynamodb_table:
        raise ConfigError(
            f"target {config.target}: dynamodb_table is empty (the default, so that no developer reads a table by "
            "accident): set the table for this target, or BUNDLE_VAR_dynamodb_table"
        )
    return config.dynamodb_table


def owner_tags(config: "Config") -> dict[str, str]:
    """Return the tags that identify a stack's owner."""
    return {"bundle-uuid": config.bundle_uuid, "target": config.target}


def problem_of_names(config: "Config") -> str:
    """Return what is wrong with a name that AWS would refuse, and what to do; "" when all are valid."""
    stack, function = stack_name(config), config.function_name
    if not _is_stack(stack):
        return (
            f"the stack would be named {stack!r} (bundle.name, target and, in development, developer), but a stack's "
            "name begins with a letter and has letters, digits and - only, at most 128: rename the part that does "
            "not fit"
        )
    if len(function) > _LONGEST_FUNCTION:
        return f"function_name {function!r} has {len(function)} characters: remove {len(function) - _LONGEST_FUNCTION}"
    role = role_name(config)
    if not config.role_arn and len(role) > _LONGEST_ROLE:
        return (
            f"the role would be named {role!r}, which has {len(role)} characters, and IAM accepts {_LONGEST_ROLE}: "
            f"remove {len(role) - _LONGEST_ROLE} from function_name, or set an existing role as role_arn"
        )
    return ""
