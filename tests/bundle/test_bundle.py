"""Every target of the bundle is valid, and each mistake is found."""

import copy
import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flatten import __version__
from support.bundle import (
    GIVEN,
    PRINCIPAL,
    ROOT,
    TARGETS,
    Bundle,
    BundleError,
    Documents,
    given_for,
    load,
    read_documents,
)
from support.bundle_checks import TYPES, mistakes, unmatched

DOCUMENTS = read_documents()
FILES = frozenset(
    {f"dist/flatten-{__version__}-py3-none-any.whl"}
    | {str(path.relative_to(ROOT)) for path in (ROOT / "resources").iterdir()}
)


def of(target: str, documents: Documents = DOCUMENTS, **variables: Any) -> Bundle:
    return load(target, documents, given_for(target) | variables, FILES)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_has_no_mistakes(target: str) -> None:
    assert mistakes(of(target)) == []


@pytest.mark.parametrize("target", TARGETS)
def test_every_resource_has_a_type_of_databricks(target: str) -> None:
    found = of(target).settings["resources"]
    assert {kind: sorted(found[kind]) for kind in found} == {
        "alerts": ["freshness", "incomplete_files", "quarantined_lines"],
        "dashboards": ["fleet", "pipeline"],
        "jobs": ["backfill", "check", "flatten", "maintain", "redrive", "replay", "smoke"],
        "schemas": ["telemetry", "telemetry_ops"],
        "volumes": ["archive", "landing", "quarantine", "state"],
    }
    for kind, resources in found.items():
        for resource in resources.values():
            assert isinstance(TYPES[kind].from_dict(resource), TYPES[kind])


def test_each_file_of_resources_has_one_resource_and_its_name() -> None:
    kinds = {"alert": "alerts", "dashboard": "dashboards", "job": "jobs", "schema": "schemas", "volume": "volumes"}
    for name in DOCUMENTS.keys() - {"databricks.yml"}:
        key, kind, _ = Path(name).name.split(".")
        assert {kinds[kind]: [key]} == {each: list(found) for each, found in DOCUMENTS[name]["resources"].items()}


def put(path: str, value: Any, file: str = "resources/flatten.job.yml") -> Callable[[Documents], None]:
    """Return a function that sets a value; an empty step appends to a list, `None` removes."""

    def change(documents: Documents) -> None:
        found: Any = documents[file]
        *steps, last = path.split("/")
        for step in steps:
            found = found[int(step) if isinstance(found, list) else step]
        if isinstance(found, list):
            found.append(value) if last == "+" else found.__setitem__(int(last), value)
        elif value is None:
            del found[last]
        else:
            found[last] = value

    return change


