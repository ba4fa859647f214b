"""Who the trigger is: three ways to a token, best first.

- no secret at all: AWS signs a token about the function's role, the workspace exchanges it (a service
  principal
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
from stream_to_s3.rest import Request, Secret, Workspace
from stream_to_s3.settings import TriggerSettings

_TOKEN_PATH: Final = "/oidc/v1/token"  # noqa: S105 # a path
EARLY_SECONDS: Final = 60.0
PERSONAL_TOKEN_SECONDS: Final = 900.0
_AWS_TOKEN_SECONDS: Final = 300
_LONGEST_SECONDS: Final = 86_400

AwsClients = Callable[[str], Any]


@dataclass(frozen=True)
class Token:
    """A bearer token and when it ends, in seconds since the epoch."""

    secret: Secret
    ends: float


class TokenSource(Protocol):
    """One of the three ways."""

    def fetch(self, deadline: float) -> Token:
        """A fresh token. Raises TriggerError."""


class Credentials:
    """The token in use: fetched when there is none, and again shortly before it ends."""

    def __init__(self, source: TokenSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._token: Token | None = None

    def authorization(self, deadline: float) -> Secret:
        """The value of the Authorization header. Raises TriggerError when no token is to be had."""
        if self._token is None or self._clock() > self._token.ends - EARLY_SECONDS:
            self._token = self._source.fetch(deadline)
        return Secret(f"Bearer {self._token.secret.reveal()}")

    def forget(self) -> None:
        """Has the next call fetch a token: this one may have been taken back."""
        self._token = None


def token_source(
    settings: TriggerSettings, workspace: Workspace, aws: AwsClients, clock: Callable[[], float]
) -> TokenSource:
    """The way that the settings name. `aws` makes a boto3 client by the name of its service."""
    if settings.client_id:
        return FederatedRole(settings.client_id, workspace, aws, clock)
    return StoredSecret(settings.secret_id or "", workspace, aws, clock)


class FederatedRole:
    """The role's own identity, signed by AWS, exchanged for a token of the workspace."""

    def __init__(self, client_id: str, workspace: Workspace, aws: AwsClients, clock: Callable[[], float]) -> None:
        self._client_id = client_id
        self._workspace = workspace
        self._aws = aws
        self._clock = clock

    def fetch(self, deadline: float) -> Token:
        """As TokenSource."""
        return _exchanged(self._workspace, self._request(), self._clock, deadline)

    def _request(self) -> Request:
        form: dict[str, str | Secret] = {
            "client_id": self._client_id,
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": self._role_token(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "scope": "all-apis",
        }
        return Request("token exchange", "POST", _TOKEN_PATH, form=form)

    def _role_token(self) -> Secret:
        def get_token() -> Any:
            # Databricks takes RS256 of the two algorithms that STS signs with.
            return self._aws("sts").get_web_identity_token(
                Audience=["databricks"], SigningAlgorithm="RS256", DurationSeconds=_AWS_TOKEN_SECONDS
            )["WebIdentityToken"]

        return Secret(_asked("sts:GetWebIdentityToken", get_token))


class StoredSecret:
    """A secret of Secrets Manager: JSON with `client_id` and `client_secret`, or with `token`."""

    def __init__(self, secret_id: str, workspace: Workspace, aws: AwsClients, clock: Callable[[], float]) -> None:
        self._secret_id = secret_id
        self._workspace = workspace
        self._aws = aws
        self._clock = clock

    def fetch(self, deadline: float) -> Token:
        """As TokenSource. The secret is read each time, so that one that has been replaced is found."""
        secret = self._secret()
        if "token" in secret:
            return Token(_header_text(secret["token"], "token"), self._clock() + PERSONAL_TOKEN_SECONDS)
        client_id = _header_text(secret.get("client_id"), "client_id").reveal()
        client_secret = _header_text(secret.get("client_secret"), "client_secret").reveal()
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        form: dict[str, str | Secret] = {"grant_type": "client_credentials", "scope": "all-apis"}
        request = Request("OAuth token", "POST", _TOKEN_PATH, Secret(f"Basic {basic}"), form=form)
        return _exchanged(self._workspace, request, self._clock, deadline)

    def _secret(self) -> dict[str, Any]:
        def get_secret() -> Any:
            return self._aws("secretsmanager").get_secret_value(SecretId=self._secret_id)["SecretString"]

        try:
            found = json.loads(_asked("secretsmanager:GetSecretValue", get_secret))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            # Raised out here, so that it is not chained to a ValueError that holds the secret.
            raise TriggerError("the secret is not a JSON object with client_id and client_secret, or with token")
        return found


def _asked(action: str, ask: Callable[[], Any]) -> str:
    try:
        text = ask()
    except ClientError as error:
        problem = error.response.get("Error", {}).get("Code", "ClientError")
    except BotoCoreError as error:
        problem = type(error).__name__
    except (AttributeError, KeyError):
        problem = "this runtime's boto3 does not know the call, or the answer has no text"
    else:
        return str(text)
    raise TriggerError(f"{action}: {problem}")


def _exchanged(workspace: Workspace, request: Request, clock: Callable[[], float], deadline: float) -> Token:
    answer = workspace.call(request, deadline)
    token = _header_text(answer.get("access_token"), f"access_token of the {request.name}")
    seconds = answer.get("expires_in")
    if not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST_SECONDS:
        seconds = 0
    return Token(token, clock() + seconds)


def _header_text(value: object, name: str) -> Secret:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not all("!" <= character <= "~" for character in text):
        raise TriggerError(f"{name} is missing, or holds a character that no header takes")
    return Secret(text)
