"""Clients and errors of AWS, with the SDK and no emulator."""

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError, SSOTokenLoadError

from lambda_deploy.aws import connect, found
from lambda_deploy.errors import AwsError, NotReadyError
from lambda_deploy.explain import explained


def refused(code: str, message: str = "") -> ClientError:
    """Return an error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


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
    "a right that is missing": (refused("AccessDeniedException"), AwsError, "prints the required ones"),
    "something else": (refused("Odd", "so"), AwsError, "doing it: Odd (so)"),
    "something else of the SDK": (BotoCoreError(), AwsError, "doing it: An unspecified error occurred"),
}


@pytest.mark.parametrize(("error", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_names_the_action_and_a_remedy(error: Exception, kind: type[AwsError], message: str) -> None:
    with pytest.raises(AwsError) as caught, explained("doing it"):
        raise error
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert str(caught.value).startswith("doing it: ")


@pytest.mark.parametrize("code", ["404", "NoSuchEntity", "ResourceNotFoundException", "NoSuchBucketPolicy"])
def test_what_does_not_exist_is_none(code: str) -> None:
    def call(**_: object) -> object:
        raise refused(code)

    assert found(call, Name="x") is None


def test_another_refusal_is_an_error() -> None:
    def call(**_: object) -> object:
        raise refused("AccessDenied")

    with pytest.raises(ClientError):
        found(call)
