"""A regional STS on the loopback address that has one call and checks its signature.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from rehearsal.loopback import Answer, HttpRequest, LoopbackServer
from support.tokens import ISSUER, ROLE, signed

REGION = "eu-west-1"
KEY_ID, SECRET_KEY, SESSION_TOKEN = "AKIA5ECRE7", "key-5ecre7", "session-5ecre7"
_SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>\d{8}/[^/]+/sts/aws4_request), "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class StsServer(LoopbackServer):
    """`claims` replace those of the next tokens; `fault` is answered instead of a token."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(self._respond)
        self.claims: dict[str, Any] = {}
        self.fault: Answer | None = None
        self.requests: list[HttpRequest] = []
        self._clock = clock

    def _respond(self, request: HttpRequest) -> Answer:
        self.requests.append(request)
        if self.fault is not None:
            return self.fault
        if not is_signed(request):
            return sts_error(403, "SignatureDoesNotMatch")
        form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": [form["Audience.member.1"]],
            "sub": ROLE,
            "iat": now,
            "exp": now + int(form["DurationSeconds"]),
        }
        return token_answer(signed(**claims | self.claims))


def token_answer(token: str) -> Answer:
    """Return the answer of STS with this token."""
    result = f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>2027-01-15T08:05:00Z</Expiration>"
    wrapped = f"<GetWebIdentityTokenResult>{result}</GetWebIdentityTokenResult>"
    namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
    body = f'<GetWebIdentityTokenResponse xmlns="{namespace}">{wrapped}</GetWebIdentityTokenResponse>'
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


def sts_error(status: int, code: str) -> Answer:
    """Return the answer of STS that refuses a request."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>User 5ecre7 may not</Message></Error>"
    return Answer(status, f"<ErrorResponse>{error}</ErrorResponse>".encode(), {"Content-Type": "text/xml"})


def is_signed(request: HttpRequest) -> bool:
    """Return whether a request has our key's signature, over its body and all that must be signed."""
    found = _SCOPE.fullmatch(request.headers.get("authorization", ""))
    if found is None or found["key"] != KEY_ID or request.headers.get("x-amz-security-token") != SESSION_TOKEN:
        return False
    names = found["headers"].split(";")
    if not {"host", "x-amz-date", "x-amz-security-token"} <= set(names):
        return False
    return hmac.compare_digest(found["signature"], _signature(request, names, found["scope"]))


def _signature(request: HttpRequest, names: list[str], scope: str) -> str:
    headers: Mapping[str, str] = request.headers
    lines = [f"{name}:{headers[name].strip()}\n" for name in names]
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.method, request.target, "", "".join(lines), ";".join(names), digest])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
