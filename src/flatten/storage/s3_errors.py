"""Convert boto3's errors to the OSError of a directory, with the setting to check.

Their texts are left out: they quote headers, addresses and the output of programs, and so credentials.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

_LOG_IN = "log in again, such as with `aws sso login`"
_CURES = {
    "NoCredentialsError PartialCredentialsError": "no credentials were found: log in, or set AWS_PROFILE",
    "CredentialRetrievalError SSOError TokenRetrievalError LoginError ExpiredToken RequestExpired": _LOG_IN,
    "InvalidAccessKeyId SignatureDoesNotMatch InvalidToken 403 AccessDenied": (
        "check AWS_PROFILE or the keys in the environment, and their permissions on the bucket"
    ),
    "ProfileNotFound": "check AWS_PROFILE",
    "ConfigParseError ConfigNotFound InvalidConfigError": (
        "correct ~/.aws/config, or the file in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE"
    ),
    "NoRegionError InvalidRegionError PermanentRedirect AuthorizationHeaderMalformed 301": "check AWS_REGION",
    "NoSuchBucket ParamValidationError": "check the name of the bucket",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "ProxyConnectionError InvalidProxiesConfigError": "check HTTPS_PROXY and NO_PROXY",
    "SSLError": "check the certificates in AWS_CA_BUNDLE, and the proxy",
    "ConnectionError HTTPClientError": "check AWS_ENDPOINT_URL, AWS_REGION and the network",
}
"""By the code of S3's answer, or by the class of an error or of one of its causes, the nearest first."""

_GONE = ("NoSuchKey", "404")
_TAKEN = ("PreconditionFailed", "412")


@contextmanager
def as_os_error(doing: str, url: str, cure: str = "") -> Iterator[None]:
    """Convert an error of boto3 to the OSError of a directory; `cure` is for an error without a remedy."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as wrong:
        code = str(wrong.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise FileNotFoundError(errno.ENOENT, "no such object", url) from None
        if code in _TAKEN:
            raise FileExistsError(errno.EEXIST, "the object exists already", url) from None
        raise OSError(errno.EIO, f"S3 refused to {doing} it ({code}){_cure([code], cure)}", url) from None
    except Exception as wrong:  # noqa: BLE001  # whatever a file or a program of credentials makes of it, too
        names = [each.__name__ for each in type(wrong).__mro__]
        raise OSError(errno.EIO, f"S3 could not {doing} it ({names[0]}){_cure(names, cure)}", url) from None


def _cure(names: list[str], otherwise: str) -> str:
    cures = (cure for name in names for known, cure in _CURES.items() if name in known.split())
    cure = next(cures, otherwise)
    return f": {cure}" if cure else ""
