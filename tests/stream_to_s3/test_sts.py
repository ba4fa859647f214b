"""The signed request for the role's token: equal to boto3's, correctly signed, without secrets in its errors."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.credentials import Credentials

from rehearsal.loopback import Answer
from stream_to_s3.errors import TriggerError
from stream_to_s3.rest import WorkspaceApi
from stream_to_s3.sts import Sts, regional_url
from support.clock import Clock
from support.sts_server import KEY_ID, REGION, SECRET_KEY, SESSION_TOKEN, StsServer, sts_error, token_answer
from support.tokens import ROLE, everything_said_by, verified


@pytest.fixture
def server() -> Iterator[StsServer]:
    with StsServer(Clock()) as made:
        yield made


ROLES_OWN = Credentials(KEY_ID, SECRET_KEY, SESSION_TOKEN)


def asked(server: StsServer, credentials: Credentials | None = ROLES_OWN) -> str:
    clock = Clock()
    with WorkspaceApi("http://127.0.0.1:9", clock, clock.sleep) as api:
        return Sts(f"{server.url}/", REGION, lambda: credentials).role_token(api, clock() + 5).reveal()


def test_the_token_is_about_the_role_for_the_workspace_for_five_minutes(server: StsServer) -> None:
    claims = verified(asked(server))
    assert claims is not None
    assert (claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == (ROLE, ["databricks"], 300)


def test_the_request_is_the_one_that_the_pinned_boto3_sends(server: StsServer) -> None:
    asked(server)
    session = boto3.Session(KEY_ID, SECRET_KEY, SESSION_TOKEN, REGION)
    client = session.client("sts", endpoint_url=server.url)
    client.get_web_identity_token(Audience=["databricks"], SigningAlgorithm="RS256", DurationSeconds=300)
    client.close()
    ours, theirs = server.requests
    assert (ours.method, ours.target, parse_qs(ours.body)) == (theirs.method, theirs.target, parse_qs(theirs.body))
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    scope = ours.headers["authorization"].partition(" Signature")[0]
    assert scope == theirs.headers["authorization"].partition(" Signature")[0]


@pytest.mark.parametrize(
    "credentials",
    [Credentials(KEY_ID, "another", SESSION_TOKEN), Credentials("another", SECRET_KEY, SESSION_TOKEN)],
    ids=["another key", "another key id"],
)
def test_a_wrong_signature_is_refused(server: StsServer, credentials: Credentials) -> None:
    with pytest.raises(TriggerError, match=r"^sts:GetWebIdentityToken: SignatureDoesNotMatch$"):
        asked(server, credentials)


def test_without_credentials_nothing_is_sent(server: StsServer) -> None:
    with pytest.raises(TriggerError, match=r"^sts:GetWebIdentityToken: the role has no credentials$"):
        asked(server, None)
    assert server.requests == []


ANSWERS: dict[str, tuple[Answer, str]] = {
    "federation is off": (
        sts_error(400, "OutboundWebIdentityFederationDisabledException"),
        "OutboundWebIdentityFederationDisabledException",
    ),
    "no permission": (sts_error(403, "AccessDenied"), "AccessDenied"),
    "a code with a token in it": (sts_error(403, "dapi-5ecre7"), "answered 403, without a token"),
    "a page": (Answer(200, b"<html>5ecre7</html>"), "answered 200, without a token"),
    "an empty token": (token_answer(""), "answered 200, without a token"),
    "a token of two lines": (token_answer("5ecre7\nX-Evil: 1"), "answered 200, without a token"),
    "a redirect": (Answer(307, b"", {"Location": "http://127.0.0.1:9/5ecre7"}), "answered 307, without a token"),
    "a cut connection": (Answer(None), "ConnectionError"),
    "2 MB": (Answer(200, b"x" * 2_000_000), "ValueError"),
}


@pytest.mark.parametrize(("answer", "problem"), ANSWERS.values(), ids=ANSWERS)
def test_a_failure_is_its_code_and_nothing_else(
    server: StsServer, answer: Answer, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "botocore")  # as the handler sets it: the signer logs what it signs
    server.fault = answer
    with pytest.raises(TriggerError) as caught:
        asked(server)
    assert str(caught.value) == f"sts:GetWebIdentityToken: {problem}"
    assert "5ecre7" not in everything_said_by(caught.value) + caplog.text


URLS: list[tuple[str, dict[str, str], str]] = [
    ("eu-west-1", {}, "https://sts.eu-west-1.amazonaws.com/"),
    ("cn-north-1", {}, "https://sts.cn-north-1.amazonaws.com.cn/"),
    ("us-gov-west-1", {}, "https://sts.us-gov-west-1.amazonaws.com/"),
    ("eu-west-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
    ("eu-west-1", {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_STS": "http://b"}, "http://b"),
]


@pytest.mark.parametrize(("region", "environment", "url"), URLS)
def test_the_regional_address_is_called_unless_another_is_set(
    region: str, environment: dict[str, Any], url: str
) -> None:
    assert regional_url(region, environment) == url
