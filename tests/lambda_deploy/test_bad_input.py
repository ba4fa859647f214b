"""Invalid input is one sentence with a remedy, without a traceback or a secret.

Every output of these tests, and of the sentences of AWS that quote them, is searched for the secrets that went in.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
)

from lambda_deploy.aws import connect
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import AwsError
from lambda_deploy.explain import explained
from support.aws_account import Account, write_bundle
from support.captured import Said
from support.fake_cloudformation import refused
from support.hostile import KEY_ID, KEYS, NOWHERE, SECRETS

ODD = "has a line end or another character that is invalid in a key: set it again"

ENVIRONMENTS: dict[str, tuple[dict[str, str], str]] = {
    "no credentials": ({}, "no credentials of AWS were found: log in (such as `aws sso login`)"),
    "half of them": ({"AWS_ACCESS_KEY_ID": KEY_ID}, "no credentials of AWS were found"),
    "an unknown profile": ({"AWS_PROFILE": "no\nsuch"}, "check AWS_PROFILE"),
    "a line end behind the key id": ({**KEYS, "AWS_ACCESS_KEY_ID": KEY_ID + "\n"}, f"the access key id {ODD}"),
    "a line end in the key": ({**KEYS, "AWS_SECRET_ACCESS_KEY": "5ecre7\r\n"}, f"the secret access key {ODD}"),
    "a space in the token": ({**KEYS, "AWS_SESSION_TOKEN": "5ecre7 token"}, f"the session token {ODD}"),
    "a letter beyond ASCII": ({**KEYS, "AWS_SECRET_ACCESS_KEY": "5ecre7\u00e9"}, f"the secret access key {ODD}"),
    "an odd byte": ({**KEYS, "AWS_SESSION_TOKEN": "5ecre7\udcff"}, f"the session token {ODD}"),
    "an endpoint that is words": ({**KEYS, "AWS_ENDPOINT_URL": "not a url"}, "check AWS_ENDPOINT_URL"),
    "half an address": ({**KEYS, "AWS_ENDPOINT_URL": "http://[::1"}, "check AWS_ENDPOINT_URL"),
    "an endpoint where nobody answers": (KEYS, "check aws_region, AWS_ENDPOINT_URL and the network"),
}
PROCESSES = {
    "a program that does not exist": ("/no/such/program", "No such file or directory (/no/such/program): check"),
    "a program that prints nonsense": ("echo 5ecre7", "check credential_process in ~/.aws/config"),
    "a program that prints bytes": (r"printf \\377", "check credential_process in ~/.aws/config"),
    "a program that prints other JSON": ('echo {"Version": 2, "x": "5ecre7"}', "check credential_process"),
    "a program that fails": ("sh -c 'echo 5ecre7 >&2; exit 3'", "check credential_process in ~/.aws/config"),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home without AWS settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.fixture
def error(said: Callable[[], Said]) -> Iterator[Callable[[], str]]:
    """Return a reader of the one sentence with which a command ended; at the end, search all output for secrets."""
    every: list[str] = []

    def read() -> str:
        shown = said()
        every.extend([shown.out, shown.err])
        [line] = shown.err.splitlines()
        assert line.startswith("Error: ")
        return line

    yield read
    assert not [text for text in every if SECRETS.search(text)]


def plan(folder: Path, target: str | None = None, **variables: Any) -> int:
    """Run `plan` with the SDK's way to AWS."""
    which = ["--target", target] if target else []
    return run(["plan", "--bundle", str(write_bundle(folder, **variables)), *which], Tools({}, connect))


@pytest.mark.parametrize(("environment", "message"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_invalid_environment_is_one_sentence(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], str],
    environment: dict[str, str],
    message: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert plan(home) == 1
    assert message in error()


@pytest.mark.parametrize(("process", "message"), PROCESSES.values(), ids=PROCESSES)
def test_a_wrong_credential_process_is_one_sentence(
    home: Path, error: Callable[[], str], process: str, message: str
) -> None:
    (home / ".aws/config").write_text(f"[default]\ncredential_process = {process}\n")
    assert plan(home) == 1
    assert message in error()


def test_a_config_that_cannot_be_read_is_one_sentence(home: Path, error: Callable[[], str]) -> None:
    (home / ".aws/config").write_text("5ecre7[[")
    assert plan(home) == 1
    assert "Unable to parse config file" in error()


BUNDLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no region": ({"aws_region": ""}, "prod", "aws_region is '', expected a region such as eu-west-1"),
    "an invalid region": ({"aws_region": "Ireland"}, "prod", "aws_region is 'Ireland'"),
    "the wrong target": ({}, "production", "has no target 'production'; it has: dev, prod"),
    "a number that YAML cannot hold": ({"batch_size": float("inf")}, "prod", "batch_size is inf"),
    "a date instead of a number": ({"max_retries": "2026-11-29"}, "prod", "max_retries is '2026-11-29'"),
}


