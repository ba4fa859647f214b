"""One call to the workspace: its limits, and the secrets that it never shows."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rehearsal.loopback import Answer, HttpRequest, LoopbackServer
from stream_to_s3.errors import TooBusyError, TriggerError
from stream_to_s3.rest import ApiCall, Secret, WorkspaceApi
from support.clock import Clock
from support.raw_server import Behaviour, hang, nonsense, raw_server
from support.tokens import everything_said_by

TOKEN = "dapi-5ecre7-70ken"
GET = ApiCall("runs/list", "GET", "/api/2.2/jobs/runs/list", Secret(f"Bearer {TOKEN}"), query={"job_id": "1"})
JSON = {"Content-Type": "application/json"}


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[HttpRequest]]]:
    received: list[HttpRequest] = []

    def respond(request: HttpRequest) -> Answer:
        received.append(request)
        return answer

    with LoopbackServer(respond) as server:
        yield f"http://{server.address}", received


def call(host: str, made: ApiCall = GET, seconds: float = 5.0) -> dict[str, Any]:
    clock = Clock()
    with WorkspaceApi(host, clock, clock.sleep) as workspace:
        return workspace.call(made, clock() + seconds)


def failure(host: str, made: ApiCall = GET, seconds: float = 5.0) -> TriggerError:
    with pytest.raises(TriggerError) as caught:
        call(host, made, seconds)
    return caught.value


def test_a_json_object_is_returned() -> None:
    with answering(Answer(200, b'{"run_id":7}', JSON)) as (host, received):
        assert call(host) == {"run_id": 7}
    assert (received[0].method, received[0].target) == ("GET", "/api/2.2/jobs/runs/list?job_id=1")
    assert received[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_body_is_sent_as_json() -> None:
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        call(host, ApiCall("run-now", "POST", "/api", Secret("Bearer x"), body={"job_id": 7}))
    assert received[0].headers["content-type"] == "application/json"
    assert json.loads(received[0].body) == {"job_id": 7}


def test_a_form_is_sent_with_its_secrets_and_without_authorization() -> None:
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        call(host, ApiCall("token", "POST", "/t", form={"a": "1 &", "b": Secret("s/e=c")}))
    assert received[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert received[0].body == b"a=1+%26&b=s%2Fe%3Dc"
    assert "authorization" not in received[0].headers


ANSWERS = {
    "bad request": (
        Answer(400, b'{"error_code":"INVALID_PARAMETER_VALUE"}', JSON),
        "answered 400 (INVALID_PARAMETER_VALUE)",
    ),
    "bad token": (Answer(401, b'{"error":"invalid_client"}', JSON), "answered 401 (invalid_client)"),
    "no permission": (Answer(403, b'{"error_code":"PERMISSION_DENIED"}', JSON), "answered 403 (PERMISSION_DENIED)"),
    "no such page": (Answer(404, b"<html>nothing here</html>"), "answered 404"),
    "busy": (Answer(429, b"{}", JSON), "answered 429"),
    "down": (Answer(503, b"<html>upstream connect error</html>"), "answered 503"),
    "no content": (Answer(204), "answered 204"),
    "created": (Answer(201, b"{}", JSON), "answered 201"),
    "a page for browsers": (Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}), "got text/html"),
    "an array": (Answer(200, b"[]", JSON), "expected JSON, got application/json"),
    "half an object": (Answer(200, b'{"run_id":', JSON), "expected JSON"),
    "nothing": (Answer(200, b"", {}), "got something else"),
    "not UTF-8": (Answer(200, b"\xff\xfe{", JSON), "expected JSON"),
    "2 MB": (Answer(200, b'"' + b"x" * 2_000_000 + b'"', JSON), "ValueError"),
    "a cut connection": (Answer(None), "ConnectionError"),
    "an answer that ends early": (
        Answer(200, b"{}", {"Content-Length": "100", "Connection": "close"}),
        "ChunkedEncodingError",
    ),
    "the token in the error code": (Answer(400, json.dumps({"error_code": TOKEN}).encode(), JSON), "answered 400"),
    "the token in the message": (
        Answer(403, json.dumps({"error_code": "X", "message": f"Bearer {TOKEN}"}).encode(), JSON),
        "answered 403 (X)",
    ),
    "the token in the content type": (Answer(200, TOKEN.encode(), {"Content-Type": f"text/{TOKEN}"}), "expected JSON"),
}


@pytest.mark.parametrize(("answer", "message"), ANSWERS.values(), ids=ANSWERS)
def test_any_other_answer_is_an_error_without_its_text(
    answer: Answer, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(answer) as (host, _):
        error = failure(host, seconds=1.5)
    assert str(error).startswith("runs/list: ")
    assert message in str(error)
    assert TOKEN not in everything_said_by(error) + caplog.text
    assert error.__context__ is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    with answering(Answer(200, b"{}", JSON)) as (elsewhere, received):
        with answering(Answer(status, b"", {"Location": f"{elsewhere}/collect"})) as (host, _):
            assert str(failure(host)) == f"runs/list: answered {status}, a redirect, which is never followed"
        assert received == []


@pytest.mark.parametrize(("behaviour", "problem"), [(hang, "ReadTimeout"), (nonsense, "ConnectionError")])
def test_a_server_that_misbehaves_is_an_error(behaviour: Behaviour, problem: str) -> None:
    with raw_server(behaviour) as address:
        error = failure(f"http://{address}", seconds=0.3)
    assert str(error) == f"runs/list: {problem}"
    assert TOKEN not in everything_said_by(error)


def test_a_name_that_does_not_resolve_is_an_error() -> None:
    # Longer than a DNS name can be: the resolver refuses it without a query.
    assert str(failure("https://" + "a." * 130 + "invalid")) == "runs/list: ConnectionError"


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert str(failure(f"http://127.0.0.1:{port}")) == "runs/list: ConnectionError"


def test_a_host_without_encryption_where_it_is_expected_is_an_error() -> None:
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        assert str(failure(host.replace("http:", "https:"))) in ("runs/list: SSLError", "runs/list: ConnectionError")
    assert received == []


HOSTILE_TOKENS = ["a\nX-Evil: 1", "a\r\nb", "\u20ac", "\ud800"]


@pytest.mark.parametrize("token", HOSTILE_TOKENS)
def test_a_token_with_invalid_characters_is_an_error_that_does_not_show_it(token: str) -> None:
    secret = f"5ecre7{token}5ecre7"
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        error = failure(host, ApiCall("run-now", "POST", "/api", Secret(f"Bearer {secret}")))
    assert received == []
    assert "5ecre7" not in everything_said_by(error)


def test_a_netrc_file_is_not_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login root password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        call(host, ApiCall("token", "POST", "/t", form={"a": "1"}))
    assert "authorization" not in received[0].headers


def test_without_time_there_is_no_second_attempt() -> None:
    with answering(Answer(503, b"{}", {"Retry-After": "4"})) as (host, received):
        error = failure(host, seconds=4.1)
    assert isinstance(error, TooBusyError)
    assert error.retry_after == 4.0
    assert len(received) == 1


def test_the_second_attempt_is_the_last() -> None:
    with answering(Answer(503, b"{}", {"Retry-After": "1"})) as (host, received):
        failure(host)
    assert len(received) == 2


def test_nothing_is_sent_after_the_deadline() -> None:
    with answering(Answer(200, b"{}", JSON)) as (host, received):
        assert str(failure(host, seconds=0.1)) == "runs/list: no time left"
    assert received == []


def test_a_secret_is_hidden_in_text() -> None:
    shown = f"{Secret(TOKEN)} {Secret(TOKEN)!r} {GET} {GET!r} {[Secret(TOKEN)]} {vars(GET)}"
    assert TOKEN not in shown
    assert Secret(TOKEN).reveal() == TOKEN
