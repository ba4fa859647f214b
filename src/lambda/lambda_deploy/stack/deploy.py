"""Deploy and remove a stack: each step is one call of another module of this folder or of `outside`."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from lambda_deploy import names
from lambda_deploy.errors import StackError, UnfitError
from lambda_deploy.explain import explained
from lambda_deploy.mappings import StreamMapping
from lambda_deploy.outside.bucket import create_bucket
from lambda_deploy.outside.code import (
    Deployed,
    has_code,
    remember,
    remembered,
    remove_all_code,
    remove_old_code,
    upload_code,
)
from lambda_deploy.outside.readers import check_readers, finished, older_mappings, remove_mappings
from lambda_deploy.outside.table import switch_on_stream
from lambda_deploy.stack.follow import failure, follow, left_to_cloudformation
from lambda_deploy.stack.plan import Plan, make_plan
from lambda_deploy.stack.site import Outside, Site, look_outside
from lambda_deploy.stack.states import Stack, sentence
from lambda_deploy.template.render import template

Say = Callable[[str], None]
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class Options:
    """What is deployed (the zip, and the lookup of the job's number), and what the user allows."""

    zipped: bytes
    find_job: Callable[[], int]
    keep_drift: bool = False
    third_reader: bool = False
    create_bucket: bool = False


def look(site: Site, stack: Stack, options: Options) -> Outside:
    """Read what is outside the stack. Raises UnfitError when it prevents the deployment."""
    outside = look_outside(site, stack, options.zipped, options.find_job)
    if not outside.has_bucket and not options.create_bucket:
        name = site.config.bucket
        raise UnfitError(f"the bucket {name!r} does not exist: create it, or deploy with --create-bucket")
    if outside.table.is_streaming and not options.third_reader:
        check_readers(site.config, site.clients, outside.table.stream_arn)
    return outside


def prepare(site: Site, outside: Outside, say: Say) -> None:
    """Create what is missing outside the stack."""
    if not outside.table.is_streaming:
        say(f"switching on the stream of {outside.table.name}")
        switch_on_stream(site.config, site.clients, site.wait)
    if not outside.has_bucket:
        say(f"creating the bucket {site.config.bucket}")
        create_bucket(site.config, site.clients)


def plan_of(site: Site, stack: Stack, outside: Outside, options: Options) -> Plan:
    """Make the change set of a deployment."""
    wanted = Deployed(template(site.config), outside.parameters, site.tags)
    made = make_plan(site, stack, wanted, keep_drift=options.keep_drift)
    notes = (*outside.notes, *_mapping_notes(site, stack), *made.notes)
    return replace(made, steps=outside.steps, notes=notes, zipped=options.zipped)


def plan_of_previous(site: Site, stack: Stack, *, keep_drift: bool) -> Plan:
    """Make the change set that goes back to the last deployment. Raises UnfitError when it is not known."""
    previous = remembered(site.config, site.clients)
    if previous is None or stack.is_new:
        raise UnfitError("no earlier deployment is known: deploy the earlier code from its own checkout")
    if not has_code(site.config, site.clients, previous.parameters["CodeKey"]):
        raise UnfitError("the code of the earlier deployment was removed: deploy it from its own checkout")
    return make_plan(site, stack, previous, keep_drift=keep_drift)


def store(site: Site, stack: Stack, plan: Plan) -> None:
    """Upload the plan's code, and remember the current deployment for `--previous`."""
    if plan.zipped:
        upload_code(site.config, site.clients, plan.zipped)
    if not stack.is_new:
        now = Deployed(dict(stack.template), dict(stack.parameters), dict(stack.tags))
        remember(site.config, site.clients, now)


def execute(site: Site, stack: Stack, plan: Plan, say: Say) -> None:
    """Execute the plan and follow it to the end.

    Raises StackError with the first failure's reason, and what CloudFormation did then.
    """
    cloudformation = site.cloudformation
    stack_id = plan.change_set.stack_id
    seen = cloudformation.events(stack_id)
    before = seen[0]["EventId"] if seen else ""
    with left_to_cloudformation(cloudformation, say):
        cloudformation.execute(stack, plan.change_set.id, site.token)
        status = follow(cloudformation, stack_id, before, say)
    if status not in _DONE:
        reason = failure(cloudformation.events(stack_id, before), f"it is {status}")
        after = "nothing of it remains" if stack.is_new else "the stack is as it was before"
        if status not in ("DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            after = sentence(cloudformation.read(), cloudformation.events(stack_id))
        raise StackError(f"CloudFormation failed: {reason}; {after}")
    if stack.is_new and not site.config.is_development:
        cloudformation.protect(is_protected=True)


def start_function(site: Site) -> None:
    """Invoke the function once without records. Raises StackError when it does not start."""
    name = site.cloudformation.physical_id("Function")
    with explained(f"invoking the function {name}"):
        answer = site.clients("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": []}).encode())
        said = answer["Payload"].read()
    if answer.get("FunctionError"):
        try:
            reason = json.loads(said).get("errorMessage", "")
        except (ValueError, AttributeError):
            reason = ""
        raise StackError(
            f"the function does not start: {' '.join(str(reason).split()) or 'it gives no reason'}. Its records wait "
            "in the stream: fix the cause and deploy, or go back with `stream-lambda deploy --previous "
            f"-t {site.config.target}`"
        )


