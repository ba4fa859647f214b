"""Serve the endpoints of a workspace that the Lambda calls. It is stricter than the service.

https://docs.databricks.com/api/workspace/jobs/runnow,
https://docs.databricks.com/api/workspace/jobs/listruns,
https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m,
https://docs.databricks.com/aws/en/dev-tools/auth/oauth-federation
"""

import binascii
import json
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from hmac import compare_digest
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

from rehearsal.databricks.workspace import Principal, Workspace
from rehearsal.errors import RefusedError
from rehearsal.loopback import Answer, HttpRequest, LoopbackServer

RUN_NOW: Final = "/api/2.2/jobs/run-now"
RUNS_LIST: Final = "/api/2.2/jobs/runs/list"
TOKEN: Final = "/oidc/v1/token"  # noqa: S105 # a path
_RUN_NOW_FIELDS: Final = {"job_id", "idempotency_token", "queue", "job_parameters", "only", "performance_target"}
_LIST_FIELDS: Final = {"job_id", "active_only", "limit", "page_token", "expand_tasks"}
_EXCHANGE: Final = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "scope": "all-apis",
}

Claims = Mapping[str, Any]
Fault = Callable[[HttpRequest], Answer]


def json_answer(status: int, content: object, **headers: str) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})


class WorkspaceServer(LoopbackServer):
    """A workspace on the loopback address; set DATABRICKS_HOST to its `url`.

    `verify` returns the claims of a token that an issuer signed, None when the signature is wrong; `clock` returns
    seconds since the epoch. `faults` holds, per path, the answers to the next requests instead of the real ones.
    """

    def __init__(
        self,
        workspace: Workspace,
        clock: Callable[[], float] = time.time,
        verify: Callable[[str], Claims | None] = lambda token: None,
    ) -> None:
        super().__init__(self._respond)
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[HttpRequest] = []
        self._workspace = workspace
        self._clock = clock
        self._verify = verify
        self._lock = Lock()

    def _respond(self, request: HttpRequest) -> Answer:
        path = urlsplit(request.target).path
        with self._lock:
            self.requests.append(request)
            faults = self.faults.get(path)
            fault = faults.pop(0) if faults else None
        if fault is not None:
            return fault(request)
        try:
            return json_answer(200, self._served(path, request))
        except RefusedError as error:
            retry = {"Retry-After": "1"} if error.status == 429 else {}
            return json_answer(error.status, _described(path, error), **retry)

    def _served(self, path: str, request: HttpRequest) -> object:
        if request.headers.get("host") != self.address:
            raise RefusedError(400, "BAD_REQUEST", "the Host header names another host")
        call = (request.method, path)
        if call == ("POST", TOKEN):
            return self._token(request)
        if call == ("POST", RUN_NOW):
            return self._run_now(self._authorized(request), request)
        if call == ("GET", RUNS_LIST):
            return self._runs_list(self._authorized(request), request)
        raise RefusedError(404, "ENDPOINT_NOT_FOUND", f"no API found for {request.method} {path}")

    def _authorized(self, request: HttpRequest) -> Principal:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer":
            raise RefusedError(401, "UNAUTHENTICATED", "expected Authorization: Bearer")
        return self._workspace.principal_of(token)

    def _run_now(self, principal: Principal, request: HttpRequest) -> object:
        self._workspace.count_call(RUN_NOW, 20)
        body = _json_object(request)
        _require(not body.keys() - _RUN_NOW_FIELDS, f"unknown fields {sorted(body.keys() - _RUN_NOW_FIELDS)}")
        token, queue = body.get("idempotency_token"), body.get("queue", {})
        parameters = body.get("job_parameters", {})
        _require(type(body.get("job_id")) is int, "job_id must be an integer")
        _require(
            token is None or (isinstance(token, str) and 0 < len(token) <= 64),
            "idempotency_token must have 1 to 64 characters",
        )
        _require(
            isinstance(queue, dict) and isinstance(queue.get("enabled", True), bool),
            "queue must be an object with a boolean field enabled",
        )
        _require(isinstance(parameters, dict), "job_parameters must be an object")
        job = self._workspace.job_for(principal, body["job_id"])
        run = self._workspace.run_now(job, parameters, token, queue.get("enabled"))
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    def _runs_list(self, principal: Principal, request: HttpRequest) -> object:
        self._workspace.count_call(RUNS_LIST, 30)
        pairs = parse_qsl(urlsplit(request.target).query, strict_parsing=True)
        query = dict(pairs)
        _require(len(query) == len(pairs) and not query.keys() - _LIST_FIELDS, f"invalid query fields: {sorted(query)}")
        _require(query.get("job_id", "").isdecimal(), "job_id must be an integer")
        _require(query.get("active_only") == "true", "active_only must be true")
        limit = int(query.get("limit", "20"))
        _require(0 < limit < 25, "limit must be greater than 0 and less than 25")
        runs = self._workspace.active_runs(self._workspace.job_for(principal, int(query["job_id"])))
        # The service omits an empty list.
        shown = {"runs": [run.described() for run in runs[:limit]]} if runs else {}
        return {**shown, "has_more": len(runs) > limit}

    def _token(self, request: HttpRequest) -> object:
        kind = request.headers.get("content-type", "")
        _require(kind == "application/x-www-form-urlencoded", f"expected a form, not {kind!r}", "invalid_request")
        found = parse_qs(request.body.decode("ascii"), strict_parsing=True)
        form = {name: values[0] for name, values in found.items() if len(values) == 1}
        if form.get("grant_type") == "client_credentials":
            principal = self._by_secret(form, request)
        else:
            principal = self._by_exchange(form, request)
        token = self._workspace.issue_token(principal)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._workspace.token_seconds}

    def _by_secret(self, form: Mapping[str, str], request: HttpRequest) -> Principal:
        _require(form.get("scope") == "all-apis", "scope must be all-apis", "invalid_scope")
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise RefusedError(401, "invalid_client", "expected client_id:client_secret in base64") from None
        for principal in self._workspace.principals:
            known = principal.client_id == client_id and principal.client_secret is not None
            if kind == "Basic" and known and compare_digest(principal.client_secret or "", secret):
                return principal
        raise RefusedError(401, "invalid_client", "client authentication failed")

    def _by_exchange(self, form: Mapping[str, str], request: HttpRequest) -> Principal:
        _require(
            "authorization" not in request.headers,
            "a token exchange must not have an Authorization header",
            "invalid_request",
        )
        _require(form.keys() == _EXCHANGE.keys() | {"client_id", "subject_token"}, f"invalid fields: {sorted(form)}")
        _require(_EXCHANGE.items() <= form.items(), "grant, token type or scope is wrong", "unsupported_grant_type")
        claims = self._verify(form["subject_token"])
        now = self._clock()
        _require(claims is not None, "the signature is wrong", "invalid_grant")
        for principal in self._workspace.principals:
            if principal.client_id == form["client_id"] and _accepts(principal, claims or {}, now):
                return principal
        raise RefusedError(400, "invalid_grant", "no federation policy accepts the token")


def _accepts(principal: Principal, claims: Claims, now: float) -> bool:
    policy, audience = principal.policy, claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return (
        policy is not None
        and (claims.get("iss"), claims.get("sub")) == (policy.issuer, policy.subject)
        and policy.audience in audiences
        and claims.get("iat", now) <= now + 60
        and claims.get("exp", 0) > now
    )


def _described(path: str, error: RefusedError) -> dict[str, str]:
    if path == TOKEN:
        return {"error": error.code, "error_description": str(error)}
    return {"error_code": error.code, "message": str(error)}


def _json_object(request: HttpRequest) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0]
    _require(kind == "application/json", f"expected application/json, not {kind!r}", "MALFORMED_REQUEST")
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    _require(isinstance(body, dict), "the body must be a JSON object", "MALFORMED_REQUEST")
    return dict(body)


def _require(condition: bool, message: str, code: str = "INVALID_PARAMETER_VALUE") -> None:
    if not condition:
        raise RefusedError(400, code, message)
