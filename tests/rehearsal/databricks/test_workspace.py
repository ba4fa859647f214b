"""The simulated Databricks is as strict as the service, or stricter."""

import json
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest

from rehearsal.databricks.server import RUN_NOW, RUNS_LIST, TOKEN, WorkspaceServer, json_answer
from rehearsal.databricks.workspace import FederationPolicy, Principal, Workspace, WorkspaceJob, WorkspaceRun
from rehearsal.errors import RefusedError
from rehearsal.loopback import Answer
from support.clock import Clock
from support.tokens import ISSUER, ROLE, signed, verified

BEARER = {"Authorization": "Bearer dapi-1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LIST = f"{RUNS_LIST}?job_id=7&active_only=true&limit=24"


class Harness:
    def __init__(self) -> None:
        self.clock = Clock()
        self.workspace = Workspace(self.clock)
        self.job = self.workspace.jobs[7] = WorkspaceJob(7, startup_seconds=10, run_seconds=60, parameters={"a": "1"})
        self.workspace.jobs[8] = WorkspaceJob(8)
        policy = FederationPolicy(ISSUER, ROLE)
        self.workspace.principals.append(Principal("sp", "s3cret", "dapi-1", policy, jobs=(7,)))
        self.server = WorkspaceServer(self.workspace, self.clock, verified)

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the parsed body of an answer; a body that is not text is sent as JSON."""
        if not isinstance(body, str | None):
            headers = {"Content-Type": "application/json", **headers}
            body = json.dumps(body)
        connection = HTTPConnection(self.server.url.removeprefix("http://"), timeout=5)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def run_now(self, **body: Any) -> tuple[int, Any]:
        return self.ask("POST", RUN_NOW, {"job_id": 7, **body}, **BEARER)

    def states(self) -> list[str]:
        self.workspace.settle()
        return [run.state for run in self.workspace.runs]


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = Harness()
    with made.server:
        yield made


def test_a_run_waits_for_its_machines_runs_and_ends(harness: Harness) -> None:
    seen = []
    assert harness.run_now()[0] == 200
    for _ in range(4):
        seen.append(harness.states())
        harness.clock.now += 30
    assert seen == [["PENDING"], ["RUNNING"], ["RUNNING"], ["TERMINATED"]]
    [run] = harness.workspace.runs
    assert (run.started, run.ended) == (run.created + 10, run.created + 70)


def test_a_second_run_queues_and_starts_when_the_first_has_ended(harness: Harness) -> None:
    harness.run_now()
    harness.clock.now += 15
    harness.run_now()
    assert harness.states() == ["RUNNING", "QUEUED"]
    harness.clock.now += 500
    assert harness.states() == ["TERMINATED", "TERMINATED"]
    first, second = harness.workspace.runs
    assert (second.pending, second.started) == (first.ended, first.created + 80)


def test_without_a_queue_a_second_run_is_skipped(harness: Harness) -> None:
    harness.run_now()
    assert harness.run_now(queue={"enabled": False})[0] == 200
    assert harness.states() == ["PENDING", "SKIPPED"]


def test_the_same_token_gives_the_same_run(harness: Harness) -> None:
    first, second = harness.run_now(idempotency_token="t"), harness.run_now(idempotency_token="t")
    assert first == second
    assert harness.run_now(idempotency_token="u") != first


def test_the_token_of_a_deleted_run_is_refused(harness: Harness) -> None:
    harness.run_now(idempotency_token="t")
    harness.clock.now += 500
    harness.workspace.settle()
    harness.workspace.delete(harness.workspace.runs[0])
    status, body = harness.run_now(idempotency_token="t")
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_active_runs_are_listed_newest_first_with_their_parameters(harness: Harness) -> None:
    harness.run_now()
    harness.run_now(job_parameters={"a": "2"})
    status, body = harness.ask("GET", LIST, **BEARER)
    assert status == 200
    newest, oldest = body["runs"]
    assert (newest["status"]["state"], oldest["status"]["state"]) == ("QUEUED", "PENDING")
    assert newest["job_parameters"] == [{"name": "a", "default": "1", "value": "2"}]
    assert newest["overriding_parameters"] == {"job_parameters": {"a": "2"}}
    assert "overriding_parameters" not in oldest


def test_without_active_runs_the_list_is_missing(harness: Harness) -> None:
    assert harness.ask("GET", LIST, **BEARER) == (200, {"has_more": False})


def test_on_start_gets_each_run_and_finish_ends_it() -> None:
    clock, begun = Clock(), list[WorkspaceRun]()
    workspace = Workspace(clock, begun.append)
    job = WorkspaceJob(7, run_seconds=1)
    first = workspace.run_now(job, {})
    second = workspace.run_now(job, {})
    clock.now += 100
    workspace.settle()
    assert begun == [first]
    workspace.finish(first)
    assert begun == [first, second]
    assert (first.ended, second.started) == (clock.now, clock.now)


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no job": ({"job_id": None}, 400, "INVALID_PARAMETER_VALUE"),
    "a job as text": ({"job_id": "7"}, 400, "INVALID_PARAMETER_VALUE"),
    "a job that is not there": ({"job_id": 9}, 400, "INVALID_PARAMETER_VALUE"),
    "a job of another owner": ({"job_id": 8}, 403, "PERMISSION_DENIED"),
    "a token of 65 characters": ({"idempotency_token": "x" * 65}, 400, "INVALID_PARAMETER_VALUE"),
    "an empty token": ({"idempotency_token": ""}, 400, "INVALID_PARAMETER_VALUE"),
    "a token that is a number": ({"idempotency_token": 1}, 400, "INVALID_PARAMETER_VALUE"),
    "an unknown field": ({"jobid": 7}, 400, "INVALID_PARAMETER_VALUE"),
    "a queue that is true": ({"queue": True}, 400, "INVALID_PARAMETER_VALUE"),
    "parameters in a list": ({"job_parameters": ["a"]}, 400, "INVALID_PARAMETER_VALUE"),
}


@pytest.mark.parametrize(("body", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_run_now_is_refused(harness: Harness, body: dict[str, Any], status: int, code: str) -> None:
    found, answer = harness.run_now(**body)
    assert (found, answer["error_code"]) == (status, code)
    assert harness.workspace.runs == []


BODIES = {"no JSON": "{", "an array": "[]", "nothing": ""}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_an_object_is_refused(harness: Harness, body: str) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    assert harness.ask("POST", RUN_NOW, body, **headers)[0] == 400


def test_a_body_that_is_not_called_json_is_refused(harness: Harness) -> None:
    assert harness.ask("POST", RUN_NOW, '{"job_id":7}', **BEARER)[1]["error_code"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize(
    "query",
    ["job_id=7&active_only=true&limit=25", "job_id=x&active_only=true", "job_id=7", "job_id=7&active_only=true&job=1"],
)
def test_a_wrong_list_is_refused(harness: Harness, query: str) -> None:
    assert harness.ask("GET", f"{RUNS_LIST}?{query}", **BEARER)[0] == 400


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer dapi-2", "Basic dapi-1", "dapi-1"])
def test_a_wrong_token_is_refused(harness: Harness, value: str) -> None:
    assert harness.ask("GET", LIST, Authorization=value)[0] == 401


def test_another_host_is_refused(harness: Harness) -> None:
    assert harness.ask("GET", LIST, **BEARER, Host="evil.example")[0] == 400


@pytest.mark.parametrize(
    ("method", "target"), [("POST", LIST), ("GET", RUN_NOW), ("GET", "/"), ("POST", "/api/2.1/jobs/run-now")]
)
def test_another_endpoint_is_refused(harness: Harness, method: str, target: str) -> None:
    assert harness.ask(method, target, **BEARER)[0] == 404


@pytest.mark.parametrize(("limit", "target"), [(20, RUN_NOW), (30, LIST)])
def test_too_many_calls_a_second_are_refused(harness: Harness, limit: int, target: str) -> None:
    method, body = ("POST", {"job_id": 7}) if target == RUN_NOW else ("GET", None)
    statuses = [harness.ask(method, target, body, **BEARER)[0] for _ in range(limit + 1)]
    assert statuses == [200] * limit + [429]
    harness.clock.now += 1
    assert harness.ask(method, target, body, **BEARER)[0] == 200


def test_a_fault_replaces_one_answer(harness: Harness) -> None:
    harness.server.faults[RUNS_LIST] = [lambda request: json_answer(503, {"a": request.method})]
    assert harness.ask("GET", LIST, **BEARER) == (503, {"a": "GET"})
    assert harness.ask("GET", LIST, **BEARER)[0] == 200


def basic(text: str) -> dict[str, str]:
    return {**FORM, "Authorization": "Basic " + b64encode(text.encode()).decode()}


def test_a_client_secret_gives_a_token_that_ends(harness: Harness) -> None:
    body = urlencode({"grant_type": "client_credentials", "scope": "all-apis"})
    status, answer = harness.ask("POST", TOKEN, body, **basic("sp:s3cret"))
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    assert harness.workspace.principal_of(answer["access_token"]).client_id == "sp"
    harness.clock.now += 3600
    with pytest.raises(RefusedError, match="has expired"):
        harness.workspace.principal_of(answer["access_token"])


@pytest.mark.parametrize(
    ("credentials", "scope", "error"),
    [
        ("sp:wrong", "all-apis", "invalid_client"),
        ("other:s3cret", "all-apis", "invalid_client"),
        ("", "all-apis", "invalid_client"),
        ("sp:s3cret", "sql", "invalid_scope"),
    ],
)
def test_a_wrong_client_is_refused(harness: Harness, credentials: str, scope: str, error: str) -> None:
    body = urlencode({"grant_type": "client_credentials", "scope": scope})
    assert harness.ask("POST", TOKEN, body, **basic(credentials))[1]["error"] == error


def exchange(harness: Harness, changes: dict[str, str] | None = None, **claims: Any) -> dict[str, str]:
    now = harness.clock()
    known = {"iss": ISSUER, "sub": ROLE, "aud": ["databricks"], "iat": now, "exp": now + 300}
    return {
        "client_id": "sp",
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": signed(**known | claims),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "scope": "all-apis",
        **(changes or {}),
    }


def test_a_role_gives_a_token(harness: Harness) -> None:
    assert harness.ask("POST", TOKEN, urlencode(exchange(harness)), **FORM)[0] == 200


FORGED: dict[str, dict[str, Any]] = {
    "signature": {"changes": {"subject_token": signed(iss=ISSUER, sub=ROLE, aud="databricks", exp=9e9) + "A"}},
    "client": {"changes": {"client_id": "other"}},
    "grant": {"changes": {"grant_type": "password"}},
    "one field too many": {"changes": {"audience": "x"}},
    "issuer": {"iss": "https://evil.example"},
    "subject": {"sub": "arn:aws:iam::123456789012:role/other"},
    "audience": {"aud": "sts"},
    "end": {"exp": 0},
    "beginning": {"iat": 9e9},
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_role_with_a_wrong_part_is_refused(harness: Harness, change: dict[str, Any]) -> None:
    assert harness.ask("POST", TOKEN, urlencode(exchange(harness, **change)), **FORM)[0] == 400


def test_an_exchange_with_an_authorization_is_refused(harness: Harness) -> None:
    assert harness.ask("POST", TOKEN, urlencode(exchange(harness)), **basic("sp:s3cret"))[0] == 400


def test_a_cut_connection_is_an_answer_too(harness: Harness) -> None:
    harness.server.faults[RUNS_LIST] = [lambda request: Answer(None)]
    with pytest.raises(ConnectionError):
        harness.ask("GET", LIST, **BEARER)
