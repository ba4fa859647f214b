"""Read the variables of databricks.yml for one target, typed and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from lambda_deploy import names
from lambda_deploy.bundle_file import BundleFile, shown
from lambda_deploy.errors import ConfigError
from lambda_deploy.variables import StartMode, Variables
from stream_to_s3.errors import SettingsError
from stream_to_s3.settings import read_settings

JOB_KEY: Final = "flatten"
# Where Lambda writes the records that it could not deliver:
# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
ON_FAILURE_PREFIX: Final = "aws/lambda/"
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS: Final = frozenset(
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
)
# The prefix of the archives of code, one folder for each stack.
CODE_PREFIX: Final = "lambda-code/"
# The tags that identify the stack's owner.
OUR_TAGS: Final = ("bundle-uuid", "target")

# The function's environment variables, by their names in databricks.yml.
_OUR_NAMES: Final = {
    "TELEMETRY_BUCKET": "bucket",
    "TELEMETRY_PREFIX": "landing_prefix",
    "QUARANTINE_PREFIX": "quarantine_prefix",
    "KMS_KEY_ID": "kms_key_id",
    "TTL_ATTRIBUTE": "ttl_attribute",
    "DATABRICKS_HOST": "workspace.host",
    "DATABRICKS_CLIENT_ID": "lambda_client_id",
}

_is_function = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_is_region = re.compile(r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]").fullmatch
_is_email = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+").fullmatch
_is_table = re.compile(r"[a-zA-Z0-9_.-]{3,255}").fullmatch
_is_role = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}").fullmatch
_is_policy = re.compile(r"arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/[\w+=,.@/-]{1,512}").fullmatch
_is_subnet = re.compile(r"subnet-[0-9a-f]{8,17}").fullmatch
_is_security_group = re.compile(r"sg-[0-9a-f]{8,17}").fullmatch


@dataclass(frozen=True)
class Config:
    """One target. Prefixes end in one slash; durations are in the unit of their name; "" means "none".

    `start` is what starts the job, and `start_is_paused` whether databricks.yml pauses it; with "lambda" that is the
    schedule as a fallback. `host` begins with https:// and does not end in a slash. `job_prefix` precedes the job's
    name; None means the prefix that the bundle gives to a developer's jobs, from the user's name. `role_arn` is an
    existing role, used instead of one in the stack.
    """

    bundle_name: str
    bundle_uuid: str
    target: str
    is_development: bool
    developer: str
    region: str
    dynamodb_table: str
    function_name: str
    bucket: str
    landing_prefix: str
    archive_prefix: str
    quarantine_prefix: str
    batch_size: int
    batching_window_seconds: int
    memory_mb: int
    timeout_seconds: int
    max_record_age_seconds: int
    max_retries: int
    log_retention_days: int
    alert_email: str
    start: StartMode
    start_is_paused: bool
    discovery: str
    host: str
    job_name: str
    job_prefix: str | None
    client_id: str
    kms_key_id: str
    ttl_attribute: str
    catalog: str
    schema: str
    table: str
    warehouse_id: str
    tracing: bool
    tags: dict[str, str]
    permissions_boundary: str
    role_arn: str
    cloudformation_role_arn: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, target: str | None, environment: Mapping[str, str]) -> Self:
        """Read databricks.yml. `target` None means the default; `environment` may have BUNDLE_VAR_<name>.

        Raises ConfigError, with the name of the variable, its value and what is expected.
        """
        bundle = BundleFile(path, target, environment)
        read = Variables(bundle)
        made = cls(
            bundle_name=_bundle_text(bundle, "name"),
            bundle_uuid=_bundle_text(bundle, "uuid"),
            target=bundle.target,
            is_development=bundle.is_development,
            developer=read.text("developer"),
            region=read.text("aws_region", _is_region, "a region such as eu-west-1"),
            dynamodb_table=read.optional_text(
                "dynamodb_table", _is_table, "the name of a table: 3 to 255 of letters, digits, _.-"
            ),
            function_name=read.text("function_name", _is_function, "letters, digits, _ and -"),
            bucket=read.text("bucket"),
            landing_prefix=read.text("landing_prefix"),
            archive_prefix=read.text("archive_prefix"),
            quarantine_prefix=read.text("quarantine_prefix"),
            batch_size=read.number("batch_size", 1, 10_000),
            batching_window_seconds=read.number("batching_window_seconds", 0, 300),
            memory_mb=read.number("lambda_memory_mb", 128, 10_240),
            timeout_seconds=read.number("lambda_timeout_seconds", 30, 900),
            max_record_age_seconds=read.number("max_record_age_seconds", 60, 86_400),
            max_retries=read.number("max_retries", -1, 10_000),
            log_retention_days=read.number("log_retention_days", 1, 3653),
            alert_email=read.optional_text("alert_email", _is_email, "an e-mail address"),
            start=read.start(),
            start_is_paused=read.start_is_paused(),
            discovery=read.optional_text("discovery"),
            host=_host(bundle.setting("workspace", "host") or environment.get("DATABRICKS_HOST", "")),
            job_name=bundle.job_name(JOB_KEY) or "",
            job_prefix=_job_prefix(bundle),
            client_id=read.optional_text("lambda_client_id"),
            kms_key_id=read.optional_text("kms_key_id"),
            ttl_attribute=read.optional_text("ttl_attribute"),
            catalog=read.text("catalog"),
            schema=read.text("schema"),
            table=read.text("table"),
            warehouse_id=read.optional_text("warehouse_id"),
            tracing=read.yes("tracing"),
            tags=read.tags("tags", OUR_TAGS),
            permissions_boundary=read.optional_text("permissions_boundary", _is_policy, "the ARN of a policy"),
            role_arn=read.optional_text("role_arn", _is_role, "the ARN of a role"),
            cloudformation_role_arn=read.optional_text("cloudformation_role_arn", _is_role, "the ARN of a role"),
            subnet_ids=read.ids("subnet_ids", _is_subnet, "a list of ids such as subnet-0a1b2c3d"),
            security_group_ids=read.ids("security_group_ids", _is_security_group, "a list of ids such as sg-0a1b2c3d"),
        )
        made._check(path)
        return made

    @property
    def lambda_starts_job(self) -> bool:
        """Return whether the function starts the job after each object (Option A)."""
        return self.start == "lambda"

    @property
    def needs_secret(self) -> bool:
        """Return whether the function authenticates to Databricks with a secret of Secrets Manager."""
        return self.lambda_starts_job and not self.client_id

    def function_environment(self, job_id: int | str | None) -> dict[str, str]:
        """Return the environment variables (docs/reference/lambda.md); `job_id` is None while it is not known."""
        variables = {
            "TELEMETRY_BUCKET": self.bucket,
            "TELEMETRY_PREFIX": self.landing_prefix,
            "QUARANTINE_PREFIX": self.quarantine_prefix,
        }
        if self.kms_key_id:
            variables["KMS_KEY_ID"] = self.kms_key_id
        if self.ttl_attribute:
            variables["TTL_ATTRIBUTE"] = self.ttl_attribute
        if self.lambda_starts_job and job_id is not None:
            identity = {"DATABRICKS_CLIENT_ID": self.client_id} if self.client_id else {}
            secret = {"DATABRICKS_SECRET_ID": names.secret_name(self)} if self.needs_secret else {}
            variables |= {"DATABRICKS_HOST": self.host, "DATABRICKS_JOB_ID": str(job_id), **identity, **secret}
        return variables

    def _check(self, path: Path) -> None:
        for problem in (
            names.problem_of_names(self),
            self._problem_of_numbers(),
            self._problem_of_settings(),
            self._problem_of_prefixes(),
            self._problem_of_start(),
        ):
            if problem:
                raise ConfigError(f"{path}, target {self.target}: {problem}")

    def _problem_of_numbers(self) -> str:
        if self.log_retention_days not in RETENTION_DAYS:
            return (
                f"log_retention_days is {self.log_retention_days}, CloudWatch offers "
                f"{', '.join([str(days) for days in sorted(RETENTION_DAYS)])}"
            )
        if self.max_retries == 0:
            return "max_retries is 0, expected -1 (retry for max_record_age_seconds) or 1 to 10,000"
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            return "subnet_ids and security_group_ids belong together: set both or neither"
        if self.batch_size > 10 and self.batching_window_seconds == 0:
            return "batching_window_seconds is 0, but a batch_size of more than 10 needs at least 1"
        return ""

    def _problem_of_settings(self) -> str:
        """Return the function's error about a variable or the archive's prefix, with the names of databricks.yml."""
        archive = {"TELEMETRY_BUCKET": "none", "TELEMETRY_PREFIX": self.archive_prefix, "QUARANTINE_PREFIX": "!/"}
        try:
            settings = read_settings(self.function_environment(1))
            problem = settings.trigger_problem or ""
        except SettingsError as error:
            problem = str(error)
        try:
            read_settings(archive)
        except SettingsError as error:
            problem = problem or str(error).replace("TELEMETRY_PREFIX", "archive_prefix")
        for variable, name in _OUR_NAMES.items():
            problem = problem.replace(variable, name)
        return problem

    def _problem_of_prefixes(self) -> str:
        prefixes = {
            "landing_prefix": self.landing_prefix,
            "archive_prefix": self.archive_prefix,
            "quarantine_prefix": self.quarantine_prefix,
            "Lambda's on-failure destination": ON_FAILURE_PREFIX,
            "the prefix of the function's code": CODE_PREFIX,
        }
        for name, prefix in prefixes.items():
            for other, another in prefixes.items():
                if name != other and another.startswith(prefix):
                    return (
                        f"{other} {shown(another)} is inside {name} "
                        f"{shown(prefix)}: choose prefixes that do not overlap"
                    )
        return ""

    def _problem_of_start(self) -> str:
        if not self.lambda_starts_job:
            return ""
        if self.start_is_paused:
            return (
                "lambda_starts_job is true, but `start` is paused: the schedule must read the files after a failed "
                "start, so set pause_status: UNPAUSED in `start`"
            )
        if self.discovery not in ("", "listing"):
            return (
                f"lambda_starts_job is true, but `discovery` is {shown(self.discovery)}: discovery may lag behind the "
                "run that the Lambda starts, so set it to listing"
            )
        if not self.host:
            return "lambda_starts_job is true, but no workspace is set: set workspace.host or DATABRICKS_HOST"
        if not self.job_name:
            return f"lambda_starts_job is true, but no file of the bundle has a job with the key {JOB_KEY!r}"
        return ""


def _bundle_text(bundle: BundleFile, key: str) -> str:
    value = bundle.setting("bundle", key)
    if not isinstance(value, str) or not value:
        raise ConfigError(
            f"{bundle.path}: bundle.{key} is {shown(value)}, expected text: it identifies the stack's owner"
        )
    return value


def _host(value: object) -> str:
    host = str(value).strip().rstrip("/")
    return host if not host or "://" in host else f"https://{host}"


def _job_prefix(bundle: BundleFile) -> str | None:
    preset = bundle.setting("presets", "name_prefix")
    if isinstance(preset, str):
        return preset
    return None if bundle.is_development else ""
