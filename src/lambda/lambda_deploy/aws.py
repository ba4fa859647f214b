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

# The SDK tries again at once; `Wait` takes its time, and says so.
_PATIENT: Final = ClientConfig(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3}
)

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
# Answers to a call whose first answer was lost on the way: what it made is found when it is read again.
_THERE_ALREADY: Final = frozenset(
    [
        "BucketAlreadyOwnedByYou",
        "EntityAlreadyExists",
        "ResourceAlreadyExistsException",
        "ResourceConflictException",
        "ResourceExistsException",
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
# Words of an answer that is right a little later: a role that IAM has not told Lambda of yet, an update under way.
_LATER: Final = (
    "cannot be assumed by Lambda",
    "cannot access stream",
    "does not have permissions to call",
    "Please ensure the role can perform",
    "update is in progress",
    "is currently in the following state",
    "operation is in progress",
    "is being created",
    "is being deleted",
    "is currently being",
    "Invalid principal in policy",
    "following destination configuration",
)


def connect(region: str) -> Clients:
    """Clients with the SDK's own credentials and endpoints (AWS_PROFILE, AWS_ENDPOINT_URL and so on)."""

    @cache
    def client(service: str) -> Any:
        try:
            with explained(f"connecting to {service}"):
                made: Any = boto3.Session(region_name=region).client(service, config=_PATIENT)  # type: ignore[call-overload] # its name is a parameter
                return made
        except ValueError as error:
            raise AwsError(f"connecting to {service}: {one_line(error)}: check AWS_ENDPOINT_URL") from error

    return client


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
    except (CredentialRetrievalError, SSOError, TokenRetrievalError) as error:
        raise AwsError(f"{doing}: the credentials cannot be had ({one_line(error)}): {_LOG_IN}") from error
    except ProfileNotFound as error:
        raise AwsError(f"{doing}: {one_line(error)}: check AWS_PROFILE") from error
    except EndpointConnectionError as error:
        raise AwsError(f"{doing}: {one_line(error)}: check aws_region, AWS_ENDPOINT_URL and the network") from error
    except (ConnectionError, HTTPClientError) as error:
        raise NotReadyError(f"{doing}: no answer from AWS ({one_line(error)})", type(error).__name__) from error
    except BotoCoreError as error:
        raise AwsError(f"{doing}: {one_line(error)}", type(error).__name__) from error


def _explained(error: ClientError, doing: str) -> AwsError:
    code, said = code_of(error), one_line(error.response.get("Error", {}).get("Message", ""))
    text = f"{doing}: {code}" + (f" ({said})" if said else "")
    if code in _PATIENCE | _THERE_ALREADY or any(words in said for words in _LATER):
        return NotReadyError(text, code)
    cure = _CURES.get(code)
    return AwsError(f"{text}: {cure}" if cure else text, code)