FLATTEN, MAIN = "resources/jobs/flatten", "databricks.yml"
MAINTAIN = ("resources/jobs/maintain/", "resources/maintain.job.yml")
CRON = {"quartz_cron_expression": "0 0/5 * * * ?", "timezone_id": "UTC"}
ARRIVAL = {"url": "/Volumes/main/x/y/"}
PAUSED = {"periodic": {"interval": 1, "unit": "HOURS"}, "pause_status": "PAUSED"}
EVERY = {"interval": 5, "unit": "MINUTES"}
WHEEL = f"{FLATTEN}/tasks/0/python_wheel_task"
SERVERLESS = "targets/dev/resources/jobs/flatten"
BROKEN = [
    ("schedule and trigger", put(f"{FLATTEN}/schedule", CRON), "one_start: flatten has ['schedule', 'trigger']"),
    ("continuous as well", put(f"{FLATTEN}/continuous", {"pause_status": "PAUSED"}), "'trigger', 'continuous']"),
    ("no start", put(f"{FLATTEN}/trigger", None), "one_start: flatten has nothing to start it"),
    (
        "two kinds in one trigger",
        put("variables/start/default", {"periodic": EVERY, "file_arrival": ARRIVAL}, MAIN),
        "one_start: the trigger of flatten has ['periodic', 'file_arrival']",
    ),
    ("no kind in a trigger", put("variables/start/default", {}, MAIN), "the trigger of flatten has no kind"),
    ("five fields", put(MAINTAIN[0] + "schedule/quartz_cron_expression", "0 3 * * *", MAINTAIN[1]), "5 fields"),
    ("hour 24", put(MAINTAIN[0] + "schedule/quartz_cron_expression", "0 0 24 * * ?", MAINTAIN[1]), "'24' is no hours"),
    ("both days", put(MAINTAIN[0] + "schedule/quartz_cron_expression", "0 0 3 * * *", MAINTAIN[1]), "must be ?"),
    ("a word", put(MAINTAIN[0] + "schedule/quartz_cron_expression", "0 0 3 ? * XYZ", MAINTAIN[1]), "no day of week"),
    (
        "time zone",
        put(MAINTAIN[0] + "schedule/timezone_id", "Mars/Olympus", MAINTAIN[1]),
        "'Mars/Olympus' is no time zone",
    ),
    (
        "cron of an alert",
        put(
            "resources/alerts/freshness/schedule/quartz_cron_schedule", "0 61 * * * ?", "resources/freshness.alert.yml"
        ),
        "'61' is no minutes",
    ),
    (
        "unknown environment",
        put(f"{SERVERLESS}/tasks/0/environment_key", "other", MAIN),
        "compute: flatten.run names the unknown environment other",
    ),
    ("no compute", put(f"{SERVERLESS}/tasks/0/environment_key", None, MAIN), "flatten.run names no compute"),
    (
        "two computes",
        put(f"{SERVERLESS}/tasks/0/job_cluster_key", "one_machine", MAIN),
        "flatten.run names ['environment flatten', 'cluster one_machine']",
    ),
    (
        "a task twice",
        put(f"{FLATTEN}/tasks/+", DOCUMENTS["resources/flatten.job.yml"]["resources"]["jobs"]["flatten"]["tasks"][0]),
        "tasks: flatten has the task run 2 times",
    ),
    (
        "depends on nothing",
        put(MAINTAIN[0] + "tasks/1/depends_on/0/task_key", "gone", MAINTAIN[1]),
        "tasks: maintain.views depends on gone, which is missing",
    ),
    (
        "wheel that nobody builds",
        put(f"{SERVERLESS}/environments/0/spec/dependencies/0", "./build/*.whl", MAIN),
        "wheels: flatten: no file is ./build/*.whl",
    ),
    ("no wheel", put(f"{SERVERLESS}/environments/0/spec/dependencies", [], MAIN), "flatten is given no wheel"),
    ("entry point", put(f"{WHEEL}/entry_point", "main"), "no entry point main of flatten"),
    ("package", put(f"{WHEEL}/package_name", "telemetry"), "no entry point flatten of telemetry"),
    ("unknown command", put(f"{WHEEL}/parameters/0", "start"), "commands: flatten.run: no command 'start'"),
    ("unknown option", put(f"{WHEEL}/parameters/+", "--speed=9"), "No such option"),
    (
        "a parameter that the job lacks",
        put("resources/jobs/replay/parameters", [], "resources/replay.job.yml"),
        "commands: replay.replay: no command 'from'",
    ),
    (
        "a default that is no date",
        put("resources/jobs/replay/parameters/0/default", "soon", "resources/replay.job.yml"),
        "'soon' is not a date",
    ),
    ("option missing", put(f"{WHEEL}/parameters/1", "--on-delete"), "Invalid value for '--on-delete'"),
    ("number", put("variables/max_files/default", 1000, MAIN), "commands: flatten.run: 1000 is not text"),
    ("bad value", put("variables/discovery/default", "guess", MAIN), "'guess' is not one of"),
    ("bad compaction", put("variables/compaction/default", "--squeeze", MAIN), "No such option"),
    ("unknown field", put(f"{FLATTEN}/retries", 3), "typed: jobs.flatten"),
    (
        "unknown word",
        put("variables/start/default", {"periodic": {"interval": 5, "unit": "MONTHS"}}, MAIN),
        "typed: jobs.flatten",
    ),
    (
        "unknown privilege",
        put("variables/table_grants/default/0/privileges/0", "LOOK", MAIN),
        "typed: schemas.telemetry",
    ),
    (
        "missing field",
        put("resources/alerts/freshness/query_text", None, "resources/freshness.alert.yml"),
        "typed: alerts.freshness",
    ),
    (
        "one key for two resources",
        put("resources/dashboards/landing", {"file_path": "./fleet.lvdash.json"}, "resources/fleet.dashboard.yml"),
        "unique_keys: landing is the key of dashboards and volumes",
    ),
    ("a script's key", put("scripts/flatten", {"content": "true"}, MAIN), "flatten is the key of jobs and scripts"),
    ("half a reference", put(f"{FLATTEN}/description", "${var.table"), "resolved: '${var.table' is not resolved"),
    (
        "dashboard without a file",
        put("resources/dashboards/fleet/file_path", "./gone.lvdash.json", "resources/fleet.dashboard.yml"),
        "dashboards: fleet: there is no resources/gone.lvdash.json",
    ),
    ("one place inside another", put("variables/archive_prefix/default", "telemetry/old/", MAIN), "archive is inside"),
    ("two slashes", put("variables/landing_prefix/default", "telemetry//", MAIN), "must end in one slash"),
    ("no slash", put("variables/landing_prefix/default", "telemetry", MAIN), "must end in one slash"),
    (
        "a prefix without its slash",
        put("variables/archive_prefix/default", "old", MAIN),
        "raw/old must end in one slash",
    ),
    ("an invalid number", put("variables/freshness_minutes/default", "abc", MAIN), "freshness_minutes is 'abc'"),
    ("an unknown discovery", put("variables/discovery/default", "listings", MAIN), "values: discovery is 'listings'"),
    (
        "a zero that YAML dropped",
        put("variables/warehouse_id/default", 123456789012345, MAIN),
        "values: warehouse_id is 1234",
    ),
    (
        "the Lambda starts a paused job",
        put("targets/prod/variables", {"lambda_starts_job": True, "start": PAUSED}, MAIN),
        "started_by_the_lambda: lambda_starts_job needs a start that is not paused",
    ),
    (
        "operators may write",
        put("targets/prod/resources/schemas/telemetry_ops/grants/0/privileges/+", "MODIFY", MAIN),
        "kept_apart: telemetry-operators may do more than read telemetry_ops",
    ),
    (
        "permissions twice",
        put("variables/job_permissions/default/+", {"level": "CAN_MANAGE_RUN", "group_name": "${var.operators}"}, MAIN),
        "no_overlap: telemetry-operators has permissions on jobs.flatten and on the target",
    ),
    ("two runs at once", put(f"{FLATTEN}/max_concurrent_runs", None), "one_writer: flatten may run twice"),
    ("starts are skipped", put(f"{FLATTEN}/queue/enabled", False), "one_writer: flatten may run twice"),
    (
        "readers see raw lines",
        put("targets/prod/resources/schemas/telemetry_ops/grants/0/principal", "${var.readers}", MAIN),
        "kept_apart: readers are granted telemetry_ops",
    ),
    (
        "everybody sees files",
        put("targets/prod/resources/volumes/landing/grants/0/principal", "account users", MAIN),
        "kept_apart: landing is granted to account users",
    ),
    (
        "readers may write",
        put("variables/table_grants/default/0/privileges/+", "MODIFY", MAIN),
        "kept_apart: telemetry-readers may do more than read telemetry",
    ),
]


