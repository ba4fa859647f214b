"""Read and check the function's environment variables, once at the start (docs/reference/lambda.md lists them)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stream_to_s3.errors import SettingsError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_is_bucket = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]").fullmatch
# Safe characters of a key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_is_prefix = re.compile(r"(?:(?!\.{1,2}/)[A-Za-z0-9!_.*'()=-]+/)+").fullmatch
_is_kms_key = re.compile(
    r"(?:arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:)?"
    r"(?:(?:key/)?(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|alias/[A-Za-z0-9/_-]{1,250})"
).fullmatch
_is_host = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](?::[0-9]{1,5})?",
    re.IGNORECASE | re.ASCII,
).fullmatch
_is_loopback = re.compile(r"http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?").fullmatch
_is_job_id = re.compile(r"[1-9][0-9]{0,18}").fullmatch
_is_client_id = re.compile(r"[A-Za-z0-9-]{1,64}").fullmatch
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_is_secret_id = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}").fullmatch


@dataclass(frozen=True)
class TriggerSettings:
    """Which job to start, and as whom: by `client_id` (without a secret) or with the secret of this name."""

    host: str
    job_id: int
    client_id: str | None
    secret_id: str | None


@dataclass(frozen=True)
class FunctionSettings:
    """Prefixes end in one slash. `ttl_attribute` is "" where only the record can say that an item expired.

    `trigger` is None without a trigger; `trigger_problem` says what is wrong with its settings.
    """

    bucket: str
    prefix: str
    quarantine_prefix: str
    kms_key_id: str | None
    ttl_attribute: str
    trigger: TriggerSettings | None
    trigger_problem: str | None


def read_settings(environment: Mapping[str, str]) -> FunctionSettings:
    """Return the settings of the function.

    Raises SettingsError when the bucket, a prefix or the key is invalid. An invalid setting of the trigger only
    switches the trigger off.
    """
    prefix = environment.get("TELEMETRY_PREFIX", "telemetry/")
    quarantine_prefix = environment.get("QUARANTINE_PREFIX", "telemetry-quarantine/")
    _check_prefix("TELEMETRY_PREFIX", prefix)
    _check_prefix("QUARANTINE_PREFIX", quarantine_prefix)
    if prefix.startswith(quarantine_prefix) or quarantine_prefix.startswith(prefix):
        raise SettingsError(
            f"QUARANTINE_PREFIX {quarantine_prefix!r} and TELEMETRY_PREFIX {prefix!r} overlap, so the job would read "
            "quarantined records: choose two separate prefixes"
        )
    trigger, problem = None, None
    try:
        trigger = _trigger(environment)
    except SettingsError as error:
        problem = str(error)
    return FunctionSettings(
        _bucket(environment),
        prefix,
        quarantine_prefix,
        _kms_key(environment),
        _ttl_attribute(environment),
        trigger,
        problem,
    )


def _bucket(environment: Mapping[str, str]) -> str:
    bucket = environment.get("TELEMETRY_BUCKET", "")
    if not _is_bucket(bucket):
        raise SettingsError(f"TELEMETRY_BUCKET is {_shown(bucket)}, expected the name of an S3 bucket")
    return bucket


def _check_prefix(name: str, prefix: str) -> None:
    if len(prefix) > 512 or not _is_prefix(prefix):
        raise SettingsError(
            f"{name} is {_shown(prefix)}, expected a prefix like telemetry/: letters, digits and !_.*'()=- between "
            "slashes, no slash at the front, one at the end"
        )


def _kms_key(environment: Mapping[str, str]) -> str | None:
    key = environment.get("KMS_KEY_ID", "")
    if key and not _is_kms_key(key):
        raise SettingsError(f"KMS_KEY_ID is {_shown(key)}, expected the id, the ARN or the alias of a KMS key")
    return key or None


def _ttl_attribute(environment: Mapping[str, str]) -> str:
    name = environment.get("TTL_ATTRIBUTE", "")
    if not name.isprintable() or len(name.encode()) > 255:
        raise SettingsError(f"TTL_ATTRIBUTE is {_shown(name)}, expected the name of an attribute, at most 255 bytes")
    return name


def _trigger(environment: Mapping[str, str]) -> TriggerSettings | None:
    host = environment.get("DATABRICKS_HOST", "").removesuffix("/")
    if not host:
        return None
    if not _is_host(host) and not _is_loopback(host):
        raise SettingsError(
            # The part before an @ may be a password.
            f"DATABRICKS_HOST is {_shown(host.rpartition('@')[2])}, expected https:// and the workspace's host name"
        )
    job_id = environment.get("DATABRICKS_JOB_ID", "")
    if not _is_job_id(job_id):
        raise SettingsError(f"DATABRICKS_JOB_ID is {_shown(job_id)}, expected the number of a job")
    return TriggerSettings(host, int(job_id), *_identity(environment))


def _identity(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    client_id = environment.get("DATABRICKS_CLIENT_ID", "")
    secret_id = environment.get("DATABRICKS_SECRET_ID", "")
    if bool(client_id) == bool(secret_id):
        raise SettingsError(
            "DATABRICKS_CLIENT_ID and DATABRICKS_SECRET_ID: set exactly one of them, but "
            f"{'both are' if client_id else 'neither is'} set"
        )
    if client_id and not _is_client_id(client_id):
        raise SettingsError(
            "DATABRICKS_CLIENT_ID is not the application id of a service principal (letters, digits, -)"
        )
    if secret_id and not _is_secret_id(secret_id):
        raise SettingsError(
            "DATABRICKS_SECRET_ID is not the name or the ARN of a secret; it must not contain the secret"
        )
    return client_id or None, secret_id or None


def _shown(value: str) -> str:
    return repr(value[:60]) + ("..." if len(value) > 60 else "") if value else "missing or empty"
