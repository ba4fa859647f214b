"""Make AWS clients by service, with credentials that can be sent."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from lambda_deploy.errors import AwsError
from lambda_deploy.explain import code_of, explained

# A client by the name of its service, such as clients("lambda"), cached.
Clients = Callable[[str], Any]

_PATIENT: Final = ClientConfig(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
)

_CREDENTIALS: Final = ("the access key id", "the secret access key", "the session token")
_SOURCES: Final = (
    "check credential_process in ~/.aws/config, AWS_PROFILE and AWS_CONTAINER_CREDENTIALS_FULL_URI, or log in again"
)
_SETTINGS: Final = "check AWS_ENDPOINT_URL, AWS_REGION, AWS_MAX_ATTEMPTS and ~/.aws/config"
_is_absence = re.compile(r"^404$|^NoSuch|NotFound").search


def connect(region: str) -> Clients:
    """Return clients with the SDK's credentials and endpoints (AWS_PROFILE, AWS_ENDPOINT_URL and so on)."""

    @cache
    def session() -> boto3.Session:
        with explained("looking for credentials", _SOURCES, AwsError):
            made = boto3.Session(region_name=region)
            _check_credentials(made)
        return made

    @cache
    def client(service: str) -> Any:
        with explained(f"connecting to {service}", _SETTINGS, AwsError):
            made: Any = session().client(service, config=_PATIENT)  # type: ignore[call-overload] # its name is a parameter
            return made

    return client


def _check_credentials(session: boto3.Session) -> None:
    """Raise AwsError, without any credential in it, when the credentials cannot be sent.

    The SDK would put a key with a line end into a header, and the header into the text of its error.
    """
    found = session.get_credentials()
    given = found.get_frozen_credentials() if found else ()
    for name, value in zip(_CREDENTIALS, given, strict=False):
        if value and not (isinstance(value, str) and all("!" <= letter <= "~" for letter in value)):
            raise AwsError(f"{name} has a line end or another character that is invalid in a key: set it again")


def found(call: Callable[..., Any], **arguments: Any) -> Any:
    """Return the result of a call; None when AWS answers that it does not exist. Raises ClientError otherwise."""
    try:
        return call(**arguments)
    except ClientError as error:
        if _is_absence(code_of(error)):
            return None
        raise


def caller_arn(clients: Clients) -> str:
    """Return the ARN of the caller; this needs no permission."""
    with explained("asking AWS who this is"):
        return str(clients("sts").get_caller_identity()["Arn"])