@pytest.mark.parametrize(("variables", "target", "message"), BUNDLES.values(), ids=BUNDLES)
def test_a_wrong_bundle_is_one_sentence(
    home: Path, error: Callable[[], str], variables: dict[str, Any], target: str, message: str
) -> None:
    assert plan(home, target, **variables) == 1
    assert message in error()


YAMLS = {
    "a date that does not exist": "2026-02-30",
    "a time that does not exist": "2026-11-29 25:61:00",
    "a number of 5,000 digits": "7" * 5000,
}


@pytest.mark.parametrize("value", YAMLS.values(), ids=YAMLS)
def test_what_yaml_cannot_hold_is_one_sentence(home: Path, error: Callable[[], str], value: str) -> None:
    path = write_bundle(home)
    path.write_text(path.read_text() + f"odd: {value}\n")
    assert run(["plan", "--bundle", str(path)], Tools({}, connect)) == 1
    assert "is not YAML" in error()


ACCOUNTS: dict[str, tuple[Callable[[Account], object], dict[str, Any], str]] = {
    "a table that does not exist": (
        lambda account: None,
        {"dynamodb_table": "another"},
        "the table 'another' does not exist in eu-west-1 of this account",
    ),
    "a bucket that does not exist": (lambda account: None, {"bucket": "another"}, "create it, or deploy with"),
    "a job that does not exist": (
        lambda account: account.__setattr__("workspaces", _no_jobs),
        {"lambda_starts_job": True, "lambda_client_id": "client-1"},
        "has no job of the name 'flatten': deploy the bundle first",
    ),
    "a key that does not exist": (
        lambda account: None,
        {"kms_key_id": "alias/no-such"},
        "looking up the KMS key 'alias/no-such'",
    ),
}


def _no_jobs(host: str) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(jobs=SimpleNamespace(list=lambda name: []))


@pytest.mark.parametrize(("change", "variables", "message"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_a_wrong_account_is_one_sentence(
    account: Account,
    error: Callable[[], str],
    change: Callable[[Account], object],
    variables: dict[str, Any],
    message: str,
) -> None:
    change(account)
    assert account.run("plan", **variables) == 1
    assert message in error()


EXPIRED = "The security token included in the request is expired"
QUOTED = f"'{KEY_ID}/20261129' in Authorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/x, Signature=5ecre7abcdef"
HEADER = ValueError(f"Invalid header value b'AWS4-HMAC-SHA256 Credential={KEY_ID}\\n'")
OF_THE_SDK: dict[str, tuple[Exception, str]] = {
    "expired credentials": (refused("ExpiredToken", EXPIRED), "the credentials have expired: log in again"),
    "unknown credentials": (refused("InvalidClientTokenId", QUOTED), "AWS does not know these credentials"),
    "a signature that is quoted": (refused("IncompleteSignature", QUOTED), "AWS does not know these credentials"),
    "a bearer token that is quoted": (refused("Odd", "Bearer 5ecre7 is wrong"), "doing it: Odd ((hidden) is wrong)"),
    "no access to CloudFormation": (
        refused("AccessDenied", "User: arn:aws:iam::1:user/jo is not authorized to perform: cloudformation:Describe"),
        "`stream-lambda template --deployer-policy` prints the required ones",
    ),
    "a clock that is wrong": (refused("RequestTimeTooSkewed", ""), "the clock of this machine is wrong"),
    "a header of the HTTP library": (
        HTTPClientError(error=HEADER),
        "HTTPClientError (ValueError): no request can be sent",
    ),
    "what a process printed": (
        CredentialRetrievalError(provider="custom-process", error_msg="5ecre7"),
        "no credentials were returned: check credential_process",
    ),
    "no credentials": (NoCredentialsError(), "no credentials of AWS were found"),
    "nobody there": (EndpointConnectionError(endpoint_url="https://x"), "check aws_region, AWS_ENDPOINT_URL"),
    "no answer": (ConnectTimeoutError(endpoint_url="https://x"), "no answer from AWS"),
}


@pytest.mark.parametrize(("raised", "message"), OF_THE_SDK.values(), ids=OF_THE_SDK)
def test_an_error_of_the_sdk_is_one_sentence_without_a_secret(raised: Exception, message: str) -> None:
    with pytest.raises(AwsError) as caught, explained("doing it"):
        raise raised
    assert message in str(caught.value)
    assert not SECRETS.search(str(caught.value))
    assert "\n" not in str(caught.value)