@pytest.mark.parametrize(("change", "said"), [pytest.param(change, said, id=name) for name, change, said in BROKEN])
def test_a_mistake_is_found(change: Callable[[Documents], None], said: str) -> None:
    documents = copy.deepcopy(DOCUMENTS)
    change(documents)
    given = {name for name in GIVEN if "default" not in documents[MAIN]["variables"][name]}
    found = [
        text
        for target in TARGETS
        for text in mistakes(
            load(target, documents, {n: v for n, v in given_for(target).items() if n not in GIVEN or n in given}, FILES)
        )
    ]
    assert [text for text in found if said in text], found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(f"{FLATTEN}/description", "${var.tabel}"), "${var.tabel} refers to nothing"),
        (put(f"{FLATTEN}/description", "${resources.schemas.nope.name}"), "${resources.schemas.nope.name} refers"),
        (put(f"{FLATTEN}/description", "${bundle.nope}"), "${bundle.nope} refers to nothing"),
        (put("variables/catalog/default", "${var.catalog}", MAIN), "${var.catalog} refers to itself"),
        (put("targets/prod/variables", {"tabel": "x"}, MAIN), "variables that are not defined: tabel"),
        (put("variables/bucket/default", None, MAIN), "no value assigned to required variables: bucket"),
    ],
    ids=["variable", "resource", "bundle", "itself", "undefined", "no value"],
)
def test_a_reference_to_nothing_stops_the_target(change: Callable[[Documents], None], said: str) -> None:
    documents = copy.deepcopy(DOCUMENTS)
    change(documents)
    with pytest.raises(BundleError) as refusal:
        of("prod", documents)
    assert said in str(refusal.value)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["warehouse_id", "alert_email", "service_principal", "operators"])
