"""Three ways to get a token, none of which shows a secret."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EndpointConnectionError

from rehearsal.databricks.server import TOKEN, WorkspaceServer, json_answer
from rehearsal.databricks.workspace import FederationPolicy, Principal, Workspace
from rehearsal.loopback import Answer
from stream_to_s3.auth import CachedToken, FederatedRole, StoredSecret, TokenSource
from stream_to_s3.errors import TriggerError
from stream_to_s3.rest import WorkspaceApi
from stream_to_s3.sts import Sts
from support.clock import Clock
from support.sts_server import KEY_ID, REGION, SECRET_KEY, SESSION_TOKEN, StsServer
from support.tokens import ISSUER, ROLE, everything_said_by, verified

CLIENT_ID = "5f3c2f0e-0000-4000-8000-1d7c2c3a9b10"
CLIENT_SECRET = "dose-5ecre7"
PERSONAL_TOKEN = "dapi-5ecre7"


@dataclass
class Manager:
    """Secrets Manager with one secret; the next call raises the fault."""

    secret: str = json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    fault: Exception | None = None
    calls: int = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 # boto3's name
        assert SecretId == "telemetry/databricks"
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return {"SecretString": self.secret}


@dataclass
class Harness:
    clock: Clock
    sts: StsServer
    workspace: Workspace
    server: WorkspaceServer
    manager: Manager = field(default_factory=Manager)

    def connected(self, client_id: str | None = None) -> tuple[WorkspaceApi, TokenSource]:
        """Return a token source: with a client id by the role, else by the stored secret."""
        api = WorkspaceApi(self.server.url, self.clock, self.clock.sleep)
        if client_id is None:
            return api, StoredSecret("telemetry/databricks", api, lambda: self.manager, self.clock)
        role = Sts(f"{self.sts.url}/", REGION, lambda: Credentials(KEY_ID, SECRET_KEY, SESSION_TOKEN))
        return api, FederatedRole(client_id, api, role, self.clock)

    def fetched(self, client_id: str | None = None) -> str:
        """Return the client id of the principal that a fetched token belongs to."""
        return self.workspace.principal_of(self.fetch(client_id)).client_id

    def fetch(self, client_id: str | None = None) -> str:
        api, source = self.connected(client_id)
        with api:
            return source.fetch(self.clock() + 20).secret.reveal()


@pytest.fixture
def harness() -> Iterator[Harness]:
    clock = Clock()
    workspace = Workspace(clock)
    policy = FederationPolicy(ISSUER, ROLE)
    workspace.principals = [
        Principal(CLIENT_ID, client_secret=CLIENT_SECRET, policy=policy),
        Principal("user", personal_token=PERSONAL_TOKEN),
    ]
    with StsServer(clock) as sts, WorkspaceServer(workspace, clock, verified) as server:
        yield Harness(clock, sts, workspace, server)


def test_the_role_itself_is_enough(harness: Harness) -> None:
    assert harness.fetched(client_id=CLIENT_ID) == CLIENT_ID
    assert (len(harness.sts.requests), harness.manager.calls) == (1, 0)


def test_a_client_secret_of_secrets_manager(harness: Harness) -> None:
    assert harness.fetched() == CLIENT_ID
    assert (len(harness.sts.requests), harness.manager.calls) == (0, 1)


def test_a_personal_token_of_secrets_manager(harness: Harness) -> None:
    harness.manager.secret = json.dumps({"token": f"{PERSONAL_TOKEN}\n"})
    assert harness.fetched() == "user"
    assert harness.server.requests == []


STS_FAULTS: dict[str, dict[str, Any]] = {
    "another role": {"sub": "arn:aws:iam::123456789012:role/other"},
    "another account": {"iss": "https://evil.example"},
    "another audience": {"aud": ["sts.amazonaws.com"]},
    "an ended token": {"exp": 1},
}


@pytest.mark.parametrize("claims", STS_FAULTS.values(), ids=STS_FAULTS)
def test_the_workspace_accepts_no_other_role(harness: Harness, claims: dict[str, Any]) -> None:
    harness.sts.claims = claims
    with pytest.raises(TriggerError, match=r"^token exchange: answered 400 \(invalid_grant\)$"):
        harness.fetch(CLIENT_ID)


def test_a_wrong_client_secret(harness: Harness) -> None:
    harness.manager.secret = json.dumps({"client_id": CLIENT_ID, "client_secret": "5ecre7-of-yesterday"})
    with pytest.raises(TriggerError, match=r"^OAuth token: answered 401 \(invalid_client\)$") as caught:
        harness.fetch()
    assert "5ecre7" not in everything_said_by(caught.value)


def denied(action: str) -> ClientError:
    answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": "5ecre7"}}
    return ClientError(answer, action)


MANAGER_FAULTS = [
    (denied("GetSecretValue"), "AccessDeniedException"),
    (EndpointConnectionError(endpoint_url="https://5ecre7"), "EndpointConnectionError"),
    (KeyError("SecretString"), "the secret is binary, expected JSON text"),
]


@pytest.mark.parametrize(("fault", "message"), MANAGER_FAULTS)
def test_a_failure_of_secrets_manager_is_logged_by_its_code_only(
    harness: Harness, fault: Exception, message: str
) -> None:
    harness.manager.fault = fault
    with pytest.raises(TriggerError, match=f"^secretsmanager:GetSecretValue: {message}$") as caught:
        harness.fetch()
    assert "5ecre7" not in everything_said_by(caught.value)
    assert harness.server.requests == []


SECRETS = {
    "not JSON": "dapi-5ecre7",
    "half JSON": '{"token": "5ecre7',
    "an array": '["5ecre7"]',
    "a number": "57",
    "empty": "",
    "neither of the two": '{"password": "5ecre7"}',
    "no client secret": '{"client_id": "5ecre7"}',
    "no client id": '{"client_secret": "5ecre7"}',
    "an empty token": '{"token": "  "}',
    "a token that is not text": '{"token": {"5ecre7": 1}}',
    "a token of two lines": '{"token": "5ecre7\\nX-Evil: 1"}',
    "a token beyond ASCII": '{"token": "5ecre7\\u20ac"}',
    "a client id of two lines": '{"client_id": "5ecre7\\r\\n", "client_secret": "5ecre7 5ecre7"}',
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_an_invalid_secret_is_an_error_that_does_not_show_it(
    harness: Harness, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    harness.manager.secret = secret
    with pytest.raises(TriggerError) as caught:
        harness.fetch()
    assert "5ecre7" not in everything_said_by(caught.value) + caplog.text
    assert harness.server.requests == []


ANSWERS: dict[str, Callable[[], Answer]] = {
    "no token": lambda: json_answer(200, {"expires_in": 3600}),
    "a token of two lines": lambda: json_answer(200, {"access_token": "5ecre7\nX-Evil: 1", "expires_in": 3600}),
    "a token that is not text": lambda: json_answer(200, {"access_token": ["5ecre7"], "expires_in": 3600}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_without_a_token_is_an_error(harness: Harness, answer: Callable[[], Answer]) -> None:
    harness.server.faults[TOKEN] = [lambda request: answer()]
    with pytest.raises(TriggerError, match="access_token of the OAuth token is missing") as caught:
        harness.fetch()
    assert "5ecre7" not in everything_said_by(caught.value)


@pytest.mark.parametrize("expires_in", [None, 0, -5, "3600", True, float("nan"), float("inf"), 1e300])
def test_an_impossible_expiry_counts_as_expired(harness: Harness, expires_in: Any) -> None:
    harness.server.faults[TOKEN] = [lambda request: json_answer(200, {"access_token": "t", "expires_in": expires_in})]
    api, source = harness.connected()
    with api:
        token = source.fetch(harness.clock() + 20)
    assert token.ends <= harness.clock() + 1


class Signed:
    """A CachedToken: each call returns the Authorization that a request would have."""

    def __init__(self, harness: Harness, client_id: str | None = None) -> None:
        self.harness = harness
        self.api, source = harness.connected(client_id)
        self.credentials = CachedToken(source, harness.clock)

    def __call__(self) -> str:
        with self.api:
            return self.credentials.authorization(self.harness.clock() + 20).reveal()


def test_a_token_is_kept_until_shortly_before_it_ends(harness: Harness) -> None:
    authorization = Signed(harness, CLIENT_ID)
    first = authorization()
    harness.clock.now += 3539
    assert authorization() == first
    harness.clock.now += 2
    assert authorization() != first
    assert len(harness.server.requests) == 2


def test_a_forgotten_token_is_fetched_again(harness: Harness) -> None:
    harness.manager.secret = json.dumps({"token": "old"})
    authorization = Signed(harness)
    assert authorization() == "Bearer old"
    harness.manager.secret = json.dumps({"token": "new"})
    assert authorization() == "Bearer old"
    authorization.credentials.forget()
    assert authorization() == "Bearer new"
