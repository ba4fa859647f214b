"""The doctor's judgement of each fact: its reason and its remedy."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.config import Config
from lambda_deploy.doctor.aws_checks import lets_decrypt
from lambda_deploy.doctor.checks import CheckResult, check
from lambda_deploy.doctor.facts import BucketFacts, Findings, StarterFacts, TableFacts, TableKeyFacts, Unseen
from lambda_deploy.lakehouse import Job
from lambda_deploy.mappings import StreamMapping
from support.aws_account import BUCKET, FUNCTION, HOST, JOB, write_bundle

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}-eu-west-1"
STREAM = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/chargeminder-car-telemetry/stream/2025-10-01T08:00:00.000"
MAPPING = StreamMapping("0b1c2d3e", FUNCTION, STREAM, "Enabled", "OK")
OTHER = replace(MAPPING, uuid="other", function="other")
OLDER = replace(MAPPING, uuid="older", source=STREAM.replace("2025", "2024"))
TABLE = TableFacts((("event_id", "HASH"),), STREAM, "NEW_AND_OLD_IMAGES")
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d"
ALLOWS: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
CLOSED_BUCKET = BucketFacts("eu-west-1", "AES256", is_closed=True)
THE_JOB = Job(JOB, "flatten", "periodic", False, 1, frozenset(["app-1"]), {})
SEEN = Findings(
    other_targets={},
    account=ACCOUNT,
    role_arn=ROLE,
    skew_seconds=0.4,
    table=TABLE,
    table_key=TableKeyFacts(KEY, "Enabled", (ALLOWS,)),
    bucket=CLOSED_BUCKET,
    readers=(MAPPING,),
    mappings=(MAPPING,),
    oldest_seconds=2.5,
    older_pipelines=(),
    starter=None,
    workspace="jo.smith@example.com",
    jobs=(THE_JOB,),
)
UNSEEN = Unseen("reading it: AccessDenied")


def config(folder: Path, target: str | None = None, **variables: Any) -> Config:
    return Config.read(write_bundle(folder, **variables), target, {"DATABRICKS_HOST": HOST})


def line(made: Config, name: str, **facts: Any) -> CheckResult:
    [found] = [one for one in check(made, replace(SEEN, **facts)) if one.check == name]
    return found


def test_without_problems_each_line_is_ok_with_its_facts(tmp_path: Path) -> None:
    found = check(config(tmp_path), SEEN)
    assert [one for one in found if one.verdict != "ok"] == []
    assert all(one.reason and not one.cure for one in found)


@pytest.mark.parametrize(
    ("name", "facts", "verdict", "reason", "cure"),
    [
        ("credentials", {"account": Unseen("the credentials have expired")}, "problem", "expired", "nothing else"),
        ("clock", {"skew_seconds": -95.0}, "warning", "95 s behind", "set the clock"),
        ("clock", {"skew_seconds": 1_000.0}, "problem", "1000 s ahead of", "set the clock"),
        ("table key", {"table": None}, "problem", "does not exist", "databricks.yml"),
        (
            "table key",
            {"table": replace(TABLE, key=(("vin`'\n", "HASH"), ("at", "RANGE")))},
            "warning", "vin`'\n (HASH), at (RANGE): two items with the same event_id become one row", "unique event_id",
        ),
        ("stream", {"table": None}, "problem", "does not exist", "`table key`"),
        ("stream", {"table": replace(TABLE, stream_arn=None)}, "problem", "off", "stream-lambda deploy -t prod"),
        ("stream", {"table": replace(TABLE, view_type="NEW_IMAGE")}, "warning", "works", "which loses the changes"),
        ("stream", {"table": replace(TABLE, view_type="KEYS_ONLY")}, "problem", "new image", "which loses the changes"),
        ("stream", {"table": replace(TABLE, view_type="OLD_IMAGE")}, "problem", "new image", "which loses the changes"),
        ("encryption of the table", {"table_key": None}, "ok", "no customer-managed key", ""),
        (
            "encryption of the table",
            {"table_key": TableKeyFacts(KEY, "PendingDeletion", (ALLOWS,))},
            "problem", "is PendingDeletion", "enable the key",
        ),
        (
            "encryption of the table",
            {"table_key": TableKeyFacts(KEY, "Enabled", ())},
            "problem", f"does not let {ROLE} decrypt", '"kms:Decrypt"',
        ),
        ("bucket", {"bucket": None}, "problem", "another account", "--create-bucket"),
        ("bucket", {"bucket": replace(CLOSED_BUCKET, region="us-east-1")}, "problem", "in us-east-1", "aws_region"),
        ("bucket", {"bucket": replace(CLOSED_BUCKET, is_closed=False)}, "warning", "public access", "owner"),
        ("bucket", {"bucket": replace(CLOSED_BUCKET, encryption="")}, "warning", "no default encryption", "owner"),
        ("readers", {"readers": (MAPPING, OTHER)}, "ok", "shared with other; readers of other accounts", ""),
        ("readers", {"readers": (MAPPING, OTHER, replace(OTHER, uuid="u3"))}, "problem", "throttle", "--uuid u3"),
        ("readers", {"readers": (OTHER, replace(OTHER, state="Disabled"))}, "ok", "shared with other;", ""),
        ("mapping", {"mappings": ()}, "problem", "no mapping", "stream-lambda deploy -t prod"),
        ("mapping", {"mappings": (OLDER,)}, "problem", "no mapping", "stream-lambda deploy -t prod"),
        ("mapping", {"mappings": (OLDER, MAPPING)}, "warning", "an older stream", "a day after"),
        ("mapping", {"mappings": (replace(MAPPING, state="Disabled"),)}, "problem", "lost after 24 hours", "deploy"),
        ("mapping", {"mappings": (replace(MAPPING, state="Enabling"),)}, "warning", "not ready yet", "in a minute"),
        ("mapping", {"mappings": (replace(MAPPING, last_result="PROBLEM: x"),)}, "problem", "PROBLEM: x", "logs tail"),
        ("iterator age", {"oldest_seconds": None}, "ok", "no record", ""),
        ("iterator age", {"oldest_seconds": 1_801.0}, "warning", "1,801 s old", "docs/troubleshooting.md"),
        ("iterator age", {"oldest_seconds": 41_401.0}, "problem", "at 82,800 s it is discarded", "troubleshooting.md"),
        ("older pipelines", {"older_pipelines": ("function x",)}, "warning", "function x", "migrate -t prod"),
        ("federation", {"starter": StarterFacts("federation is off", "app-1")}, "problem", "issue", "enable-outbound"),
        ("federation", {"starter": StarterFacts("federation", "app-1")}, "ok", "switched on", ""),
        ("federation", {"starter": StarterFacts("secret", "app-1")}, "ok", "not used", ""),
        ("workspace", {"workspace": None}, "warning", "no workspace is set", "workspace.host"),
        ("workspace", {"workspace": Unseen("token ended")}, "problem", "token ended", "nothing else"),
        ("job", {"jobs": None}, "warning", "no workspace", "`workspace`"),
        ("job", {"jobs": ()}, "problem", "no job 'flatten'", "bundle deploy -t prod"),
        ("job", {"jobs": (THE_JOB, replace(THE_JOB, job_id=7))}, "problem", f"({JOB}, 7)", "jobs delete"),
        ("job", {"jobs": (replace(THE_JOB, max_concurrent_runs=4),)}, "problem", "4 runs", "bundle deploy"),
        ("job", {"jobs": (replace(THE_JOB, starts=None),)}, "problem", "nothing starts it", "bundle deploy"),
        ("job", {"jobs": (replace(THE_JOB, paused=True),)}, "problem", "periodic is paused", "bundle deploy"),
        ("right to start the job", {"starter": StarterFacts("nothing", None)}, "problem", "no secret", "set -t prod"),
        ("right to start the job", {"starter": StarterFacts("token", None)}, "ok", "a token", ""),
        ("right to start the job", {"starter": StarterFacts("secret", "app-1")}, "ok", "app-1 may start", ""),
        ("right to start the job", {"starter": StarterFacts("secret", "a"), "jobs": ()}, "warning", "single", "`job`"),
        *[(name, {fact: UNSEEN}, "warning", "AccessDenied", "ask") for name, fact in (
            ("clock", "skew_seconds"), ("table key", "table"), ("stream", "table"), ("bucket", "bucket"),
            ("encryption of the table", "table_key"), ("mapping", "mappings"), ("mapping", "table"),
            ("readers", "readers"), ("iterator age", "oldest_seconds"), ("older pipelines", "older_pipelines"),
            ("federation", "starter"), ("job", "jobs"), ("right to start the job", "starter"),
        )],
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)  # fmt: skip
def test_a_problem_is_reported_with_a_remedy(
    tmp_path: Path, name: str, facts: dict[str, Any], verdict: str, reason: str, cure: str
) -> None:
    found = line(config(tmp_path), name, **facts)
    assert found.verdict == verdict
    assert reason in found.reason
    assert cure in found.cure
    assert bool(found.cure) is (verdict != "ok")


@pytest.mark.parametrize(
    ("facts", "name", "entrance"),
    [
        ({"account": Unseen("no login"), "bucket": Unseen("no login")}, "bucket", "credentials"),
        ({"workspace": Unseen("no login"), "jobs": Unseen("no login")}, "job", "workspace"),
    ],
    ids=["AWS", "Databricks"],
)
def test_without_access_the_other_lines_name_the_line_with_the_reason(
    tmp_path: Path, facts: dict[str, Any], name: str, entrance: str
) -> None:
    found = line(config(tmp_path), name, **facts)
    assert (found.verdict, found.reason, found.cure) == (
        "warning",
        "could not be checked",
        f"see the line `{entrance}`",
    )


def test_a_job_that_databricks_yml_pauses_is_a_warning(tmp_path: Path) -> None:
    start = {"periodic": {"interval": 5, "unit": "MINUTES"}, "pause_status": "PAUSED"}
    found = line(config(tmp_path, start=start), "job", jobs=(replace(THE_JOB, paused=True),))
    assert (found.verdict, found.cure) == ("warning", "databricks bundle run -t prod flatten")


def test_the_command_that_gives_the_permission_to_start_is_complete(tmp_path: Path) -> None:
    found = line(config(tmp_path), "right to start the job", starter=StarterFacts("secret", "app-9"))
    *command, body = shlex.split(found.cure)
    assert command == ["databricks", "permissions", "update", "jobs", str(JOB), "--json"]
    entry = {"service_principal_name": "app-9", "permission_level": "CAN_MANAGE_RUN"}
    assert json.loads(body) == {"access_control_list": [entry]}


@pytest.mark.parametrize(
    ("landing", "archive", "verdict"),
    [
        ("jo/telemetry/", "jo/archive/", "ok"),
        ("telemetry/jo/", "jo/archive/", "problem"),
        ("jo/telemetry/", "telemetry/", "problem"),
        ("t/", "telemetry-archive/x/", "problem"),
    ],
)
def test_no_prefix_of_another_target_overlaps_ours(tmp_path: Path, landing: str, archive: str, verdict: str) -> None:
    made = config(tmp_path)
    other = replace(made, target="dev", landing_prefix=landing, archive_prefix=archive, quarantine_prefix="q/")
    found = line(made, "other targets", other_targets={"dev": other})
    assert found.verdict == verdict
    assert "dev" in found.reason
    elsewhere = replace(other, bucket="another-bucket")
    assert line(made, "other targets", other_targets={"dev": elsewhere}).verdict == "ok"


def test_a_target_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    found = line(config(tmp_path), "other targets", other_targets={"dev": "bucket is 7"})
    assert (found.verdict, found.reason) == ("warning", "could not be compared: dev (bucket is 7)")


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([ALLOWS], True),
        ([{**ALLOWS, "Principal": {"AWS": ACCOUNT}}], True),
        ([{**ALLOWS, "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "x"]}, "Action": "kms:*"}], True),
        ([{**ALLOWS, "Principal": "*", "Action": ["kms:Encrypt", "kms:D*"]}], True),
        ([{**ALLOWS, "Action": "kms:Encrypt"}], False),
        ([{**ALLOWS, "Principal": {"AWS": ROLE + "-other"}}], False),
        ([{**ALLOWS, "Principal": {"Service": "dynamodb.amazonaws.com"}}], False),
        ([ALLOWS, {**ALLOWS, "Effect": "Deny", "Principal": "*"}], False),
        ([], False),
    ],
    ids=["role", "account", "root", "everybody", "another action", "another role", "service", "denied", "nothing"],
)
def test_a_keys_policy_lets_the_role_decrypt(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert lets_decrypt(statements, ROLE) is allowed


def test_the_bucket_is_named(tmp_path: Path) -> None:
    assert BUCKET in line(config(tmp_path), "bucket").reason
