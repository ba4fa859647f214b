"""The secret is stored, checked without reading its value, and deleted with a recovery window."""

import dataclasses
import io
import json
from collections.abc import Callable

import pytest

from lambda_deploy.cli import run
from lambda_deploy.errors import ConfigError
from lambda_deploy.outside.secret import secret_from
from support.aws_account import SECRET, UUID, Account, write_bundle
from support.captured import Said

NAME = "chargeminder-unified-processor/databricks"
OPTION_A = {"lambda_starts_job": True}


def value(account: Account) -> str:
    """Return the stored value."""
    return str(account.clients("secretsmanager").get_secret_value(SecretId=NAME)["SecretString"])


def put(account: Account, monkeypatch: pytest.MonkeyPatch, text: str = SECRET) -> int:
    """Run `secret set` with standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return run(["secret", "set", "--stdin", "--bundle", str(write_bundle(account.folder, **OPTION_A))], account.tools())


def secret(account: Account, command: str, *arguments: str) -> int:
    """Run another command of the secret."""
    return run(
        ["secret", command, "--bundle", str(write_bundle(account.folder, **OPTION_A)), *arguments], account.tools()
    )


def test_a_value_from_standard_input_is_stored_with_the_targets_tags(
    account: Account, monkeypatch: pytest.MonkeyPatch, said: Callable[[], Said]
) -> None:
    assert put(account, monkeypatch) == 0
    assert json.loads(value(account)) == json.loads(SECRET)
    tags = account.clients("secretsmanager").describe_secret(SecretId=NAME)["Tags"]
    assert {each["Key"]: each["Value"] for each in tags} == {"bundle-uuid": UUID, "target": "prod"}
    shown = said()
    assert f"the secret {NAME} is set; deploy to switch the trigger on" in shown.out
    assert "dose-5ecre7" not in shown.out + shown.err


def test_a_value_from_the_prompt_is_stored(account: Account) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(text: str, hidden: bool) -> str:
        asked.append((text, hidden))
        return "client-1" if "id" in text else "dose-5ecre7"

    tools = dataclasses.replace(account.tools(), ask=answer)
    assert run(["secret", "set", "--bundle", str(write_bundle(account.folder, **OPTION_A))], tools) == 0
    assert json.loads(value(account)) == {"client_id": "client-1", "client_secret": "dose-5ecre7"}
    assert [hidden for _, hidden in asked] == [False, True]


def test_a_second_value_replaces_the_first(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    put(account, monkeypatch)
    assert put(account, monkeypatch, '{"token": "dapi-2"}') == 0
    assert json.loads(value(account)) == {"token": "dapi-2"}


def test_the_state_is_shown_and_the_value_is_not_read(
    account: Account, monkeypatch: pytest.MonkeyPatch, said: Callable[[], Said]
) -> None:
    assert secret(account, "status") == 0
    assert said().out == f"the secret {NAME} is missing\n"
    put(account, monkeypatch)
    said()
    assert secret(account, "status") == 0
    assert said().out.startswith(f"the secret {NAME} is set since 20")
    assert "secretsmanager.GetSecretValue" not in account.calls


def test_a_deleted_secret_can_be_restored_for_thirty_days(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    put(account, monkeypatch)
    assert secret(account, "delete", "--yes") == 0
    found = account.clients("secretsmanager").describe_secret(SecretId=NAME)
    assert round((found["DeletedDate"] - found["CreatedDate"]).total_seconds() / 86_400) == 30
    assert put(account, monkeypatch, '{"token": "dapi-2"}') == 0
    assert json.loads(value(account)) == {"token": "dapi-2"}


def test_a_target_that_needs_no_secret_is_refused(account: Account, said: Callable[[], Said]) -> None:
    bundle = str(write_bundle(account.folder))
    assert run(["secret", "set", "--stdin", "--bundle", bundle], account.tools()) == 1
    assert "needs no secret: it is for lambda_starts_job without lambda_client_id" in said().err


def test_without_a_terminal_nothing_is_asked(account: Account, said: Callable[[], Said]) -> None:
    assert secret(account, "set") == 64
    assert "there is no terminal to ask on" in said().err


WRONG = [
    "",
    "dose-5ecre7",
    '["dose-5ecre7"]',
    '{"client_secret": "dose-5ecre7"}',
    '{"token": "dose-5ecre7", "more": "x"}',
    '{"token": ""}',
    '{"token": 7}',
    '{"token": "dose-5ecre7\\n"}',
    '{"token": "d\\u00f6se-5ecre7"}',
    json.dumps({"token": "dose-5ecre7" * 10_000}),
]


@pytest.mark.parametrize("text", WRONG)
def test_another_form_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="the secret is not JSON of the form") as caught:
        secret_from(text)
    assert "5ecre7" not in str(caught.value)


def test_the_value_is_in_no_repr() -> None:
    assert "dose-5ecre7" not in repr(secret_from(SECRET))
