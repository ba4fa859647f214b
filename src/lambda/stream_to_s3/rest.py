"""One call to the workspace: bounded in time and size, never redirected, never quoted.

An error says which call failed and how, in words of ours: an exception of requests, or the text of an answer,
may hold a token. `requests` is imported by the first call, after the batch is stored: a cold start does not
pay for it.
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
    """A text that shows itself only when asked to."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class Request:
    """A call to a path of the workspace, with a form, a JSON body or neither.

    `name` is what errors call it, `authorization` the value of that header. A value of the form may be a Secret.
    """

    name: str
    method: str
    path: str
    authorization: Secret | None = None
    query: Mapping[str, str] | None = None
    form: Mapping[str, str | Secret] | None = None
    body: Mapping[str, Any] | None = None


class Workspace:
    """The HTTP API of one workspace. `clock` gives seconds since the epoch, deadlines are on it.

    Calls are made inside a `with`, over one connection. It is not kept from batch to batch: Lambda freezes
    the function in between, and the other end hangs up without a word.
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

    def call(self, request: Request, deadline: float) -> dict[str, Any]:
        """The JSON object that the workspace answers with, after one more attempt on 429 and 5xx.

        Raises TriggerError when there is none before the deadline.
        """
        try:
            return self._attempt(request, deadline)
        except TooBusyError as error:
            if self._clock() + error.retry_after + _LEAST_SECONDS > deadline:
                raise
            wait = error.retry_after
        self._sleep(wait)
        return self._attempt(request, deadline)

    def _attempt(self, request: Request, deadline: float) -> dict[str, Any]:
        left = deadline - self._clock()
        if left < _LEAST_SECONDS:
            raise TriggerError(f"{request.name}: no time left")
        status, headers, body = self._exchange(request, left)
        if status == 429 or status >= 500:
            raise TooBusyError(f"{request.name}: answered {status}", _seconds(headers.get("Retry-After")))
        if 300 <= status < 400:
            raise TriggerError(f"{request.name}: answered {status}, a redirect, which is never followed")
        answer = _json_object(body)
        if status != 200:
            raise TriggerError(f"{request.name}: answered {status}{_error_code(answer)}")
        if answer is None:
            kind = _CONTENT_TYPE.match(headers.get("Content-Type", ""))
            got = kind[0] if kind else "something else"
            raise TriggerError(f"{request.name}: expected JSON, got {got}: is DATABRICKS_HOST a workspace?")
        return answer

    def _exchange(self, request: Request, left: float) -> tuple[int, Mapping[str, str], bytes]:
        from requests import RequestException

        if self._session is None:
            raise TriggerError(f"{request.name}: called outside of `with workspace`")
        try:
            with self._send(self._session, request, left) as response:
                return response.status_code, response.headers, _limited(response)
        except (RequestException, OSError, ValueError) as error:
            problem = type(error).__name__
        # Raised out here, so that it is not chained to an exception that knows the request.
        raise TriggerError(f"{request.name}: {problem}")

    def _send(self, session: "Session", request: Request, left: float) -> "Response":
        def authorize(prepared: "PreparedRequest") -> "PreparedRequest":
            # Given always, so that requests does not look for a password in a .netrc file.
            if request.authorization:
                prepared.headers["Authorization"] = request.authorization.reveal()
            return prepared

        return session.request(
            request.method,
            self._host + request.path,
            params=request.query,
            data=request.form and {name: _plain(value) for name, value in request.form.items()},
            json=request.body,
            auth=authorize,
            timeout=(min(CONNECT_SECONDS, left), min(READ_SECONDS, left)),
            allow_redirects=False,
            stream=True,
        )


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
