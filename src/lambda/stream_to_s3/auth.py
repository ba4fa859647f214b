"""Get a Databricks token for the trigger in one of three ways, the best first.

- without a secret: AWS signs a token about the function's role (`sts`), the workspace exchanges it (a service principal
  with a federation policy); https://docs.databricks.com/aws/en/dev-tools/auth/provider-aws-iam
- OAuth: the client id and client secret of a service principal, from Secrets Manager;
  https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
- a personal access token, from Secrets Manager.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from stream_to_s3.errors import TriggerError
from stream_to_s3.rest import ApiCall, Secret, WorkspaceApi
from stream_to_s3.sts import Sts

_TOKEN_PATH: Final = "/oidc/v1/token"  # noqa: S105 # a path
EARLY_SECONDS: Final = 60.0
PERSONAL_TOKEN_SECONDS: Final = 900.0
_LONGEST_SECONDS: Final = 86_400

Clock = Callable[[], float]


@dataclass(frozen=True)
class Token:
    """A bearer token and when it expires, in seconds since the epoch."""

    secret: Secret
    ends: float


class TokenSource(Protocol):
    """One of the three ways to get a token."""

    def fetch(self, deadline: float) -> Token:
        """Return a fresh token. Raises TriggerError."""


class CachedToken:
    """Keeps a token and fetches a new one shortly before it expires."""

    def __init__(self, source: TokenSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._token: Token | None = None

    def authorization(self, deadline: float) -> Secret:
        """Return the value of the Authorization header. Raises TriggerError when no token could be fetched."""
        if self._token is None or self._clock() > self._token.ends - EARLY_SECONDS:
            self._token = self._source.fetch(deadline)
        return Secret(f"Bearer {self._token.secret.reveal()}")

    def forget(self) -> None:
        """Fetch a new token with the next call: this one may have been revoked."""
        self._token = None


class FederatedRole:
    """Exchanges the role's identity, signed by AWS, for a token of the workspace."""

    def __init__(self, client_id: str, api: WorkspaceApi, sts: Sts, clock: Clock) -> None:
        self._client_id = client_id
        self._api = api
        self._sts = sts
        self._clock = clock

    def fetch(self, deadline: float) -> Token:
        """Return a fresh token. Raises TriggerError."""
        form: dict[str, str | Secret] = {
            "client_id": self._client_id,
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": self._sts.role_token(self._api, deadline),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "scope": "all-apis",
        }
        call = ApiCall("token exchange", "POST", _TOKEN_PATH, form=form)
        return _exchanged(self._api, call, self._clock, deadline)


class StoredSecret:
    """A secret of Secrets Manager: JSON with `client_id` and `client_secret`, or with `token`.

    `manager` makes the boto3 client of Secrets Manager.
    """

    def __init__(self, secret_id: str, api: WorkspaceApi, manager: Callable[[], Any], clock: Clock) -> None:
        self._secret_id = secret_id
        self._api = api
        self._manager = manager
        self._clock = clock

    def fetch(self, deadline: float) -> Token:
        """Return a fresh token. Each call reads the secret, so a rotated one is found. Raises TriggerError."""
        secret = self._secret()
        if "token" in secret:
            return Token(_header_text(secret["token"], "token"), self._clock() + PERSONAL_TOKEN_SECONDS)
        client_id = _header_text(secret.get("client_id"), "client_id").reveal()
        client_secret = _header_text(secret.get("client_secret"), "client_secret").reveal()
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        form: dict[str, str | Secret] = {"grant_type": "client_credentials", "scope": "all-apis"}
        call = ApiCall("OAuth token", "POST", _TOKEN_PATH, Secret(f"Basic {basic}"), form=form)
        return _exchanged(self._api, call, self._clock, deadline)

    def _secret(self) -> dict[str, Any]:
        try:
            found = json.loads(self._stored())
        except ValueError:
            found = None
        if not isinstance(found, dict):
            # Raised outside the except, so that it is not chained to a ValueError that holds the secret.
            raise TriggerError("the secret is not a JSON object with client_id and client_secret, or with token")
        return found

    def _stored(self) -> str:
        try:
            return str(self._manager().get_secret_value(SecretId=self._secret_id)["SecretString"])
        except ClientError as error:
            problem = error.response.get("Error", {}).get("Code", "ClientError")
        except BotoCoreError as error:
            problem = type(error).__name__
        except KeyError:
            problem = "the secret is binary, expected JSON text"
        raise TriggerError(f"secretsmanager:GetSecretValue: {problem}")


def _exchanged(api: WorkspaceApi, call: ApiCall, clock: Clock, deadline: float) -> Token:
    answer = api.call(call, deadline)
    token = _header_text(answer.get("access_token"), f"access_token of the {call.name}")
    seconds = answer.get("expires_in")
    if not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST_SECONDS:
        seconds = 0
    return Token(token, clock() + seconds)


def _header_text(value: object, name: str) -> Secret:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not all("!" <= character <= "~" for character in text):
        raise TriggerError(f"{name} is missing or has a character that is not allowed in a header")
    return Secret(text)
