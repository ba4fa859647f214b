"""Calls to AWS: clients by the name of their service, and errors as one sentence with what to do about them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from lambda_deploy.errors import AwsError, NotReadyError
from lambda_deploy.texts import one_line

# A client by the name of its service, such as clients("lambda"); the same one each time.
Clients = Callable[[str], Any]

_PATIENT: Final = ClientConfig(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
)

_CREDENTIALS: Final = ("the access key id", "the secret access key", "the session token")
_LOG_IN: Final = "log in again (such as `aws sso login`) and run the same command again"
_CURES: Final[Mapping[str, str]] = {
    "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired": (
        f"the credentials have expired: {_LOG_IN}"
    ),
    "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId SignatureDoesNotMatch AuthFailure "
    "InvalidToken InvalidSignatureException IncompleteSignature": (
        "AWS does not know these credentials: check AWS_PROFILE, or the keys in the environment"
    ),
    "RequestTimeTooSkewed RequestInTheFuture": "the clock of this machine is wrong: set it and try again",
    "OptInRequired SubscriptionRequiredException": (
        "the account has not enabled this region or service: enable it, or set another aws_region"
    ),
    "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError AuthorizationErrorException 403": (
        "whoever deploys lacks a right: `stream-lambda template --deployer-policy` prints those needed "
        "(docs/reference/iam.md)"
    ),
}
# Codes after which the same call may succeed a little later.
_may_pass = re.compile(
    r"Throttl|TooManyRequests|RequestLimit|ThroughputExceeded|BandwidthLimit|PriorRequestNotComplete|SlowDown"
    r"|Unavailable|Internal|ServiceFailure|^ServiceException|Concurrent|OperationAborted|ResourceInUse|^50[03]$"
).search
_is_absence = re.compile(r"^404$|^NoSuch|NotFound").search


def connect(region: str) -> Clients:
    """Return clients with the SDK's own credentials and endpoints (AWS_PROFILE, AWS_ENDPOINT_URL and so on)."""

    @cache
    def session() -> boto3.Session:
        with explained("looking for credentials"):
            made = boto3.Session(region_name=region)
            _check_credentials(made)
        return made

    @cache
    def client(service: str) -> Any:
        try:
            with explained(f"connecting to {service}"):
                made: Any = session().client(service, config=_PATIENT)  # type: ignore[call-overload] # its name is a parameter
                return made
        except ValueError as error:
            raise AwsError(f"connecting to {service}: {one_line(error)}: check AWS_ENDPOINT_URL") from error

    return client


def _check_credentials(session: boto3.Session) -> None:
    """Raise AwsError when the credentials cannot be read, or cannot be sent; no message has any of them.

    The SDK would put a key with a line end into a header, and the header into the text of its error.
    """
    try:
        found = session.get_credentials()
        given = found.get_frozen_credentials() if found else ()
    except (OSError, ValueError) as error:
        raise AwsError(
            f"the credentials cannot be read ({type(error).__name__}): check credential_process in ~/.aws/config; it "
            "must exist and print the JSON that AWS describes"
        ) from None
    for name, value in zip(_CREDENTIALS, given, strict=False):
        if value and not all("!" <= letter <= "~" for letter in value):
            raise AwsError(f"{name} has a line end or another character that no key has: set it again")


def code_of(error: ClientError) -> str:
    """Return AWS's own name of an error, such as NoSuchBucket; the HTTP status where it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def found(call: Callable[..., Any], **arguments: Any) -> Any:
    """Return what a call answers; None when AWS says that there is no such thing. Raises ClientError otherwise."""
    try:
        return call(**arguments)
    except ClientError as error:
        if _is_absence(code_of(error)):
            return None
        raise


def caller_arn(clients: Clients) -> str:
    """Return the ARN of whoever asks AWS; nobody needs a right for that."""
    with explained("asking AWS who this is"):
        return str(clients("sts").get_caller_identity()["Arn"])


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Raise errors of the SDK as AwsError: what was being done, what AWS said, and the cure.

    Raises NotReadyError, which is an AwsError too, where trying again later may help.
    """
    try:
        yield
    except ClientError as error:
        raise _explained(error, doing) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AwsError(
            f"{doing}: no credentials of AWS were found: log in (such as `aws sso login`) or set AWS_PROFILE"
        ) from error
    except CredentialRetrievalError as error:
        # Its text may be what a process printed.
        raise AwsError(
            f"{doing}: no credentials came: check credential_process in ~/.aws/config, or {_LOG_IN}"
        ) from error
    except (SSOError, TokenRetrievalError) as error:
        raise AwsError(f"{doing}: the login has ended ({one_line(error)}): {_LOG_IN}") from error
    except ProfileNotFound as error:
        raise AwsError(f"{doing}: {one_line(error)}: check AWS_PROFILE") from error
    except EndpointConnectionError as error:
        raise AwsError(f"{doing}: {one_line(error)}: check aws_region, AWS_ENDPOINT_URL and the network") from error
    except (ConnectionError, HTTPClientError) as error:
        raise NotReadyError(f"{doing}: no answer from AWS ({_safe(error)})", type(error).__name__) from error
    except BotoCoreError as error:
        raise AwsError(f"{doing}: {one_line(error)}", type(error).__name__) from error


def _safe(error: BotoCoreError) -> str:
    """Return what an error of the connection says, but for one of the HTTP library, which may hold headers."""
    return type(error.kwargs["error"]).__name__ if type(error) is HTTPClientError else one_line(error)


def _explained(error: ClientError, doing: str) -> AwsError:
    code, said = code_of(error), one_line(error.response.get("Error", {}).get("Message", ""))
    text = f"{doing}: {code}" + (f" ({said})" if said else "")
    if _may_pass(code):
        return NotReadyError(text, code)
    cure = next((cure for codes, cure in _CURES.items() if code in codes.split()), "")
    return AwsError(f"{text}: {cure}" if cure else text, code)
