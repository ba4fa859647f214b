"""Explain an error of an SDK, a parser or the file system in one sentence that names the setting and the remedy.

Only this module decides which words of an external error are shown: none of an error that quotes its input, because
that may be a credential.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import click
from boto3.exceptions import Boto3Error
from botocore import exceptions as boto
from databricks.sdk.errors import Unauthenticated
from databricks.sdk.errors.base import DatabricksError

from lambda_deploy.errors import AwsError, LambdaDeployError, NotReadyError
from lambda_deploy.texts import one_line

_LOG_IN: Final = "log in again (such as `aws sso login`) and run the same command again"
_UNKNOWN: Final = "AWS does not know these credentials: check AWS_PROFILE, or the keys in the environment"
_CURES: Final[Mapping[str, str]] = {
    "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired": (
        f"the credentials have expired: {_LOG_IN}"
    ),
    "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId SignatureDoesNotMatch AuthFailure "
    "InvalidToken InvalidSignatureException IncompleteSignature MissingAuthenticationToken MalformedSecurityToken": (
        _UNKNOWN
    ),
    "RequestTimeTooSkewed RequestInTheFuture": "the clock of this machine is wrong: set it and try again",
    "OptInRequired SubscriptionRequiredException": (
        "the account has not enabled this region or service: enable it, or set another aws_region"
    ),
    "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError AuthorizationErrorException 403": (
        "the deployer lacks a permission: `stream-lambda template --deployer-policy` prints the required ones "
        "(docs/reference/iam.md)"
    ),
    "NoCredentialsError PartialCredentialsError": (
        "no credentials of AWS were found: log in (such as `aws sso login`) or set AWS_PROFILE"
    ),
    # Its text may be the output of a program.
    "CredentialRetrievalError": "no credentials were returned: check "
    f"credential_process in ~/.aws/config, or {_LOG_IN}",
    "SSOError TokenRetrievalError LoginError": f"the login has ended: {_LOG_IN}",
    "ProfileNotFound": "check AWS_PROFILE",
    "ConfigParseError ConfigNotFound InvalidConfigError": (
        "correct ~/.aws/config, or the file in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE"
    ),
    "NoRegionError InvalidRegionError": "check aws_region",
    "EndpointConnectionError": "check aws_region, AWS_ENDPOINT_URL and the network",
    "ProxyConnectionError InvalidProxiesConfigError ProxyError": "check HTTPS_PROXY and NO_PROXY",
    "SSLError": "check the certificates that AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE names, and the proxy",
    "ConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError ResponseStreamingError": (
        "no answer from AWS"
    ),
    "HTTPClientError": (
        "no request can be sent: check AWS_ENDPOINT_URL, AWS_CA_BUNDLE, HTTPS_PROXY and the credentials for an "
        "invalid character"
    ),
    "PermissionDenied": "ask an owner for the permission",
    "InvalidHeader": "the token of Databricks has a line end or another invalid character: set it again",
    # Their texts quote the line, which may be the token.
    "MissingSectionHeaderError ParsingError InterpolationError DuplicateOptionError DuplicateSectionError": (
        "correct ~/.databrickscfg, or the file in DATABRICKS_CONFIG_FILE"
    ),
}
_SHOWN: Final = (boto.BotoCoreError, Boto3Error, DatabricksError, OSError)
_QUOTES: Final = (boto.CredentialRetrievalError, boto.ParamValidationError, Unauthenticated)
# Codes after which the same call may succeed a little later.
_may_pass = re.compile(
    r"Throttl|TooManyRequests|RequestLimit|ThroughputExceeded|BandwidthLimit|PriorRequestNotComplete|SlowDown"
    r"|Unavailable|Internal|ServiceFailure|^ServiceException|Concurrent|OperationAborted|ResourceInUse|^50[03]$"
).search


@contextmanager
def explained(doing: str, cure: str = "", kind: type[LambdaDeployError] = LambdaDeployError) -> Iterator[None]:
    """Raise an external error as one sentence: the action, the answer, and the remedy.

    Errors of AWS become AwsError, or NotReadyError if a later attempt may succeed; all others become `kind`. `cure` is
    for an error without a remedy.
    """
    try:
        yield
    except (LambdaDeployError, click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:  # the text of any error may hold a secret
        raise in_a_sentence(error, doing, cure, kind) from error


def in_a_sentence(
    error: Exception, doing: str, cure: str = "", kind: type[LambdaDeployError] = LambdaDeployError
) -> LambdaDeployError:
    """Return the error to raise instead of another; see `explained`."""
    code = code_of(error)
    names = ["InvalidHeader"] if _is_of_header(error) else [code, *[each.__name__ for each in type(error).__mro__]]
    cure = next((found for name in names for known, found in _CURES.items() if name in known.split()), cure)
    text = f"{doing}: {code if cure == _UNKNOWN else _said(error)}" + (f": {cure}" if cure else "")
    if _may_end_well(error):
        return NotReadyError(text, code)
    return AwsError(text, code) if isinstance(error, boto.ClientError | boto.BotoCoreError | Boto3Error) else kind(text)


def unforeseen(error: Exception, command: str = "stream-lambda") -> LambdaDeployError:
    """Return the final error for one that nothing has explained: the system's, or a bug of this tool."""
    if isinstance(error, (*_SHOWN, boto.ClientError)):
        return in_a_sentence(error, "the command failed")
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
    return LambdaDeployError(f"a bug of {command}, {place}: run it with --debug, and report what it prints")


def code_of(error: Exception) -> str:
    """Return AWS's name of an error, such as NoSuchBucket, or the HTTP status; for another error its class."""
    if isinstance(error, boto.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def traceback_of(error: BaseException) -> str:
    """Return where an error was raised, its first cause first, without any text, which may hold a secret."""
    lines, each = [""], cast("BaseException | None", error)
    while each:
        lines = [*traceback.format_tb(each.__traceback__), f"{type(each).__qualname__}\n", *lines]
        each = each.__cause__ or each.__context__
    return "Traceback (most recent call last):\n" + "".join(lines).rstrip()


def _said(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, boto.ClientError):
        said = one_line(error.response.get("Error", {}).get("Message", ""))
        return code_of(error) + (f" ({said})" if said else "")
    if type(error) is boto.HTTPClientError:
        return f"{name} ({type(error.kwargs['error']).__name__})"
    is_shown = isinstance(error, _SHOWN) or type(error) is ValueError
    if isinstance(error, _QUOTES) or _is_of_header(error) or not is_shown:
        return name
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f" ({error.filename})" if error.filename else "")
    return one_line(str(error).partition(". Config: ")[0]) or name  # behind it the SDK of Databricks lists its settings


def _is_of_header(error: Exception) -> bool:
    """Return whether requests or Python's HTTP client refused a header, which it quotes."""
    return isinstance(error, ValueError) and "header value" in str(error)


def _may_end_well(error: Exception) -> bool:
    if isinstance(error, boto.ClientError):
        return bool(_may_pass(code_of(error)))
    hopeless = (boto.HTTPClientError, boto.EndpointConnectionError, boto.ProxyConnectionError, boto.SSLError)
    is_lost = isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError)
    return is_lost and type(error) not in hopeless
