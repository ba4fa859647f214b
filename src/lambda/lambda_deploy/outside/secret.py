"""Manage the secret with which the function authenticates to Databricks: Option A without `lambda_client_id`.

It is not in the stack, because CloudFormation deletes a secret without a recovery window.
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1999
Its value is written to Secrets Manager and never read back.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import ConfigError
from lambda_deploy.explain import explained
from stream_to_s3.rest import Secret

RECOVERY_DAYS: Final = 30
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
MOST_SECRET: Final = 65_536
_FORMS: Final = ({"client_id", "client_secret"}, {"token"})


@dataclass(frozen=True)
class SecretState:
    """The state of the secret: "missing", "without a value", "set" or "deleted", and since when (ISO 8601, or "")."""

    name: str
    state: str
    since: str = ""


def secret_state(config: Config, clients: Clients) -> SecretState:
    """Return the state of a target's secret. Its value is not read."""
    name = names.secret_name(config)
    with explained(f"checking the secret {name}"):
        answer = found(clients("secretsmanager").describe_secret, SecretId=name)
    if answer is None:
        return SecretState(name, "missing")
    if "DeletedDate" in answer:
        return SecretState(name, "deleted", _iso(answer["DeletedDate"]))
    state = "set" if answer.get("VersionIdsToStages") else "without a value"
    return SecretState(name, state, _iso(answer.get("LastChangedDate")))


def set_secret(config: Config, clients: Clients, value: Secret) -> None:
    """Store a value; a deleted secret is restored first."""
    manager, state = clients("secretsmanager"), secret_state(config, clients)
    with explained(f"storing the secret {state.name}"):
        if state.state == "missing":
            tags = {**config.tags, **names.owner_tags(config)}
            manager.create_secret(
                Name=state.name,
                Description="Identity with which the Lambda starts the Databricks job",
                SecretString=value.reveal(),
                Tags=[{"Key": name, "Value": text} for name, text in tags.items()],
            )
            return
        if state.state == "deleted":
            manager.restore_secret(SecretId=state.name)
        manager.put_secret_value(SecretId=state.name, SecretString=value.reveal())


def delete_secret(config: Config, clients: Clients) -> None:
    """Delete the secret; for 30 days `set_secret` restores it."""
    name = names.secret_name(config)
    with explained(f"deleting the secret {name}"):
        found(clients("secretsmanager").delete_secret, SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)


def secret_from(text: str) -> Secret:
    """Return the value of a secret from JSON. Raises ConfigError, without the text, when its form is invalid."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    is_right = (
        len(text) <= MOST_SECRET
        and isinstance(content, dict)
        and set(content) in _FORMS
        and all(_is_header(value) for value in content.values())
    )
    if not is_right:
        raise ConfigError(
            'the secret is not JSON of the form {"client_id": "...", "client_secret": "..."} or {"token": "..."}'
        )
    return Secret(json.dumps(content))


def _is_header(value: object) -> bool:
    """Return whether the function can send it in a header: visible ASCII only."""
    return isinstance(value, str) and bool(value) and all("!" <= letter <= "~" for letter in value)


def _iso(moment: Any) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
