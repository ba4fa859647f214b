"""plan -> deploy -> plan -> each setting drifted -> mended -> destroy, on two emulators with their known gaps."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from botocore.exceptions import ClientError

from lambda_deploy.config import Config
from lambda_deploy.plan import Plan, change_of, differences
from lambda_deploy.resources.alarms import ALARMS
from support.aws_account import (
    BUCKET,
    EVERYTHING,
    FUNCTION,
    TABLE,
    Account,
    Moments,
    changed,
    make_clients,
    moto_account,
)
from support.aws_drifts import DRIFTS, REMOVALS, ROLE, Clients, Drift, mapping_id
from support.emulators import client, ministack

ORDER = [
    "bucket",
    "archive lifecycle",
    "stream",
    "secret",
    "role",
    "policy",
    "log group",
    "function",
    "mapping",
    "topic",
    *["alarm"] * len(ALARMS),
    "dashboard",
    "on-failure notice",
]
KINDS = set(ORDER)
EACH_ALARM = ("alarm Dimensions.EventSourceMappingUUID",)
# What an emulator does not keep, as it shows in a plan, with the reason. A gap that has closed fails a test.
GAPS = {
    "moto": {
        "on-failure notice bucket_tells": "moto drops EventBridgeConfiguration",
    },
    "ministack": {
        "mapping metrics": "ministack drops MetricsConfig",
    },
}
# Drifts that an emulator refuses or does not keep. The other emulator keeps each of them.
LOST = {
    "moto": {
        "role trust.Version": "moto refuses the older version, which IAM takes",
        "function architecture": "moto keeps the architecture of the first zip",
        "function dead_letter_target": "moto's UpdateFunctionConfiguration ignores DeadLetterConfig",
        "function ephemeral_storage_mb": "moto's UpdateFunctionConfiguration ignores EphemeralStorage",
        "function log_format": "moto drops LoggingConfig",
        "function log_group": "moto drops LoggingConfig",
        "function tracing": "moto's UpdateFunctionConfiguration ignores TracingConfig",
        "on-failure notice bucket_tells": "moto drops EventBridgeConfiguration",
    },
    "ministack": {
        "mapping TumblingWindowInSeconds": "ministack drops TumblingWindowInSeconds",
        "mapping metrics": "ministack drops MetricsConfig",
        "dashboard tags.project": "ministack knows no tags of dashboards, which are then not asked for",
        "dashboard tags.version": "ministack knows no tags of dashboards, which are then not asked for",
    },
}
# A stream's view type is never changed, a bucket's tag keeps the value that it has, a secret's value is never read,
# and what another target's tag means has a test of its own (test_plan.py). The alarms are alike.
WITHOUT_DRIFT = ("stream view_type", "secret value", *[f"{kind} tags.target" for kind in KINDS], *EACH_ALARM)


@dataclass
class Deployed:
    """A target with all that one can have, as it was deployed; `gaps` are those of the emulator."""

    account: Account
    config: Config
    emulator: str

    def plan(self) -> list[str]:
        """What a deployment would do, in short."""
        return self.short(self.account.plan(self.config))

    def short(self, made: Plan) -> list[str]:
        """A plan beside the gaps: "update kind path", or "create kind"."""
        lines = []
        for change in made.changes:
            paths = [f" {found.path}" for found in change.differences] if change.action == "update" else [""]
            lines += [(change.action, f"{change.kind}{path}") for path in paths]
        return [f"{action} {setting}" for action, setting in lines if setting not in GAPS[self.emulator]]

    def changes_of(self, kind: str) -> list[str]:
        """What is left to do for the resources of one kind, beside the gaps."""
        resources = [each for each in self.account.resources(self.config) if each.kind == kind]
        left = [(each, change_of(each, each.read())) for each in resources]
        paths = [f"{kind} {found.path}" for _, change in left if change for found in change.differences]
        return [path for path in paths if path not in GAPS[self.emulator]]


@pytest.fixture(scope="module", params=["moto", pytest.param("ministack", marks=pytest.mark.process)])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("account")
    with ExitStack() as opened:
        if request.param == "moto":
            account = opened.enter_context(moto_account(folder))
        else:
            url = opened.enter_context(ministack(folder))
            account = Account(make_clients(lambda service: client(service, url), []), folder, clock=Moments())
        account.create_table()
        config = account.config(**EVERYTHING)
        account.deploy(config)
        yield Deployed(account, config, request.param)


def test_a_second_plan_is_empty(deployed: Deployed) -> None:
    assert deployed.plan() == []


def test_the_named_gaps_of_plans_are_still_there(deployed: Deployed) -> None:
    shown = changed(deployed.account.plan(deployed.config))
    assert len(shown) == len(GAPS[deployed.emulator])


def test_each_setting_that_is_deployed_has_a_drift(deployed: Deployed) -> None:
    """So that none is forgotten here when one is added there."""
    settings = set()
    for resource in deployed.account.resources(deployed.config):
        current = resource.read()
        settings |= {f"{resource.kind} {found.path}" for found in differences({}, resource.desired(current))}
    missing = {setting for setting in settings if setting not in DRIFTS and not setting.startswith(WITHOUT_DRIFT)}
    assert missing == set()


@pytest.mark.parametrize("deployed", ["moto"], indirect=True)
@pytest.mark.parametrize(("setting", "drift"), DRIFTS.items(), ids=DRIFTS)
def test_one_setting_drifted_by_hand_is_the_one_change_and_is_mended(
    deployed: Deployed, setting: str, drift: Drift
) -> None:
    if setting in LOST[deployed.emulator]:
        with suppress(ClientError):
            drift(deployed.account.clients)
        assert deployed.plan() == [], "the emulator keeps it now: take it off the list"
        return
    drift(deployed.account.clients)
    made = deployed.account.plan(deployed.config)
    assert deployed.short(made) == [f"update {setting}"]
    deployed.account.deploy(deployed.config, made)
    assert deployed.changes_of(kind_of(setting)) == []


def kind_of(setting: str) -> str:
    """The kind of resource that has a setting."""
    return next(kind for kind in KINDS if setting.startswith(kind))


def rounds() -> list[list[str]]:
    """All settings with a drift, one of each kind in a round."""
    of_kinds = [[setting for setting in DRIFTS if kind_of(setting) == kind] for kind in sorted(KINDS)]
    return [[setting for setting in settings if setting] for settings in zip_longest(*of_kinds)]


@pytest.mark.parametrize("deployed", [pytest.param("ministack", marks=pytest.mark.process)], indirect=True)
@pytest.mark.parametrize("settings", rounds(), ids=lambda settings: settings[-1])
def test_one_setting_of_each_kind_drifted_by_hand_is_its_one_change_and_is_mended(
    deployed: Deployed, settings: list[str]
) -> None:
    """On the slower emulator, where one by one would take as long as all other tests of this folder."""
    lost = LOST[deployed.emulator]
    for setting in settings:
        with suppress(*[ClientError] * (setting in lost)):
            DRIFTS[setting](deployed.account.clients)
    made = deployed.account.plan(deployed.config)
    kept = {f"update {setting}" for setting in settings if setting not in lost}
    assert sorted(deployed.short(made)) == sorted(kept), "of those on the list: the emulator keeps it now, take it off"
    deployed.account.deploy(deployed.config, made)
    assert deployed.plan() == []


@pytest.mark.parametrize(("kind", "removal"), REMOVALS.items(), ids=REMOVALS)
def test_one_resource_removed_by_hand_is_the_one_to_create(deployed: Deployed, kind: str, removal: Drift) -> None:
    removal(deployed.account.clients)
    made = deployed.account.plan(deployed.config)
    assert deployed.short(made) == [f"create {kind}"]
    deployed.account.deploy(deployed.config, made)
    assert deployed.changes_of(kind) == []


def test_the_mapping_that_was_removed_is_made_again_with_what_names_it(deployed: Deployed) -> None:
    clients = deployed.account.clients
    clients("lambda").delete_event_source_mapping(UUID=mapping_id(clients))
    lines = deployed.plan()
    assert lines[0] == "create mapping"
    named = "update alarm Dimensions.EventSourceMappingUUID"
    assert lines.count(named) == 3
    assert set(lines[1:]) == {
        named,
        "update dashboard body.widgets",
        "update on-failure notice pattern.detail.object.key",
    }
    deployed.account.deploy(deployed.config)
    assert deployed.plan() == []


def test_the_role_that_was_removed_is_made_again_with_its_policy(deployed: Deployed) -> None:
    iam = deployed.account.clients("iam")
    iam.delete_role_policy(RoleName=ROLE, PolicyName="stream-to-s3")
    iam.delete_role(RoleName=ROLE)
    assert deployed.plan() == ["create role", "create policy"]
    deployed.account.deploy(deployed.config)
    assert deployed.plan() == []


def test_destroy_leaves_nothing_but_the_bucket_and_the_table(deployed: Deployed) -> None:
    account, config = deployed.account, deployed.config
    removed = account.destroy(config)
    assert [change.kind for change in removed.changes] == [
        kind for kind in reversed(ORDER) if kind not in ("bucket", "stream")
    ]
    assert removed.leaves == (
        f"stream {TABLE}: it may have other readers",
        f"bucket {BUCKET}: it holds the data",
    )
    assert [name for name, state in account.states(config).items() if state] == [f"bucket {BUCKET}", f"stream {TABLE}"]
    assert remains(account.clients) == []
    assert account.destroy(config).changes == ()
    account.deploy(config)
    assert deployed.plan() == []


def remains(clients: Clients) -> list[str]:
    """Whatever the account still has whose name begins with the function's."""
    names = [
        *[each["FunctionName"] for each in clients("lambda").list_functions()["Functions"]],
        *[each["FunctionArn"] for each in clients("lambda").list_event_source_mappings()["EventSourceMappings"]],
        *[each["RoleName"] for each in clients("iam").list_roles()["Roles"]],
        *[each["logGroupName"] for each in clients("logs").describe_log_groups()["logGroups"]],
        *[each["AlarmName"] for each in clients("cloudwatch").describe_alarms()["MetricAlarms"]],
        *[each["DashboardName"] for each in clients("cloudwatch").list_dashboards()["DashboardEntries"]],
        *[each["TopicArn"] for each in clients("sns").list_topics()["Topics"]],
        *[each["Endpoint"] for each in clients("sns").list_subscriptions()["Subscriptions"]],
        *[each["Name"] for each in clients("events").list_rules()["Rules"]],
        *[each["Name"] for each in clients("secretsmanager").list_secrets()["SecretList"]],
    ]
    return [name for name in names if FUNCTION in name or "alerts@" in name]
