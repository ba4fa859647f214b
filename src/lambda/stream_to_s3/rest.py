"""Call the workspace, with limits of time and size, without redirects.

An error names the call and the kind of the failure in our words: an exception of requests, or the text of an answer,
may hold a token. The first call imports `requests`, after the batch is stored, so a cold start does not wait for it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from stream_to_s3.errors import TooBusyError, TriggerError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
_LEAST_SECONDS: Final = 0.2
_MOST_BYTES: Final = 1_000_000
_CONTENT_TYPE: Final = re.compile(r"[a-z]{1,12}/[a-z.+-]{1,20}")


class Secret:
    """A text that `repr` and `str` hide."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class ApiCall:
    """A call to a path of the workspace, with a form, a JSON body or neither.

    Errors show `name`; `authorization` is the value of that header. A value of the form may be a Secret.
    """

    name: str
    method: str
    path: str
    authorization: Secret | None = None
    query: Mapping[str, str] | None = None
    form: Mapping[str, str | Secret] | None = None
    body: Mapping[str, Any] | None = None


class WorkspaceApi:
    """The HTTP API of one workspace. `clock` returns seconds since the epoch; deadlines use it.

    Make calls inside a `with`, over one connection. The connection is not kept between batches: while Lambda freezes
    the function, the server closes it silently.
    """

    def __init__(self, host: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._host = host
        self._clock = clock
        self._sleep = sleep
        self._session: Session | None = None

    def __enter__(self) -> Self:
        from requests import Session

        self._session = Session()
        return self

    def __exit__(self, *error: object) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def call(self, call: ApiCall, deadline: float) -> dict[str, Any]:
        """Return the JSON object of the workspace's answer, after one more attempt on 429 and 5xx.

        Raises TriggerError when there is no answer before the deadline.
        """
        try:
            return self._attempt(call, deadline)
        except TooBusyError as error:
            if self._clock() + error.retry_after + _LEAST_SECONDS > deadline:
                raise
            wait = error.retry_after
        self._sleep(wait)
        return self._attempt(call, deadline)

    def _attempt(self, call: ApiCall, deadline: float) -> dict[str, Any]:
        headers = {"Authorization": call.authorization} if call.authorization else {}
        form = call.form and {name: _plain(value) for name, value in call.form.items()}
        status, received, body = self.exchange(
            call.name,
            call.method,
            self._host + call.path,
            deadline,
            headers,
            params=call.query,
            data=form,
            json=call.body,
        )
        if status == 429 or status >= 500:
            raise TooBusyError(f"{call.name}: answered {status}", _seconds(received.get("Retry-After")))
        if 300 <= status < 400:
            raise TriggerError(f"{call.name}: answered {status}, a redirect, which is never followed")
        answer = _json_object(body)
        if status != 200:
            raise TriggerError(f"{call.name}: answered {status}{_error_code(answer)}")
        if answer is None:
            kind = _CONTENT_TYPE.match(received.get("Content-Type", ""))
            got = kind[0] if kind else "something else"
            raise TriggerError(f"{call.name}: expected JSON, got {got}: check that DATABRICKS_HOST is a workspace")
        return answer

    def exchange(
        self, name: str, method: str, url: str, deadline: float, headers: Mapping[str, str | Secret], **content: Any
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of an answer, from any host; `content` as requests takes it.

        Raises TriggerError, with `name` and the kind of the failure, when there is no answer before the deadline.
        """
        from requests import RequestException

        left = deadline - self._clock()
        if left < _LEAST_SECONDS:
            raise TriggerError(f"{name}: no time left")
        if self._session is None:
            raise TriggerError(f"{name}: called outside of `with`")
        limits = {"timeout": (min(CONNECT_SECONDS, left), min(READ_SECONDS, left)), "allow_redirects": False}
        # With auth given, requests does not search a .netrc file for a password.
        content |= limits | {"auth": _with_headers(headers), "stream": True}
        try:
            with self._session.request(method, url, **content) as response:
                return response.status_code, response.headers, _limited(response)
        except (RequestException, OSError, ValueError) as error:
            problem = type(error).__name__
        # Raised outside the except, so that it is not chained to an exception that holds the request.
        raise TriggerError(f"{name}: {problem}")


def _with_headers(headers: Mapping[str, str | Secret]) -> "Callable[[PreparedRequest], PreparedRequest]":
    def authorize(prepared: "PreparedRequest") -> "PreparedRequest":
        prepared.headers.update({name: _plain(value) for name, value in headers.items()})
        return prepared

    return authorize


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _limited(response: "Response") -> bytes:
    body = b""
    for part in response.iter_content(65_536):
        body += part
        if len(body) > _MOST_BYTES:
            raise ValueError
    return body


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _error_code(answer: dict[str, Any] | None) -> str:
    # Both kinds of code are upper or lower case words: https://docs.databricks.com/api/workspace/introduction
    code = answer and (answer.get("error_code") or answer.get("error"))
    if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalpha():
        return f" ({code})"
    return ""


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 1.0
