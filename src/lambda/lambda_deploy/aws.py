"""Calls to AWS: clients by the name of their service, and errors as one sentence with what to do about them."""

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
_LOG_IN: Final = "log in again (such as `aws sso login`) and run the same command once more"
_CURES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"],
        f"the credentials have expired: {_LOG_IN}",
    ),
    **dict.fromkeys(
        [
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AuthFailure",
            "InvalidToken",
            "InvalidSignatureException",
            "IncompleteSignature",
        ],
        "AWS does not know these credentials: check AWS_PROFILE, or the keys in the environment",
    ),
    **dict.fromkeys(
        ["RequestTimeTooSkewed", "RequestInTheFuture"], "the clock of this machine is wrong: set it and try again"
    ),
    **dict.fromkeys(
        ["OptInRequired", "SubscriptionRequiredException"],
        "the account has not enabled this region or service: enable it, or set another aws_region",
    ),
    **dict.fromkeys(
        [
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AuthorizationError",
            "AuthorizationErrorException",
            "403",
        ],
        "whoever deploys lacks a right: `stream-lambda template --deployer-policy` prints those needed (docs/iam.md)",
    ),
}
_PATIENCE: Final = frozenset(
    [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "Throttled",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "SlowDown",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceFault",
        "ServiceException",
        "ServiceFailure",
        "ConcurrentModification",
        "ConcurrentModificationException",
        "ConcurrentAccessException",
        "OperationAborted",
        "OperationAbortedException",
        "ResourceInUseException",
        "DeleteConflict",
        "500",
        "503",
    ]
)
NOT_FOUND: Final = frozenset(
    [
        "404",
        "DashboardNotFoundError",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NotFound",
        "NotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    ]
)


def connect(region: str) -> Clients:
    """Clients with the SDK's own credentials and endpoints (AWS_PROFILE, AWS_ENDPOINT_URL and so on)."""

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
    """AWS's own name of an error, such as NoSuchBucket; the HTTP status where there is no name."""
    return str(error.response.get("Error", {}).get("Code", ""))


def found(call: Callable[..., Any], **arguments: Any) -> Any:
    """What a call answers; None when AWS says that there is no such thing. Raises ClientError otherwise."""
    try:
        return call(**arguments)
    except ClientError as error:
        if code_of(error) in NOT_FOUND:
            return None
        raise


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Has errors of the SDK come out as AwsError: what was being done, what AWS said, and the cure.

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
    if code in _PATIENCE:
        return NotReadyError(text, code)
    cure = _CURES.get(code)
    return AwsError(f"{text}: {cure}" if cure else text, code)