def test_variables_without_a_default_must_be_given(target: str, name: str) -> None:
    given = {each: value for each, value in given_for(target).items() if each != name}
    if target == "dev" and name in ("service_principal", "operators"):
        assert load(target, DOCUMENTS, given).variables[name] == "not-used-in-dev"
        return
    with pytest.raises(BundleError, match=name):
        load(target, DOCUMENTS, given)


def test_an_unknown_target_or_variable_is_refused() -> None:
    with pytest.raises(BundleError, match="no such target: stage"):
        load("stage", DOCUMENTS, GIVEN)
    with pytest.raises(BundleError, match="not defined: schemas"):
        of("dev", schemas="x")


def _option(bundle: Bundle, job: str, task: str, name: str) -> str:
    words = bundle.parameters(job, task)
    return words[words.index(name) + 1]


def _names(bundle: Bundle) -> set[str]:
    """Return what two deployments must not share: schemas, prefixes in the bucket, functions, jobs' folders."""
    places = {each["storage_location"] for each in bundle.resources("volumes").values() if "storage_location" in each}
    schemas = {each["name"] for each in bundle.resources("schemas").values()}
    folders = {_option(bundle, "flatten", "run", name) for name in ("--state", "--table", "--ops")}
    return places | schemas | folders | {bundle.variables["function_name"]}


def test_two_developers_and_production_share_nothing() -> None:
    ada, bob = ({"userName": f"{name}@example.com", "short_name": name} for name in ("ada", "bob"))
    theirs = [load("dev", DOCUMENTS, GIVEN | {"developer": who["short_name"]}, who=who) for who in (ada, bob)]
    everybody = [_names(each) for each in (*theirs, of("prod"))]
    assert sum(map(len, everybody)) == len(set().union(*everybody))


@pytest.mark.parametrize("target", TARGETS)
def test_schemas_and_volumes_are_protected_in_production(target: str) -> None:
    kept = {
        key: each.get("lifecycle", {}).get("prevent_destroy", False)
        for kind in ("schemas", "volumes")
        for key, each in of(target).resources(kind).items()
    }
    assert set(kept.values()) == {target != "dev"}


def test_the_grants_of_readers_operators_and_the_job() -> None:
    bundle = of("prod")
    granted = {
        key: {each["principal"]: each["privileges"] for each in resource["grants"]}
        for kind in ("schemas", "volumes")
        for key, resource in bundle.resources(kind).items()
    }
    works = {PRINCIPAL: ["USE_SCHEMA", "SELECT", "MODIFY", "CREATE_TABLE"]}
    assert granted.pop("telemetry") == works | {"telemetry-readers": ["USE_SCHEMA", "SELECT"]}
    assert granted.pop("telemetry_ops") == works | {"telemetry-operators": ["USE_SCHEMA", "SELECT"]}
    assert set(granted) == {"landing", "archive", "quarantine", "state"}
    looks = {"telemetry-operators": ["READ_VOLUME"]}
    assert all(each == looks | {PRINCIPAL: ["READ_VOLUME", "WRITE_VOLUME"]} for each in granted.values())


def test_operators_may_start_the_jobs_and_see_the_dashboard() -> None:
    settings = of("prod").settings
    assert {"level": "CAN_RUN", "group_name": "telemetry-operators"} in settings["permissions"]
    shown = settings["resources"]["dashboards"]["pipeline"]["permissions"]
    assert shown == [{"level": "CAN_READ", "group_name": "telemetry-operators"}]


