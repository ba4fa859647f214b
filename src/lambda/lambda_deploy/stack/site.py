"""Where a target is deployed: the account, the region, the stack, and what was found outside the stack."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from lambda_deploy import names
from lambda_deploy.aws import Clients, caller_arn
from lambda_deploy.config import Config
from lambda_deploy.errors import UnreachableError
from lambda_deploy.outside.bucket import bucket_exists, bucket_key_arn, key_arn
from lambda_deploy.outside.code import key_of
from lambda_deploy.outside.secret import secret_state
from lambda_deploy.outside.table import Table, read_table
from lambda_deploy.stack.cloudformation import CloudFormation
from lambda_deploy.stack.states import Stack
from lambda_deploy.template.render import template
from lambda_deploy.wait import Wait


@dataclass(frozen=True)
class Site:
    """A target in an account. `caller` is the ARN of the deployer."""

    config: Config
    clients: Clients
    wait: Wait
    caller: str

    @property
    def account(self) -> str:
        """Return the number of the account, twelve digits."""
        return self.caller.split(":")[4]

    @property
    def where(self) -> str:
        """Return the stack and its place, for messages."""
        return f"stack {names.stack_name(self.config)}, {self.config.region} of account {self.account}"

    @property
    def cloudformation(self) -> CloudFormation:
        """Return the stack of this target."""
        return CloudFormation(self.clients, names.stack_name(self.config), self.config.region, self.wait)

    @property
    def token(self) -> str:
        """Return who asks, and when, for CloudFormation's events."""
        who = re.sub(r"[^A-Za-z0-9]+", "-", self.caller.rsplit("/", 1)[-1])[:64]
        return f"stream-lambda-{who}-{self.wait.clock() * 1000:.0f}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of the stack, which CloudFormation gives to all its resources."""
        return {**self.config.tags, **names.owner_tags(self.config)}


def site_of(config: Config, clients: Clients, wait: Wait) -> Site:
    """Return where a target is deployed. Raises AwsError when AWS does not identify the caller."""
    return Site(config, clients, wait, caller_arn(clients))


@dataclass(frozen=True)
class Outside:
    """What was found outside the stack. `steps` is what a deployment does there first, one sentence each."""

    table: Table
    has_bucket: bool
    parameters: dict[str, str]
    notes: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """Return what is missing and is made before the change set, one sentence each."""
        found = []
        if not self.table.is_streaming:
            found.append(f"switch on the stream of the table {self.table.name}: it records changes from then on")
        if not self.has_bucket:
            found.append("create the bucket, private and encrypted with AWS's defaults")
        return tuple(found)


def look_outside(site: Site, stack: Stack, zipped: bytes, find_job: Callable[[], int]) -> Outside:
    """Read what is outside the stack, and the parameters that follow from it. Changes nothing.

    Raises UnfitError when something there cannot be used, WorkspaceError when the job is missing.
    """
    config, clients = site.config, site.clients
    table = read_table(config, clients)
    has_bucket = bucket_exists(config, clients, site.account)
    job_id, job_notes = _job_id(site, stack, find_job)
    found = {
        "StreamArn": table.stream_or_placeholder,
        "CodeKey": key_of(config, zipped),
        "TableKeyArn": table.key_arn,
        "BucketKeyArn": bucket_key_arn(config, clients) if has_bucket else "",
        "KmsKeyArn": key_arn(clients, config.kms_key_id) if config.kms_key_id else "",
        "JobId": job_id,
    }
    wanted = template(config)["Parameters"]
    parameters = {name: value for name, value in found.items() if name in wanted}
    address_notes = [] if config.alert_email else ["alert_email is empty: nobody receives the alarms"]
    return Outside(table, has_bucket, parameters, (*table.notes, *job_notes, *address_notes))


def _job_id(site: Site, stack: Stack, find_job: Callable[[], int]) -> tuple[str, list[str]]:
    """Return the job's number, "" while the trigger stays off, and a note about it."""
    config = site.config
    if not config.lambda_starts_job:
        return "", []
    secret = secret_state(config, site.clients) if config.needs_secret else None
    if secret is not None and secret.state != "set":
        return "", [
            f"the secret {secret.name} is {secret.state}: the function starts no job until `stream-lambda secret set "
            f"-t {config.target}` and the next deploy"
        ]
    try:
        return str(find_job()), []
    except UnreachableError as error:
        previous = stack.parameters.get("JobId", "")
        kept = f"the job's number stays {previous}" if previous else "the function starts no job until the next deploy"
        return previous, [f"{error}; {kept}"]