def clean_up(site: Site, say: Say) -> None:
    """Remove code and mappings that are no longer needed."""
    stack = site.cloudformation.read()
    previous = remembered(site.config, site.clients)
    keep = {stack.parameters.get("CodeKey", ""), (previous.parameters if previous else {}).get("CodeKey", "")}
    for key in remove_old_code(site.config, site.clients, keep, site.wait.clock()):
        say(f"removed the old code {key}")
    older = _older(site, stack)
    done = finished(older, site.config.dynamodb_table, stack.parameters.get("StreamArn", ""), site.wait.clock())
    for mapping in done:
        say(f"removing the mapping {mapping.uuid} of an older stream, which is empty")
    remove_mappings(site.clients, done)


def destroy(site: Site, stack: Stack, say: Say) -> None:
    """Remove the stack, the function's mappings of older streams, and its code.

    Raises StackError when CloudFormation leaves something.
    """
    cloudformation, config = site.cloudformation, site.config
    if stack.is_protected:
        cloudformation.protect(is_protected=False)
    remove_mappings(site.clients, _older(site, stack))
    seen = cloudformation.events(stack.id)
    with left_to_cloudformation(cloudformation, say):
        cloudformation.delete(config.cloudformation_role_arn, site.token)
        status = follow(cloudformation, stack.id, seen[0]["EventId"] if seen else "", say)
    if status != "DELETE_COMPLETE":
        raise StackError(sentence(cloudformation.read(), cloudformation.events(stack.id)))
    remove_all_code(config, site.clients)


def stays(site: Site, stack: Stack) -> list[str]:
    """Return what a removal leaves, one sentence each."""
    return [
        f"the log group {stack.named('LogGroup', 'LogGroupName')}, with its logs",
        f"the bucket {site.config.bucket} with all data, also under aws/lambda/",
        "the table and its stream, which may have other readers",
        f"the secret {names.secret_name(site.config)}, if there is one: `stream-lambda secret delete -t "
        f"{site.config.target}`",
    ]


def _mapping_notes(site: Site, stack: Stack) -> list[str]:
    if stack.is_new:
        return []
    return [
        f"the mapping {mapping.uuid} still reads an older stream of {mapping.table}: the first "
        "deploy a day after the stream ended removes it"
        for mapping in _older(site, stack)
    ]


def _older(site: Site, stack: Stack) -> list[StreamMapping]:
    # Without the stack's mapping there is nothing to compare with: its own would count as an older one.
    current = site.cloudformation.physical_id("Mapping")
    return older_mappings(site.clients, stack.named("Function", "FunctionName"), current) if current else []
