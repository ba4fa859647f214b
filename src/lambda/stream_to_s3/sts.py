"""Get a token about the function's role, signed by AWS, with one request to STS.

boto3 has GetWebIdentityToken since the end of 2025, and the boto3 of Lambda's runtime may be older. Therefore the
request is written here, as in botocore's service model, and botocore only signs it.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from stream_to_s3.errors import TriggerError
from stream_to_s3.rest import Secret, WorkspaceApi

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_NAME: Final = "sts:GetWebIdentityToken"
_FORM: Final = urlencode(
    {
        "Action": "GetWebIdentityToken",
        "Version": "2011-06-15",
        "Audience.member.1": "databricks",
        # Databricks accepts this one of the two algorithms of STS.
        "SigningAlgorithm": "RS256",
        "DurationSeconds": "300",
    }
).encode()
_find_token = re.compile(rb"<WebIdentityToken>([A-Za-z0-9_.-]+)</WebIdentityToken>").search
_find_code = re.compile(rb"<Code>([A-Za-z]{1,80})</Code>").search


@dataclass(frozen=True)
class Sts:
    """The regional STS: the global one does not have this call. `credentials` returns those of the role."""

    url: str
    region: str
    credentials: Callable[[], "Credentials | None"]

    def role_token(self, api: WorkspaceApi, deadline: float) -> Secret:
        """Return a token about the role, valid for 300 s, over the connection of `api`.

        Raises TriggerError, which has the code of the answer and none of its text.
        """
        status, _, body = api.exchange(_NAME, "POST", self.url, deadline, self._signed_headers(), data=_FORM)
        token, code = _find_token(body), _find_code(body)
        if status == 200 and token:
            return Secret(token[1].decode())
        raise TriggerError(f"{_NAME}: {code[1].decode() if code else f'answered {status}, without a token'}")

    def _signed_headers(self) -> dict[str, str | Secret]:
        plain = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest("POST", self.url, plain, _FORM)
        credentials = self.credentials()
        if credentials is None:
            raise TriggerError(f"{_NAME}: the role has no credentials")
        SigV4Auth(credentials, "sts", self.region).add_auth(request)
        return {name: Secret(value) for name, value in request.headers.items()}


def regional_url(region: str, environment: Mapping[str, str]) -> str:
    """Return the URL of STS in a region, or the one that the environment variables of the AWS SDKs set."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    named = environment.get("AWS_ENDPOINT_URL_STS") or environment.get("AWS_ENDPOINT_URL")
    return named or f"https://sts.{region}.{suffix}/"
