"""The doctor's judgement: each fact that is not as it should be, what is said of it, and what mends it."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.config import Config
from lambda_deploy.doctor import Line, has_problem
from lambda_deploy.doctor_checks import check_cloud
from lambda_deploy.doctor_job_checks import check_house
from lambda_deploy.doctor_seen import Cloud, Function, House, Job, Need, Neighbour, Secret, Table, Unseen
from lambda_deploy.status import StreamMapping
from support.aws_account import BUCKET, FUNCTION, HOST, JOB, write_bundle

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/chargeminder-car-telemetry/stream/2025-10-01T08:00:00.000"
MAPPING = StreamMapping("0b1c2d3e", FUNCTION, STREAM, "Enabled", "OK")
OTHER = replace(MAPPING, uuid="other", function="other")
TABLE = Table((("event_id", "HASH"),), STREAM, "NEW_AND_OLD_IMAGES")
CLOUD = Cloud(
    other_targets={},
    account="123456789012",
    skew_seconds=0.4,
    table=TABLE,
    bucket_region="eu-west-1",
    function=Function("Active", "arn:aws:iam::123456789012:role/r", None),
    mappings=(MAPPING,),
    denied=(),
    oldest_seconds=2.5,
    secret=Secret(("client_id", "client_secret"), "app-1"),
    neighbours=(Neighbour("other", ("elsewhere/",)),),
    leftovers=(),
    waiting=0,
)
THE_JOB = Job(JOB, "flatten", "periodic", False, 1, frozenset(["app-1"]), {"--discovery": "listing"})
PLACE = f"s3://{BUCKET}"
HOUSE = House(
    user="jo.smith@example.com",
    jobs=(THE_JOB,),
    external_locations=(PLACE,),
    volumes={
        "main.telemetry_ops.landing": f"{PLACE}/telemetry/",
        "main.telemetry_ops.archive": f"{PLACE}/telemetry-archive",
        "main.telemetry_ops.quarantine": f"{PLACE}/telemetry-quarantine/",
    },
)
ASLEEP = Unseen("reading it: AccessDenied")


def config(folder: Path, target: str | None = None, **variables: Any) -> Config:
    return Config.read(write_bundle(folder, **variables), target, {"DATABRICKS_HOST": HOST})


def lines(made: Config, cloud: Cloud = CLOUD, house: House | None = HOUSE) -> dict[str, Line]:
    return {line.check: line for line in check_cloud(made, cloud) + check_house(made, cloud, house)}


def test_where_all_is_well_each_line_is_ok_and_says_what_was_seen(tmp_path: Path) -> None:
    found = lines(config(tmp_path))
    assert {name: line.verdict for name, line in found.items() if line.verdict != "ok"} == {}
    assert all(line.reason and not line.mend for line in found.values())
    assert not has_problem(found.values())


@pytest.mark.parametrize(
    ("check", "spoilt", "verdict", "reason", "mend"),
    [
        ("credentials", {"account": Unseen("the credentials have expired")}, "problem", "expired", "aws sts"),
        ("clock", {"skew_seconds": -95.0}, "warning", "95 s behind", "set the clock"),
        ("clock", {"skew_seconds": 1_000.0}, "problem", "1000 s ahead of", "set the clock"),
        ("table key", {"table": None}, "problem", "there is no table", "databricks.yml"),
        (
            "table key",
            {"table": Table((("vin`'\n", "HASH"), ("at", "RANGE")), STREAM, "NEW_IMAGE")},
            "problem",
            "vin`'\n (HASH), at (RANGE)",
            "whose key is event_id alone",
        ),
        ("stream", {"table": Table((("event_id", "HASH"),), None, None)}, "problem", "off", "stream-lambda deploy"),
        ("stream", {"table": replace(TABLE, view_type="NEW_IMAGE")}, "warning", "works", "which loses what"),
        ("stream", {"table": replace(TABLE, view_type="KEYS_ONLY")}, "problem", "new image", "which loses what"),
        ("stream", {"table": replace(TABLE, view_type="OLD_IMAGE")}, "problem", "new image", "which loses what"),
        ("bucket", {"bucket_region": None}, "problem", "another account's", "set bucket"),
        ("bucket", {"bucket_region": "us-east-1"}, "problem", "is in us-east-1", "aws_region"),
        ("neighbours", {"neighbours": (Neighbour("n", ("telemetry/x/",)),)}, "problem", "function n", "developer"),
        ("neighbours", {"neighbours": (Neighbour("n", ("tel/", "telemetry-quarantine/")),)}, "problem", "n", "remove"),
        ("function", {"function": None}, "problem", f"no function {FUNCTION}", "stream-lambda deploy"),
        ("function", {"function": Function("Failed", "r", None)}, "problem", "Failed", "stream-lambda deploy"),
        ("function", {"function": Function("Active", "r", "arn:q")}, "warning", "does nothing for streams", "deploy"),
        ("permissions", {"denied": (Need("s3:PutObject", "arn:b/x"),)}, "problem", "s3:PutObject on arn:b/x", "deploy"),
        ("permissions", {"function": None}, "warning", "no role", "deploy"),
        ("mapping", {"mappings": (OTHER,)}, "problem", "no mapping", "stream-lambda deploy"),
        ("mapping", {"mappings": (replace(MAPPING, state="Disabled"),)}, "problem", "lost after 24 hours", "deploy"),
        ("mapping", {"mappings": (replace(MAPPING, state="Enabling"),)}, "warning", "not ready yet", "in a minute"),
        ("mapping", {"mappings": (replace(MAPPING, last_result="PROBLEM: x"),)}, "problem", "PROBLEM: x", "logs"),
        ("readers", {"mappings": (MAPPING, OTHER)}, "ok", "shared with other", ""),
        ("readers", {"mappings": (MAPPING, OTHER, replace(OTHER, uuid="u3"))}, "problem", "throttle", "--uuid u3"),
        ("iterator age", {"oldest_seconds": None}, "ok", "no record", ""),
        ("iterator age", {"oldest_seconds": 901.0}, "warning", "901 s old", "docs/runbook.md"),
        ("iterator age", {"oldest_seconds": 21_601.0}, "problem", "at 43,200 s it is given up", "docs/runbook.md"),
        ("two-Lambda pipeline", {"leftovers": ("function old",)}, "warning", "function old", "stream-lambda migrate"),
        ("failed records", {"waiting": 7}, "warning", "7 objects", "stream-lambda redrive"),
        *[(name, {field: ASLEEP}, "warning", "AccessDenied", "ask") for name, field in (
            ("clock", "skew_seconds"), ("table key", "table"), ("stream", "table"), ("bucket", "bucket_region"),
            ("function", "function"), ("permissions", "denied"), ("mapping", "mappings"), ("readers", "mappings"),
            ("iterator age", "oldest_seconds"), ("neighbours", "neighbours"), ("two-Lambda pipeline", "leftovers"),
            ("failed records", "waiting"),
        )],
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)  # fmt: skip
def test_what_is_wrong_in_aws_is_said_with_its_cure(
    tmp_path: Path, check: str, spoilt: dict[str, Any], verdict: str, reason: str, mend: str
) -> None:
    line = lines(config(tmp_path), replace(CLOUD, **spoilt))[check]
    assert line.verdict == verdict
    assert reason in line.reason
    assert mend in line.mend
    assert bool(line.mend) is (verdict != "ok")


@pytest.mark.parametrize(
    ("found", "verdict", "reason"),
    [
        (Secret(("token",), None), "ok", "has token"),
        (Secret(("client_id", "client_secret"), "app-1"), "ok", "has client_id and client_secret"),
        (Secret(("client_id",), "app-1"), "problem", "is not JSON with"),
        (Secret((), None), "problem", "is not JSON with"),
        (None, "problem", "there is no secret"),
        (ASLEEP, "warning", "AccessDenied"),
    ],
    ids=["token", "client", "half", "not JSON", "none", "unseen"],
)
def test_the_secret_is_looked_at_where_the_lambda_starts_the_job(
    tmp_path: Path, found: Any, verdict: str, reason: str
) -> None:
    made = config(tmp_path, lambda_starts_job=True)
    line = lines(made, replace(CLOUD, secret=found))["secret"]
    assert line.verdict == verdict
    assert reason in line.reason


def test_without_a_trigger_no_secret_is_needed(tmp_path: Path) -> None:
    assert lines(config(tmp_path), replace(CLOUD, secret=None))["secret"].verdict == "ok"


@pytest.mark.parametrize(
    ("check", "spoilt", "verdict", "reason", "mend"),
    [
        ("job", {"jobs": ()}, "problem", "there is no job 'flatten'", "bundle deploy"),
        ("job", {"jobs": (THE_JOB, replace(THE_JOB, job_id=7))}, "problem", f"({JOB}, 7)", "databricks jobs delete"),
        ("start of the job", {"jobs": ()}, "warning", "no job", "see the line"),
        ("start of the job", {"jobs": (replace(THE_JOB, max_concurrent_runs=4),)}, "problem", "4 runs", "deploy"),
        ("start of the job", {"jobs": (replace(THE_JOB, starts=None),)}, "problem", "nothing starts it", "deploy"),
        ("start of the job", {"jobs": (replace(THE_JOB, paused=True),)}, "problem", "says that it is not", "deploy"),
        ("external location", {"external_locations": ()}, "problem", "no external location", "bundle run storage"),
        ("external location", {"external_locations": (f"{PLACE}/tele",)}, "problem", "telemetry/", "storage"),
        ("volumes", {"volumes": {}}, "problem", "telemetry-archive/", "bundle deploy"),
        ("volumes", {"volumes": {"v": f"{PLACE}/telemetry/"}}, "problem", "telemetry-quarantine/", "bundle deploy"),
        ("job", {"jobs": ASLEEP}, "warning", "AccessDenied", "ask"),
        ("start of the job", {"jobs": ASLEEP}, "warning", "AccessDenied", "ask"),
        ("external location", {"external_locations": ASLEEP}, "warning", "AccessDenied", "ask"),
        ("volumes", {"volumes": ASLEEP}, "warning", "AccessDenied", "ask"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_workspace_is_said_with_its_cure(
    tmp_path: Path, check: str, spoilt: dict[str, Any], verdict: str, reason: str, mend: str
) -> None:
    line = lines(config(tmp_path), house=replace(HOUSE, **spoilt))[check]
    assert line.verdict == verdict
    assert reason in line.reason
    assert mend in line.mend


def test_a_workspace_that_does_not_answer_is_the_only_line_of_its_kind(tmp_path: Path) -> None:
    silent = Unseen("no answer (ConnectTimeout)")
    found = check_house(config(tmp_path), CLOUD, House(silent, silent, silent, silent))
    assert [(line.check, line.verdict, line.mend) for line in found] == [
        ("workspace", "problem", "databricks auth login")
    ]


def test_without_a_workspace_the_doctor_warns(tmp_path: Path) -> None:
    [line] = check_house(config(tmp_path), CLOUD, None)
    assert (line.check, line.verdict) == ("workspace", "warning")


PAUSED = replace(HOUSE, jobs=(replace(THE_JOB, paused=True),))


def test_a_paused_schedule_is_a_problem_where_the_lambda_starts_the_job(tmp_path: Path) -> None:
    line = lines(config(tmp_path, lambda_starts_job=True), house=PAUSED)["start of the job"]
    assert (line.verdict, "never made up for" in line.reason) == ("problem", True)


def test_a_schedule_that_is_paused_as_written_is_a_warning(tmp_path: Path) -> None:
    line = lines(config(tmp_path, "dev"), house=PAUSED)["start of the job"]
    assert (line.verdict, line.mend) == ("warning", "databricks bundle run -t dev flatten")


@pytest.mark.parametrize(
    ("starts", "discovery", "verdict"),
    [(True, "file-events", "problem"), (True, "listing", "ok"), (False, "file-events", "ok")],
)
def test_file_events_may_lag_behind_a_run_that_the_lambda_starts(
    tmp_path: Path, starts: bool, discovery: str, verdict: str
) -> None:
    house = replace(HOUSE, jobs=(replace(THE_JOB, options={"--discovery": discovery}),))
    assert lines(config(tmp_path, lambda_starts_job=starts), house=house)["discovery"].verdict == verdict


@pytest.mark.parametrize(
    ("client_id", "secret", "verdict"),
    [
        ("app-1", None, "ok"),
        ("app-2", None, "problem"),
        ("", Secret(("client_id", "client_secret"), "app-1"), "ok"),
        ("", Secret(("client_id", "client_secret"), "app'2"), "problem"),
        ("", Secret(("token",), None), "warning"),
        ("", ASLEEP, "warning"),
    ],
    ids=["may", "may not", "of the secret", "of the secret, may not", "token", "unseen"],
)
def test_the_service_principal_must_be_allowed_to_start_the_job(
    tmp_path: Path, client_id: str, secret: Any, verdict: str
) -> None:
    made = config(tmp_path, lambda_starts_job=True, lambda_client_id=client_id)
    line = lines(made, replace(CLOUD, secret=secret))["service principal"]
    assert line.verdict == verdict
    if verdict == "problem":
        *_, grant = shlex.split(line.mend)
        who = client_id or secret.client_id
        entry = {"service_principal_name": who, "permission_level": "CAN_MANAGE_RUN"}
        assert json.loads(grant) == {"access_control_list": [entry]}


@pytest.mark.parametrize(
    ("prefixes", "verdict"),
    [
        (("telemetry/", "a/", "q/"), "problem"),
        (("telemetry/deeper/", "a/", "q/"), "problem"),
        (("l/", "telemetry-archive/", "q/"), "problem"),
        (("telemetr/", "a/", "q/"), "ok"),
    ],
    ids=["the same", "below", "landing in archive", "only alike"],
)
def test_another_target_may_have_no_prefix_of_ours(
    tmp_path: Path, prefixes: tuple[str, str, str], verdict: str
) -> None:
    names = ("landing_prefix", "archive_prefix", "quarantine_prefix")
    other = config(tmp_path, function_name="another", **dict(zip(names, prefixes, strict=True)))
    ours = config(tmp_path)
    line = lines(ours, replace(CLOUD, other_targets={"dev": other}))["other targets"]
    assert line.verdict == verdict
    assert ("target dev" in line.reason) is (verdict == "problem")


def test_a_target_with_the_same_function_is_another_form_of_this_one(tmp_path: Path) -> None:
    made = config(tmp_path)
    line = lines(made, replace(CLOUD, other_targets={"classic": made}))["other targets"]
    assert (line.verdict, "classic has the same function" in line.reason) == ("ok", True)


def test_a_target_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    line = lines(config(tmp_path), replace(CLOUD, other_targets={"dev": "batch_size is 0"}))["other targets"]
    assert (line.verdict, "dev (batch_size is 0)" in line.reason) == ("warning", True)


def test_the_same_prefix_in_another_bucket_is_no_overlap(tmp_path: Path) -> None:
    ours, other = config(tmp_path), config(tmp_path, bucket="another-bucket")
    line = lines(ours, replace(CLOUD, other_targets={"dev": other}))["other targets"]
    assert line.verdict == "ok"
