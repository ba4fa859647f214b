"""`stream-lambda` reads databricks.yml: resolved, typed, and refused with one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.config import RETENTION_DAYS, Config
from lambda_deploy.console import nearest_bundle
from lambda_deploy.errors import ConfigError
from support.aws_account import HOST, write_bundle

OURS = Path(__file__).parents[2] / "databricks.yml"


def read(
    folder: Path, target: str | None = None, environment: dict[str, str] | None = None, **variables: Any
) -> Config:
    """Read a target of a bundle with these values."""
    return Config.read(write_bundle(folder, **variables), target, environment or {})


@pytest.mark.parametrize(
    ("target", "prefix", "function"),
    [
        ("dev", "jo/telemetry/", "chargeminder-unified-processor-jo"),
        ("prod", "telemetry/", "chargeminder-unified-processor"),
    ],
)
def test_our_own_bundle_can_be_read(target: str, prefix: str, function: str) -> None:
    config = Config.read(OURS, target, {"BUNDLE_VAR_developer": "jo", "BUNDLE_VAR_alert_email": "a@example.com"})
    assert (config.landing_prefix, config.function_name) == (prefix, function)
    tables = {"dev": "", "prod": "chargeminder-car-telemetry"}
    assert (config.dynamodb_table, config.bucket) == (tables[target], "chargeminder-telemetry-raw")
    assert (config.max_retries, config.max_record_age_seconds) == (-1, 82_800)
    assert (config.start, config.batching_window_seconds, config.alert_email) == ("schedule", 5, "a@example.com")


# Where a value comes from


def test_the_default_target_is_the_one_marked_as_default(tmp_path: Path) -> None:
    assert read(tmp_path).target == "prod"


def test_a_value_of_the_target_overrides_the_default(tmp_path: Path) -> None:
    assert read(tmp_path, "dev").landing_prefix == "shared/telemetry/"


def test_the_environment_overrides_the_target(tmp_path: Path) -> None:
    environment = {"BUNDLE_VAR_landing_prefix": "mine/", "BUNDLE_VAR_batch_size": "20", "BUNDLE_VAR_developer": "jo"}
    config = read(tmp_path, "dev", environment)
    assert (config.landing_prefix, config.batch_size, config.archive_prefix) == ("mine/", 20, "jo/telemetry-archive/")


def test_the_override_file_of_the_target_has_priority(tmp_path: Path) -> None:
    folder = tmp_path / ".databricks/bundle/prod"
    folder.mkdir(parents=True)
    (folder / "variable-overrides.json").write_text(
        json.dumps({"batch_size": 7, "start": {"file_arrival": {"url": "x"}}, "developer": "jo"})
    )
    config = read(tmp_path, "prod", {"BUNDLE_VAR_max_retries": "3"})
    assert (config.batch_size, config.start, config.max_retries) == (7, "file_arrival", 3)


def test_references_are_resolved_through_others_and_keep_their_type(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        developer="jo-${bundle.target}",
        bucket="raw-${var.developer}",
        max_retries="${var.batch_size}",
    )
    assert (config.bucket, config.max_retries) == ("raw-jo-prod", 1000)


UNRESOLVED = {
    "the workspace": ("${workspace.current_user.short_name}", "which only the Databricks CLI can resolve"),
    "a resource": ("${resources.volumes.landing.name}", "which only the Databricks CLI can resolve"),
    "nothing": ("${}", "which only the Databricks CLI can resolve"),
    "an unknown variable": ("x-${var.nope}", "declares no variable 'nope'"),
    "itself": ("${var.bucket}", r"refers to itself through \$\{var.bucket\}"),
    "itself, through another": ("${var.developer}", r"refers to itself"),
}


@pytest.mark.parametrize(("value", "message"), UNRESOLVED.values(), ids=UNRESOLVED)
def test_another_reference_is_refused(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, bucket=value, developer="${var.bucket}")


# What starts the job

STARTS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a schedule": ({}, "schedule", False),
    "a paused schedule": ({"start": {"periodic": {}, "pause_status": "PAUSED"}}, "schedule", True),
    "file arrival": (
        {"start": {"file_arrival": {"url": "${resources.volumes.landing.volume_path}/"}}},
        "file_arrival",
        False,
    ),
    "the Lambda": ({"lambda_starts_job": True}, "lambda", False),
    "the Lambda, said in text": ({"lambda_starts_job": "true"}, "lambda", False),
}


@pytest.mark.parametrize(("variables", "start", "is_paused"), STARTS.values(), ids=STARTS)
def test_what_starts_the_job(tmp_path: Path, variables: dict[str, Any], start: str, is_paused: bool) -> None:
    config = read(tmp_path, **variables)
    assert (config.start, config.start_is_paused) == (start, is_paused)


def test_the_trigger_of_a_developers_job_is_paused_by_default(tmp_path: Path) -> None:
    assert read(tmp_path, "dev").start_is_paused
    unpaused = {"periodic": {}, "pause_status": "UNPAUSED"}
    assert not read(tmp_path, "dev", start=unpaused).start_is_paused


REFUSED_STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"start": {}}, "one of `periodic` and `file_arrival`"),
    "both": ({"start": {"periodic": {}, "file_arrival": {}}}, "one of `periodic` and `file_arrival`"),
    "text": ({"start": "hourly"}, "one of `periodic` and `file_arrival`"),
    "an unknown pause": ({"start": {"periodic": {}, "pause_status": "OFF"}}, "PAUSED or UNPAUSED"),
    "the Lambda and file arrival": (
        {"start": {"file_arrival": {}}, "lambda_starts_job": True},
        "both would start the job for each object",
    ),
    "the Lambda and a paused schedule": (
        {"start": {"periodic": {}, "pause_status": "PAUSED"}, "lambda_starts_job": True},
        "after a failed start",
    ),
    "the Lambda and file events": (
        {"lambda_starts_job": True, "discovery": "file-events"},
        "discovery may lag",
    ),
    "an invalid switch": ({"lambda_starts_job": "perhaps"}, "true or false"),
}


@pytest.mark.parametrize(("variables", "message"), REFUSED_STARTS.values(), ids=REFUSED_STARTS)
def test_a_start_that_cannot_work_is_refused(tmp_path: Path, variables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, **variables)


def test_the_job_is_that_of_the_bundles_files(tmp_path: Path) -> None:
    config = read(tmp_path, "dev")
    assert (config.job_name, config.job_prefix) == ("flatten", None)
    assert read(tmp_path).job_prefix == ""


def test_a_start_by_the_lambda_needs_a_workspace_and_a_job(tmp_path: Path) -> None:
    unpaused = {"periodic": {}, "pause_status": "UNPAUSED"}
    with pytest.raises(ConfigError, match=r"no workspace is set: set workspace\.host or DATABRICKS_HOST"):
        read(tmp_path, "dev", lambda_starts_job=True, start=unpaused)
    path = write_bundle(tmp_path, lambda_starts_job=True)
    (tmp_path / "resources/flatten.job.yml").unlink()
    with pytest.raises(ConfigError, match="no file of the bundle has a job with the key 'flatten'"):
        Config.read(path, None, {})


@pytest.mark.parametrize("host", [HOST, HOST + "/", HOST.removeprefix("https://")])
def test_the_host_is_completed(tmp_path: Path, host: str) -> None:
    assert read(tmp_path, "dev", {"DATABRICKS_HOST": host}).host == HOST


# Values out of range

OUT_OF_RANGE: dict[str, tuple[str, Any]] = {
    **{
        f"{name} {value!r}": (name, value)
        for name, least, most in [
            ("batch_size", 1, 10_000),
            ("batching_window_seconds", 0, 300),
            ("lambda_memory_mb", 128, 10_240),
            ("lambda_timeout_seconds", 30, 900),
            ("max_record_age_seconds", 60, 86_400),
            ("max_retries", -1, 10_000),
        ]
        for value in (least - 1, most + 1, str(most + 1), 1.5, True, "many", None, "", [1], "1\n")
    },
}


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_a_number_out_of_its_range_is_refused_with_the_range(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"target prod: {name} is .*, expected a whole number from -?[\d,]+ to [\d,]+"
    ):
        read(tmp_path, **{name: value})


@pytest.mark.parametrize("days", [0, 2, 31, 3654])
def test_a_retention_that_cloudwatch_does_not_offer_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(ConfigError, match="log_retention_days is"):
        read(tmp_path, log_retention_days=days)


def test_each_retention_of_cloudwatch_is_accepted(tmp_path: Path) -> None:
    path = write_bundle(tmp_path)
    for days in RETENTION_DAYS:
        found = Config.read(path, None, {"BUNDLE_VAR_log_retention_days": str(days)})
        assert found.log_retention_days == days


def test_a_large_batch_needs_a_window(tmp_path: Path) -> None:
    assert read(tmp_path, batch_size=10, batching_window_seconds=0).batch_size == 10
    with pytest.raises(ConfigError, match="a batch_size of more than 10 needs at least 1"):
        read(tmp_path, batch_size=11, batching_window_seconds=0)


def test_zero_retries_are_refused_with_the_valid_values(tmp_path: Path) -> None:
    assert read(tmp_path, max_retries=-1).max_retries == -1
    with pytest.raises(ConfigError, match=r"max_retries is 0, expected -1 .* or 1 to 10,000"):
        read(tmp_path, max_retries="0")


def test_variables_for_organisations_are_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        tags={"cost-centre": "42"},
        permissions_boundary="arn:aws:iam::123456789012:policy/limits",
        role_arn="arn:aws:iam::123456789012:role/team/ours",
        cloudformation_role_arn="arn:aws:iam::123456789012:role/cloudformation",
        subnet_ids=["subnet-0a1b2c3d"],
        security_group_ids=["sg-0a1b2c3d"],
        tracing="true",
    )
    assert (config.tags, config.subnet_ids, config.tracing) == ({"cost-centre": "42"}, ("subnet-0a1b2c3d",), True)


DEMANDS: dict[str, tuple[dict[str, Any], str]] = {
    "a tag of AWS": ({"tags": {"aws:x": "y"}}, "tags is .*begins with aws:"),
    "a tag that is a number": ({"tags": {"x": 1}}, "tags is .*names with texts"),
    "a tag of ours": ({"tags": {"target": "mine"}}, "no tag 'target', which is reserved"),
    "tags that are a list": ({"tags": ["x"]}, "tags is"),
    "a boundary that is a role": ({"permissions_boundary": "arn:aws:iam::123456789012:role/x"}, "ARN of a policy"),
    "a role that is a name": ({"role_arn": "ours"}, "role_arn is 'ours', expected the ARN of a role"),
    "a role that is a user": (
        {"cloudformation_role_arn": "arn:aws:iam::123456789012:user/x"},
        "cloudformation_role_arn is .*, expected the ARN of a role",
    ),
    "a subnet alone": ({"subnet_ids": ["subnet-0a1b2c3d"]}, "belong together"),
    "a security group alone": ({"security_group_ids": ["sg-0a1b2c3d"]}, "belong together"),
    "subnets in one text": ({"subnet_ids": "subnet-0a1b2c3d"}, "subnet_ids is .*a list of ids"),
    "tracing that is neither": ({"tracing": "perhaps"}, "tracing is 'perhaps', expected true or false"),
}


@pytest.mark.parametrize(("variables", "message"), DEMANDS.values(), ids=DEMANDS)
def test_invalid_variables_for_organisations_are_refused(
    tmp_path: Path, variables: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, **variables)


# Names, hostile ones among them

HOSTILE = {
    "empty": "",
    "a space": "a b",
    "quotes": "a\"b'c",
    "backticks": "`id`",
    "a line break": "a\nb",
    "up and away": "../../etc/",
    "an escape": "a\x1b[31mb",
    "NUL": "a\0b",
    "a star": "*",
    "an ARN": "arn:aws:s3:::b",
    "much too long": "x" * 100_000 + "/",
    "right to left": "a\u202eb",
    "a list": ["a"],
    "a number": 12,
}
NAMED = (
    "aws_region",
    "dynamodb_table",
    "function_name",
    "bucket",
    "landing_prefix",
    "quarantine_prefix",
    "archive_prefix",
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}, {kind}")
        for name in NAMED
        for kind, value in HOSTILE.items()
        # Without a table a developer's target can be read, not deployed.
        if (name, kind) != ("dynamodb_table", "empty")
    ],
)
def test_a_hostile_name_is_refused_in_one_short_line(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **{name: value})
    message = str(caught.value)
    assert name in message
    assert message.isprintable()
    assert len(message) < 500 + len(str(tmp_path))


def test_five_megabytes_are_refused_in_one_short_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bucket is 'xxx") as caught:
        read(tmp_path, environment={"BUNDLE_VAR_bucket": "x" * 5_000_000})
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("address", ["a", "a@b", "a b@example.com", "a@example.com, b@example.com", "a@exa\nmple.com"])
def test_an_invalid_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"alert_email is .*, expected an e-mail address, or nothing"):
        read(tmp_path, alert_email=address)


OVERLAPS: dict[str, dict[str, Any]] = {
    "the archive below the landing": {"archive_prefix": "telemetry/archive/"},
    "the landing below the archive": {"landing_prefix": "telemetry-archive/new/"},
    "the same twice": {"archive_prefix": "telemetry/"},
    "the quarantine below the archive": {"quarantine_prefix": "telemetry-archive/bad/"},
    "the on-failure destination": {"landing_prefix": "aws/"},
    "below the on-failure destination": {"archive_prefix": "aws/lambda/archive/"},
    "the code": {"archive_prefix": "lambda-code/archive/"},
}


@pytest.mark.parametrize("variables", OVERLAPS.values(), ids=OVERLAPS)
def test_prefixes_that_overlap_are_refused(tmp_path: Path, variables: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is inside"):
        read(tmp_path, **variables)


# Files that cannot be read

BROKEN: dict[str, tuple[bytes, str]] = {
    "not YAML": (b"targets: [", "is not YAML"),
    "not text": (b"\xff\xfe\x00", "is not UTF-8 text"),
    "a list": (b"- a", "is not a bundle"),
    "empty": (b"", "is not a bundle"),
    "no targets": (b"bundle: {name: x}", "has no default target"),
    "invalid targets": (b"targets: 7", "'targets' holds 7"),
    "invalid variables": (b"targets: {prod: }\nvariables: [1]", r"'variables' holds \[1\]"),
    "an invalid target": (b"targets: {prod: yes}", "'prod' holds True"),
    "no name": (b"targets: {prod: }", "bundle.name is None, expected text"),
    "no uuid": (b"bundle: {name: x}\ntargets: {prod: }", "bundle.uuid is None, expected text"),
    "no variables": (b"bundle: {name: x, uuid: y}\ntargets: {prod: }", "declares no variable 'developer'"),
    "a date that does not exist": (b"bundle: {name: x}\na: 2026-02-30", "is not YAML.*day is out of range"),
    "a number too long": (b"bundle: {name: x}\na: " + b"7" * 5000, "is not YAML.*4300 digits"),
    "a tag of Python's": (b"a: !!python/object/apply:os.system ['true']", "is not YAML"),
    "too deep": (b"a: " + b"[" * 5000, "is not YAML"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_not_a_bundle_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "databricks.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Config.read(path, None, {})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file.*give its path as --bundle"):
        Config.read(tmp_path / "no\nsuch.yml", None, {})


def test_an_unknown_target_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no target 'staging'; it has: dev, prod"):
        read(tmp_path, "staging")


@pytest.mark.parametrize("content", ["[", "[1]"], ids=["not JSON", "not an object"])
def test_invalid_overrides_are_refused(tmp_path: Path, content: str) -> None:
    folder = tmp_path / ".databricks/bundle/prod"
    folder.mkdir(parents=True)
    (folder / "variable-overrides.json").write_text(content)
    with pytest.raises(ConfigError, match=r"variable-overrides\.json"):
        read(tmp_path)


def test_the_bundle_is_found_here_or_in_a_parent_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_bundle(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert nearest_bundle() == path