STARTER = [{"level": "CAN_MANAGE_RUN", "service_principal_name": "22222222-2222-4333-8444-555555555555"}]


@pytest.mark.parametrize("given", [[], STARTER], ids=["nobody", "the Lambda's principal"])
@pytest.mark.parametrize("target", TARGETS)
def test_other_starters_of_the_job_are_a_variable(target: str, given: list[Any]) -> None:
    bundle = of(target, job_permissions=given)
    assert bundle.job()["permissions"] == given
    assert mistakes(bundle) == []


@pytest.mark.parametrize("target", TARGETS)
def test_alerts_use_no_warehouse_by_default(target: str) -> None:
    for bundle, expected in ((of(target), "PAUSED"), (of(target, sql_alerts="UNPAUSED"), "UNPAUSED")):
        alerts = bundle.resources("alerts").values()
        assert {each["schedule"]["pause_status"] for each in alerts} == {expected}


@pytest.mark.parametrize("target", TARGETS)
def test_the_parameters_of_a_run(target: str) -> None:
    job = of(target).job()
    (task,) = job["tasks"]
    assert (job["timeout_seconds"], task["max_retries"], task["disable_auto_optimization"]) == (7200, 3, True)
    assert {rule["metric"] for rule in job["health"]["rules"]} == {"RUN_DURATION_SECONDS", "STREAMING_BACKLOG_FILES"}
    assert all(job["email_notifications"][event] == [GIVEN["alert_email"]] for event in job["email_notifications"])
    assert "on_failure" in job["email_notifications"]
    assert job["tags"]["target"] == target
    assert "pause_status" not in job["trigger"]  # development mode pauses it, production does not


@pytest.mark.parametrize("target", TARGETS)
def test_the_jobs_run_serverless(target: str) -> None:
    for job in of(target).resources("jobs").values():
        assert job["environments"][0]["spec"]["environment_version"] == "5"


CLASSIC = re.findall(r"```yaml\n(jobs:.*?)```", (ROOT / "docs" / "bundle.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(("place", "classic"), [("jobs: *compute", ["prod"]), ("jobs: &compute", ["dev", "prod"])])
def test_the_block_for_classic_compute_replaces_the_jobs_of_each_target(place: str, classic: list[str]) -> None:
    (block,) = CLASSIC
    before, found, after = (ROOT / "databricks.yml").read_text("utf-8").partition(f"      {place}\n")
    assert found
    rest = after if "*" in place else after[after.index("\n\n  prod:") :]
    anchor = found.strip().removeprefix("jobs:").strip().replace("*compute", "")
    text = before + textwrap.indent(block.replace("jobs:", f"jobs: {anchor}".rstrip(), 1), " " * 6) + rest
    documents = read_documents(text=text)
    for target in TARGETS:
        bundle = of(target, documents)
        assert mistakes(bundle) == []
        for job in bundle.resources("jobs").values():
            assert ("job_clusters" in job, "environments" in job) == (target in classic, target not in classic)


@pytest.mark.parametrize("choice", ["--compact", "--no-compact"])
def test_compaction_has_two_values(choice: str) -> None:
    assert mistakes(of("prod", compaction=choice)) == []


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a newcomer's clone: the committed files."""
    folder = tmp_path_factory.mktemp("clone")
    subprocess.run(["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), folder], check=True)
    return folder


def test_every_pattern_of_the_bundle_matches_in_a_fresh_clone(clone: Path) -> None:
    assert list(unmatched(clone)) == []
    assert load("dev", read_documents(clone), GIVEN).resources("jobs").keys() == of("dev").resources("jobs").keys()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sync: {exclude: [demo/]}", "sync.exclude: no file is demo/"),
        ("sync: {paths: [src/flat]}", "sync.paths: no file is src/flat"),
        ("include: [jobs/*.yml]", "include: no file is jobs/*.yml"),
    ],
)
def test_a_pattern_without_a_file_is_found(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "databricks.yml").write_text("include: []\n" + line if "sync" in line else line)
    assert list(unmatched(tmp_path)) == [said]


def test_only_the_wheel_is_uploaded() -> None:
    """The empty list is intended: https://github.com/databricks/cli/pull/1694."""
    assert of("dev").settings["sync"] == {"paths": []}
