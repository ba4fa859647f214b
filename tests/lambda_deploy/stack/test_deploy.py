"""plan, deploy and destroy on a fake CloudFormation that follows its documentation: no emulator shows these cases."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import click
import pytest

from lambda_deploy import names
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.outside.code import key_of
from lambda_deploy.template.render import template
from support.aws_account import BUCKET, CODE, JOB, TABLE, UUID, Account, job, workspaces, write_bundle
from support.captured import Said
from support.fake_cloudformation import (
    CHANGE_SET_ID,
    NO_CHANGES,
    NO_UPDATES,
    STACK_ID,
    End,
    FakeCloudFormation,
    refused,
    with_fake,
)

OURS = {"bundle-uuid": UUID, "target": "prod"}
NAME = "chargeminder-telemetry-prod"


@dataclass
class FakeLambda:
    """A function that answers an invocation, and mappings to list."""

    answer: dict[str, Any] = field(default_factory=dict)
    said: str = '{"batchItemFailures": []}'
    mappings: list[dict[str, Any]] = field(default_factory=list)
    invoked: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.invoked.append(arguments)
        return {**self.answer, "Payload": io.BytesIO(self.said.encode())}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield {"EventSourceMappings": [each for each in self.mappings if each["UUID"] not in self.removed]}

    def get_function_configuration(self, **_: Any) -> None:
        raise refused("ResourceNotFoundException", "Function not found")

    def delete_event_source_mapping(self, UUID: str) -> None:  # noqa: N803 # the service's own name
        self.removed.append(UUID)


@dataclass
class World:
    """A target of production, with a fake stack and a fake function; the rest of the account is moto."""

    account: Account
    cloudformation: FakeCloudFormation = field(default_factory=FakeCloudFormation)
    function: FakeLambda = field(default_factory=FakeLambda)
    answers: dict[str, str] = field(default_factory=dict)
    workspaces: Callable[[str], Any] = field(default_factory=lambda: workspaces(job()))
    sent: list[str] = field(default_factory=list)

    def tools(self) -> Tools:
        fakes = with_fake(self.account.clients, self.cloudformation)
        clients = lambda service: self.function if service == "lambda" else fakes(service)  # noqa: E731 # one line
        tools = replace(self.account.tools(), connect=lambda region: clients, workspaces=self.workspaces)
        smoke_test = lambda config, clients: self.sent.append(config.target)  # noqa: E731 # one line
        return replace(tools, ask=lambda text, hidden: self.answers["name"], pack=lambda: CODE, smoke_test=smoke_test)

    def run(self, command: str, *arguments: str, target: str = "prod", **variables: Any) -> int:
        path = write_bundle(self.account.folder, **variables)
        self.account.clock.now += 1
        return run([command, "--bundle", str(path), "--target", target, *arguments], self.tools())

    def deployed(self, target: str = "prod", /, **variables: Any) -> None:
        """Make the stack as if deployed with these values."""
        config = self.account.config(target, **variables)
        table = self.account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]
        given = {"StreamArn": table["LatestStreamArn"], "CodeKey": key_of(config, CODE)}
        more = {"TableKeyArn": "", "BucketKeyArn": "", **({"JobId": str(JOB)} if config.lambda_starts_job else {})}
        stack = self.cloudformation
        stack.status, stack.template, stack.tags = "UPDATE_COMPLETE", template(config), {**OURS, "target": target}
        stack.name = names.stack_name(config)
        stack.parameters = {**given, **more}

    def says(self, *changes: dict[str, Any], **answer: Any) -> None:
        """Set the changes of the next change set."""
        self.cloudformation.worked_out = [{"Status": "CREATE_COMPLETE", "Changes": list(changes), **answer}]

    def ends(self, status: str, *events: tuple[str, str, str]) -> None:
        """Set the end of the next operation."""
        self.cloudformation.ends.append(End(status, events))


@pytest.fixture
def world(account: Account) -> World:
    return World(account)


Asked = Callable[[], Said]


def change(resource: str, action: str = "Modify", **more: Any) -> dict[str, Any]:
    """Return a ResourceChange of a change set."""
    kinds = {
        "Function": "AWS::Lambda::Function",
        "Mapping": "AWS::Lambda::EventSourceMapping",
        "Role": "AWS::IAM::Role",
    }
    kind = kinds.get(resource, "AWS::CloudWatch::Alarm")
    return {"Action": action, "LogicalResourceId": resource, "ResourceType": kind, "Replacement": "False", **more}


# Creating


def test_a_stack_is_created_so_that_nothing_is_left_of_a_failure(world: World) -> None:
    world.ends("CREATE_COMPLETE")
    assert world.run("deploy", "--yes") == 0
    [made] = world.cloudformation.asked("CreateChangeSet")
    assert (made["ChangeSetType"], made["OnStackFailure"]) == ("CREATE", "DELETE")
    [executed] = world.cloudformation.asked("ExecuteChangeSet")
    assert "DisableRollback" not in executed


def test_a_log_group_that_exists_is_adopted(world: World) -> None:
    world.ends("CREATE_COMPLETE")
    world.run("deploy", "--yes")
    assert world.cloudformation.asked("CreateChangeSet")[0]["ImportExistingResources"]


def test_production_is_protected_from_removal_once_it_is_created(world: World) -> None:
    world.ends("CREATE_COMPLETE")
    world.run("deploy", "--yes")
    assert world.cloudformation.is_protected


def test_a_developers_stack_is_not(world: World) -> None:
    world.cloudformation.name = "chargeminder-telemetry-dev-shared"
    world.ends("CREATE_COMPLETE")
    assert world.run("deploy", "--yes", target="dev") == 0
    assert world.cloudformation.asked("UpdateTerminationProtection") == []


def test_a_failed_creation_gives_the_first_reason_and_leaves_nothing(world: World, said: Asked) -> None:
    world.ends(
        "DELETE_COMPLETE",
        ("Role", "CREATE_COMPLETE", ""),
        ("Function", "CREATE_FAILED", "no such key"),
        ("Topic", "CREATE_FAILED", "Resource creation cancelled"),
        (NAME, "DELETE_IN_PROGRESS", ""),
    )
    assert world.run("deploy", "--yes") == 1
    assert "CloudFormation failed: Function: no such key; nothing of it remains" in said().err


def test_tags_and_a_role_for_cloudformation_are_passed_on(world: World) -> None:
    world.ends("CREATE_COMPLETE")
    role = "arn:aws:iam::123456789012:role/cloudformation"
    world.run("deploy", "--yes", tags={"cost": "42"}, cloudformation_role_arn=role)
    [made] = world.cloudformation.asked("CreateChangeSet")
    assert made["RoleARN"] == role
    assert {each["Key"]: each["Value"] for each in made["Tags"]} == {"cost": "42", **OURS}


# Planning


def test_a_plan_leaves_neither_a_change_set_nor_a_stack_in_review(world: World) -> None:
    assert world.run("plan", "--detailed-exitcode") == 2
    assert world.cloudformation.status is None
    assert world.cloudformation.asked("DeleteChangeSet")
    assert world.cloudformation.asked("ExecuteChangeSet") == []


def test_a_plan_keeps_a_stack_in_review_that_it_did_not_make(world: World) -> None:
    world.cloudformation.status = "REVIEW_IN_PROGRESS"
    assert world.run("plan", "--detailed-exitcode") == 2
    assert world.cloudformation.status == "REVIEW_IN_PROGRESS"
    assert world.cloudformation.asked("DeleteChangeSet")


def test_a_plan_of_a_stack_that_exists_leaves_the_stack(world: World) -> None:
    world.deployed()
    world.says(change("Function"))
    assert world.run("plan", lambda_memory_mb=256) == 0
    assert world.cloudformation.asked("DeleteStack") == []
    assert world.cloudformation.asked("DeleteChangeSet")


def test_a_plan_switches_nothing_on_and_uploads_nothing(world: World) -> None:
    world.account.calls.clear()
    world.run("plan")
    reads = ("Get", "List", "Describe", "Head")
    assert [call for call in world.account.calls if not call.partition(".")[2].startswith(reads)] == []


def test_a_change_is_shown_with_its_old_and_new_value(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.run("plan", lambda_memory_mb=256)
    assert "    MemorySize: 512 -> 256\n" in said().out


def test_a_plan_as_json_has_the_same_values(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.run("plan", "--json", lambda_memory_mb=256)
    [found] = json.loads(said().out)["changes"]
    assert (found["resource"], found["differences"]) == ("Function", [{"path": "MemorySize", "old": 512, "new": 256}])


NOTHING = [
    {"worked_out": [{"Status": "FAILED", "StatusReason": NO_CHANGES}]},
    {"worked_out": [{"Status": "FAILED", "StatusReason": NO_UPDATES}]},
    {"refusals": {"CreateChangeSet": [refused("ValidationError", NO_UPDATES)]}},
    {"refusals": {"CreateChangeSet": [refused("ValidationError", NO_CHANGES)]}},
]


@pytest.mark.parametrize("answer", NOTHING, ids=["failed", "failed, other words", "raised", "raised, other words"])
@pytest.mark.parametrize("command", [["plan", "--detailed-exitcode"], ["deploy"]], ids=["plan", "deploy"])
def test_nothing_to_do_is_not_a_failure(world: World, said: Asked, command: list[str], answer: dict[str, Any]) -> None:
    world.deployed()
    for name, value in answer.items():
        setattr(
            world.cloudformation, name, list(value) if isinstance(value, list) else {k: [*v] for k, v in value.items()}
        )
    assert world.run(*command) == 0
    assert "nothing to do" in said().out
    assert world.cloudformation.asked("ExecuteChangeSet") == []


def test_deploy_waits_for_a_change_set_that_is_being_computed(world: World) -> None:
    world.deployed()
    world.cloudformation.worked_out = [
        {"Status": "CREATE_PENDING"},
        {"Status": "CREATE_IN_PROGRESS"},
        {"Status": "FAILED", "StatusReason": NO_CHANGES},
    ]
    assert world.run("plan", "--detailed-exitcode") == 0


def test_a_change_set_without_resource_changes_changes_outputs_and_is_executed(world: World, said: Asked) -> None:
    world.deployed()
    world.says()
    world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes") == 0
    assert "outputs only" in said().out
    assert len(world.cloudformation.asked("ExecuteChangeSet")) == 1


def test_what_refers_to_a_changed_resource_may_change_with_it(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Mapping"), change("DroppedAlarm", Replacement="Conditional"))
    world.run("plan", batch_size=10)
    assert "  may change with them: DroppedAlarm\n" in said().out


@pytest.mark.parametrize(
    "more", [{"Action": "Dynamic"}, {"Replacement": "Conditional"}], ids=["dynamic", "conditional"]
)
def test_an_uncertain_replacement_is_marked(world: World, said: Asked, more: dict[str, str]) -> None:
    world.deployed()
    world.says({**change("Function"), **more})
    world.run("plan", lambda_memory_mb=256)
    assert "(AWS::Lambda::Function), may be replaced\n" in said().out


# Drift: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html

DRIFTED = change(
    "Function",
    ResourceDriftStatus="MODIFIED",
    Details=[
        {
            "Target": {
                "Attribute": "Properties",
                "Name": "MemorySize",
                "Path": "/Properties/MemorySize",
                "Drift": {"PreviousValue": "512", "ActualValue": "1024"},
            }
        }
    ],
)


def test_an_update_checks_drift_and_rolls_back_failures(world: World) -> None:
    world.deployed()
    world.says(change("Function"), DeploymentMode="REVERT_DRIFT")
    world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes", lambda_memory_mb=256) == 0
    assert world.cloudformation.asked("CreateChangeSet")[0]["DeploymentMode"] == "REVERT_DRIFT"
    [executed] = world.cloudformation.asked("ExecuteChangeSet")
    assert executed["DisableRollback"] is False


def test_manual_changes_are_shown_separately_and_are_something_to_do(world: World, said: Asked) -> None:
    world.deployed()
    world.says(DRIFTED, DeploymentMode="REVERT_DRIFT")
    assert world.run("plan", "--detailed-exitcode") == 2
    shown = said().out
    assert "changed manually: Function MemorySize: deployed as 512, now 1024; deploy reverts it\n" in shown
    assert "not checked" not in shown


def test_manual_deletions_are_shown(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("ErrorsAlarm", "Add", ResourceDriftStatus="DELETED"), DeploymentMode="REVERT_DRIFT")
    world.run("plan")
    assert "changed manually: ErrorsAlarm was deleted manually; deploy creates it again\n" in said().out


def test_drift_can_be_kept(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.run("plan", "--keep-drift", lambda_memory_mb=256)
    assert "DeploymentMode" not in world.cloudformation.asked("CreateChangeSet")[0]
    assert "! manual changes were not checked, and stay (--keep-drift)\n" in said().out


def test_without_the_mode_the_plan_says_that_drift_was_not_checked(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    unknown = refused("ValidationError", "Unknown parameter DeploymentMode")
    world.cloudformation.refusals = {"CreateChangeSet": [unknown]}
    assert world.run("plan", lambda_memory_mb=256) == 0
    assert "! manual changes were not checked, because CloudFormation did not accept the mode for it\n" in said().out


# Updating


def test_deploy_executes_the_change_set_that_it_showed(world: World) -> None:
    world.deployed()
    world.says(change("Function"))
    world.ends("UPDATE_COMPLETE")
    world.run("deploy", "--yes", lambda_memory_mb=256)
    assert len(world.cloudformation.asked("CreateChangeSet")) == 1
    assert world.cloudformation.asked("ExecuteChangeSet")[0]["ChangeSetName"] == CHANGE_SET_ID


def test_events_are_shown_as_progress_the_oldest_first(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.cloudformation.event("Function", "UPDATE_COMPLETE", "long ago")
    world.ends("UPDATE_COMPLETE", ("Function", "UPDATE_IN_PROGRESS", ""), ("Function", "UPDATE_COMPLETE", ""))
    world.run("deploy", "--yes", lambda_memory_mb=256)
    assert [line for line in said().err.splitlines() if "UPDATE" in line] == [
        f"{NAME}: UPDATE_IN_PROGRESS (User Initiated)",
        "Function: UPDATE_IN_PROGRESS",
        "Function: UPDATE_COMPLETE",
        f"{NAME}: UPDATE_COMPLETE",
    ]


def test_who_asks_is_in_cloudformations_events(world: World) -> None:
    world.deployed()
    world.says(change("Function"))
    world.ends("UPDATE_COMPLETE")
    world.run("deploy", "--yes", lambda_memory_mb=256)
    token = world.cloudformation.asked("ExecuteChangeSet")[0]["ClientRequestToken"]
    assert token.startswith("stream-lambda-")


def test_a_failed_update_gives_the_first_reason_and_says_that_it_was_rolled_back(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Mapping"))
    reason = "Cannot access stream arn:aws:dynamodb:x. Please ensure the role can perform the GetRecords action."
    world.ends(
        "UPDATE_ROLLBACK_COMPLETE",
        ("Mapping", "UPDATE_FAILED", reason),
        ("Function", "UPDATE_FAILED", "Resource update cancelled"),
    )
    assert world.run("deploy", "--yes", batch_size=10) == 1
    error = said().err
    assert (
        f"CloudFormation failed: Mapping: {reason} (the role's permissions have not reached every service yet" in error
    )
    assert "or the table's KMS key does not let the role decrypt" in error
    assert "the stack is as it was before" in error


def test_an_update_that_cannot_be_rolled_back_names_the_next_command(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Role"))
    world.ends("UPDATE_ROLLBACK_FAILED", ("Role", "UPDATE_FAILED", "not allowed"))
    assert world.run("deploy", "--yes", tracing=True) == 1
    assert "continue-update-rollback" in said().err


@pytest.mark.parametrize("resource", ["Function", "Mapping"])
@pytest.mark.parametrize("how", [{"Replacement": "True"}, {"Action": "Remove"}], ids=["replaced", "removed"])
def test_the_function_and_the_mapping_are_replaced_only_when_asked_for(
    world: World, said: Asked, resource: str, how: dict[str, str]
) -> None:
    world.deployed()
    world.says({**change(resource), **how})
    assert world.run("deploy", "--yes", lambda_memory_mb=256) == 1
    assert "deploy with --replace" in said().err
    assert world.cloudformation.asked("ExecuteChangeSet") == []
    assert world.cloudformation.asked("DeleteChangeSet")
    world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes", "--replace", lambda_memory_mb=256) == 0


def test_a_replaced_role_says_that_the_federation_policy_must_follow(world: World, said: Asked) -> None:
    secretless: dict[str, Any] = {"lambda_starts_job": True, "lambda_client_id": "client-1"}
    world.deployed(**secretless)
    world.says(change("Role", Replacement="True"))
    world.run("plan", function_name="another", **secretless)
    assert "set the subject of the Databricks federation policy to the ARN of the new role" in said().out


def test_what_cloudformation_finds_in_a_change_set_is_printed(world: World, said: Asked) -> None:
    world.cloudformation.worked_out = [{"Status": "FAILED", "StatusReason": "Validation failed"}]
    world.cloudformation.findings = [
        {
            "EventType": "VALIDATION_ERROR",
            "LogicalResourceId": "Topic",
            "ValidationStatusReason": "Resource of type 'AWS::SNS::Topic' already exists",
        },
        {"EventType": "STACK_EVENT"},
    ]
    assert world.run("plan") == 1
    assert "Validation failed; Topic: Resource of type 'AWS::SNS::Topic' already exists\n" in said().err


def test_ctrl_c_leaves_the_stack_to_cloudformation_and_says_how_to_follow_it(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.ends("UPDATE_IN_PROGRESS")
    world.cloudformation.interrupts = True
    assert world.run("deploy", "--yes", lambda_memory_mb=256) == 130
    assert f"`aws cloudformation describe-stack-events --stack-name {NAME} --region eu-west-1`" in said().err
    assert world.cloudformation.asked("DeleteChangeSet") == []


def test_the_answer_no_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))

    def no(*_: Any, **__: Any) -> None:
        raise click.exceptions.Abort

    monkeypatch.setattr(click, "confirm", no)
    assert world.run("deploy", lambda_memory_mb=256) == 1
    assert "Aborted" in said().err
    assert world.cloudformation.asked("DeleteChangeSet")
    assert world.cloudformation.asked("ExecuteChangeSet") == []


@pytest.mark.parametrize("tags", [{}, {**OURS, "bundle-uuid": "another"}, {**OURS, "target": "staging"}])
@pytest.mark.parametrize("command", [["plan"], ["destroy", "--yes"]], ids=["plan", "destroy"])
def test_a_stack_of_another_target_is_refused(
    world: World, said: Asked, tags: dict[str, str], command: list[str]
) -> None:
    world.deployed()
    world.cloudformation.tags = tags
    assert world.run(*command) == 1
    assert "belongs to another target: its tags are bundle-uuid" in said().err


def test_an_operation_in_progress_is_shown_with_who_started_it(world: World, said: Asked) -> None:
    world.deployed()
    world.cloudformation.status = "UPDATE_IN_PROGRESS"
    world.cloudformation.event(NAME, "UPDATE_IN_PROGRESS", "", "stream-lambda-jo-1")
    assert world.run("plan") == 1
    assert "is UPDATE_IN_PROGRESS (started by stream-lambda-jo-1): wait for it" in said().err


def test_without_permission_the_required_permissions_are_named(world: World, said: Asked) -> None:
    world.cloudformation.refusals = {"DescribeStacks": [refused("AccessDenied", "User: jo is not authorized")]}
    assert world.run("plan") == 1
    assert "stream-lambda template --deployer-policy" in said().err


# The function's start


def test_the_function_is_invoked_once_with_no_records_when_it_changed(world: World) -> None:
    world.deployed()
    world.says(change("Function"))
    world.ends("UPDATE_COMPLETE")
    world.run("deploy", "--yes", lambda_memory_mb=256)
    assert [json.loads(call["Payload"]) for call in world.function.invoked] == [{"Records": []}]


def test_the_function_is_not_invoked_when_an_alarm_changed(world: World) -> None:
    world.deployed()
    world.says(change("Subscription", "Add"))
    world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes", alert_email="jo@example.com") == 0
    assert world.function.invoked == []


def test_a_function_that_does_not_start_gives_its_reason_and_the_way_back(world: World, said: Asked) -> None:
    world.deployed()
    world.says(change("Function"))
    world.ends("UPDATE_COMPLETE")
    world.function.answer = {"FunctionError": "Unhandled"}
    world.function.said = json.dumps({"errorMessage": "TELEMETRY_PREFIX is 'x'", "errorType": "SettingsError"})
    assert world.run("deploy", "--yes", lambda_memory_mb=256) == 1
    error = said().err
    assert "the function does not start: TELEMETRY_PREFIX is 'x'" in error
    assert "`stream-lambda deploy --previous -t prod`" in error


TESTED: dict[str, tuple[str, list[str], dict[str, Any], bool]] = {
    "in development, after a change of the function": ("dev", [], {"lambda_memory_mb": 256}, True),
    "in development, after another change": ("dev", [], {"alert_email": "jo@example.com"}, False),
    "in development, when not wanted": ("dev", ["--no-test-event"], {"lambda_memory_mb": 256}, False),
    "in production": ("prod", [], {"lambda_memory_mb": 256}, False),
    "in production, when asked for": ("prod", ["--test-event"], {"lambda_memory_mb": 256}, True),
}


@pytest.mark.parametrize(("target", "options", "variables", "expected"), TESTED.values(), ids=TESTED)
def test_a_test_item_is_sent(
    world: World, target: str, options: list[str], variables: dict[str, Any], expected: bool
) -> None:
    world.deployed(target)
    world.says()
    world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes", *options, target=target, **variables) == 0
    assert world.sent == [target] * expected


# Going back


def test_previous_deploys_the_template_and_code_before(world: World) -> None:
    world.ends("CREATE_COMPLETE")
    world.run("deploy", "--yes")
    world.deployed()
    world.says(change("Function"))
    for _ in range(2):
        world.ends("UPDATE_COMPLETE")
    assert world.run("deploy", "--yes", lambda_memory_mb=256) == 0
    assert world.run("deploy", "--yes", "--previous", lambda_memory_mb=256) == 0
    bodies = [json.loads(made["TemplateBody"]) for made in world.cloudformation.asked("CreateChangeSet")]
    assert [body["Resources"]["Function"]["Properties"]["MemorySize"] for body in bodies] == [512, 256, 512]


def test_without_an_earlier_deployment_there_is_nothing_to_go_back_to(world: World, said: Asked) -> None:
    world.deployed()
    assert world.run("deploy", "--yes", "--previous") == 1
    assert "no earlier deployment is known" in said().err


# The mapping of an older stream

OLDER = {
    "UUID": "older",
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    "EventSourceArn": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TABLE}/stream/2026-11-01T00:00:00.000",
    "State": "Enabled",
}
OWN = {**OLDER, "UUID": "mapping"}


def test_a_mapping_of_an_older_stream_is_named(world: World, said: Asked) -> None:
    world.deployed()
    world.function.mappings = [OWN, OLDER]
    world.run("plan")
    assert "! the mapping older still reads an older stream of" in said().out


def test_an_older_mapping_is_removed_a_day_after_the_new_stream_was_made(world: World) -> None:
    world.deployed()
    world.function.mappings = [OWN, OLDER]
    world.cloudformation.worked_out = [{"Status": "FAILED", "StatusReason": NO_CHANGES}]
    made = "2027-01-15T08:00:00.000"  # the clock's own time, less a few seconds
    world.cloudformation.parameters["StreamArn"] = (
        f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TABLE}/stream/{made}"
    )
    world.run("deploy")
    assert world.function.removed == []
    world.account.clock.now += 86_400
    world.run("deploy")
    assert world.function.removed == ["older"]
    world.account.clock.now -= 86_400


# Removing


def test_a_protected_stack_is_removed_only_when_its_name_is_typed(world: World, said: Asked) -> None:
    world.deployed()
    world.cloudformation.is_protected = True
    world.answers["name"] = "chargeminder"
    assert world.run("destroy", "--yes") == 1
    assert "'chargeminder' is not 'chargeminder-telemetry-prod': nothing was removed" in said().err
    assert world.cloudformation.asked("DeleteStack") == []
    world.answers["name"] = NAME
    world.ends("DELETE_COMPLETE")
    assert world.run("destroy", "--yes") == 0


def test_a_removal_lists_what_it_removes_and_what_it_keeps(world: World, said: Asked) -> None:
    world.deployed()
    world.ends("DELETE_COMPLETE")
    world.run("destroy", "--yes")
    shown = said().out
    assert "- remove Function (AWS::Lambda::Function)\n" in shown
    assert "stays: the log group /aws/lambda/chargeminder-unified-processor, with its logs\n" in shown
    assert f"stays: the bucket {BUCKET} with all data" in shown


def test_a_removal_removes_the_mapping_of_an_older_stream_too(world: World) -> None:
    world.deployed()
    world.function.mappings = [OWN, OLDER]
    world.ends("DELETE_COMPLETE")
    world.run("destroy", "--yes")
    assert world.function.removed == ["older"]


def test_a_removal_that_fails_names_the_resource(world: World, said: Asked) -> None:
    world.deployed()
    world.ends("DELETE_FAILED", ("Role", "DELETE_FAILED", "Cannot delete entity, must detach all policies first."))
    assert world.run("destroy", "--yes") == 1
    assert "could not be removed, because of Role (Cannot delete entity, must detach all policies" in said().err


def test_without_a_stack_there_is_nothing_to_remove(world: World, said: Asked) -> None:
    assert world.run("destroy", "--yes") == 0
    assert f"stack {NAME}, eu-west-1 of account 123456789012: nothing to do\n" in said().out


def test_the_stack_of_an_earlier_region_is_removed_by_its_region(world: World, said: Asked) -> None:
    world.deployed()
    world.ends("DELETE_COMPLETE")
    assert world.run("destroy", "--yes", "--region", "eu-central-1") == 0
    assert f"stack {NAME}, eu-central-1 of account 123456789012: removed\n" in said().out
    assert STACK_ID


def test_a_stack_that_was_only_planned_is_removed(world: World) -> None:
    world.cloudformation.status = "REVIEW_IN_PROGRESS"
    assert world.run("destroy", "--yes") == 0
    assert world.cloudformation.status is None


# The job's number


def test_a_workspace_that_does_not_answer_keeps_the_jobs_number(world: World, said: Asked) -> None:
    secretless: dict[str, Any] = {"lambda_starts_job": True, "lambda_client_id": "client-1"}
    world.deployed(**secretless)

    def unreachable(host: str) -> Any:
        raise OSError("Network is unreachable")

    world.workspaces = unreachable
    world.says(change("Function"))
    assert world.run("plan", lambda_memory_mb=256, **secretless) == 0
    assert f"the job's number stays {JOB}" in said().out
    [made] = world.cloudformation.asked("CreateChangeSet")
    assert {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}["JobId"] == str(JOB)


def test_a_job_that_does_not_exist_is_an_error(world: World, said: Asked) -> None:
    world.workspaces = workspaces()
    assert world.run("plan", lambda_starts_job=True, lambda_client_id="client-1") == 1
    assert "has no job of the name 'flatten': deploy the bundle first" in said().err


def test_without_the_secrets_value_the_trigger_stays_off_and_the_plan_says_so(world: World, said: Asked) -> None:
    assert world.run("plan", lambda_starts_job=True) == 0
    assert "is missing: the function starts no job until `stream-lambda secret set -t prod`" in said().out
    [made] = world.cloudformation.asked("CreateChangeSet")
    assert {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}["JobId"] == ""
