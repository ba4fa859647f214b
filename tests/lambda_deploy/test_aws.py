"""Clients and errors of AWS, with the SDK itself and no emulator."""

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError, SSOTokenLoadError

from lambda_deploy.aws import connect, explained, found
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import AwsError, NotReadyError
from support.aws_account import write_bundle
from support.captured import Said

Asked = Callable[[], Said]


def refused(code: str, message: str = "") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


def test_without_any_credentials_the_sdk_itself_says_so(
    tmp_path: Path, said: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert run(["plan", "--bundle", str(write_bundle(tmp_path))], Tools({}, connect)) == 1
    assert "no credentials of AWS were found" in said().err


def test_an_unknown_profile_is_one_sentence(tmp_path: Path, said: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "no\nsuch")
    assert run(["plan", "--bundle", str(write_bundle(tmp_path))], Tools({}, connect)) == 1
    assert "check AWS_PROFILE" in said().err


@pytest.mark.parametrize("url", ["not a url", "http://[::1", "https://`x`\n"], ids=["words", "half", "hostile"])
def test_an_endpoint_that_is_none_is_one_sentence(
    tmp_path: Path, said: Asked, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert run(["plan", "--bundle", str(write_bundle(tmp_path))], Tools({}, connect)) == 1
    assert "check AWS_ENDPOINT_URL" in said().err


def test_a_client_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clients = connect("eu-west-1")
    iam = clients("iam")
    assert clients("iam") is iam
    assert iam.meta.endpoint_url == "http://127.0.0.1:9"
    iam.close()


ERRORS: dict[str, tuple[Exception, type[AwsError], str]] = {
    "a login that has ended": (SSOTokenLoadError(error_msg="expired"), AwsError, "log in again"),
    "no answer": (ReadTimeoutError(endpoint_url="https://x"), NotReadyError, "no answer from AWS"),
    "throttling": (refused("Throttling", "Rate exceeded"), NotReadyError, "Throttling (Rate exceeded)"),
    "a fault of AWS": (refused("InternalFailure"), NotReadyError, "doing it: InternalFailure"),
    "a right that is missing": (refused("AccessDeniedException"), AwsError, "prints those needed"),
    "something else": (refused("Odd", "so"), AwsError, "doing it: Odd (so)"),
    "something else of the SDK": (BotoCoreError(), AwsError, "doing it: An unspecified error occurred"),
}


@pytest.mark.parametrize(("error", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_says_what_was_done_and_what_to_do(error: Exception, kind: type[AwsError], message: str) -> None:
    with pytest.raises(AwsError) as caught, explained("doing it"):
        raise error
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert str(caught.value).startswith("doing it: ")


@pytest.mark.parametrize("code", ["404", "NoSuchEntity", "ResourceNotFoundException", "NoSuchBucketPolicy"])
def test_what_is_not_there_is_none(code: str) -> None:
    def call(**_: object) -> object:
        raise refused(code)

    assert found(call, Name="x") is None


def test_another_refusal_is_no_absence() -> None:
    def call(**_: object) -> object:
        raise refused("AccessDenied")

    with pytest.raises(ClientError):
        found(call)
