"""The doctor's checks, in one table: each is a small function of one fact and of databricks.yml.

The doctor never suggests a new view type without a warning: a table whose stream is switched off and on has a new
stream, and the function loses what the old one still held.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from lambda_deploy.config import Config
from lambda_deploy.doctor.facts import BucketFacts, Findings, StarterFacts, TableFacts, TableKeyFacts, Unseen
from lambda_deploy.lakehouse import Job
from lambda_deploy.mappings import StreamMapping

Verdict = Literal["ok", "warning", "problem"]
Judgement = tuple[Verdict, str, str]
"""Verdict, reason and remedy of a check."""

_DEPLOY: Final = "stream-lambda deploy"
# S3 refuses requests that are 15 minutes off: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
_REFUSED_SKEW_SECONDS: Final = 900
_ODD_SKEW_SECONDS: Final = 60
_OLD_SECONDS: Final = 1_800
_MOST_READERS_OF_A_SHARD: Final = 2


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: `reason` is a sentence, `cure` is what to run or do, "" when there is nothing to do."""

    check: str
    verdict: Verdict
    reason: str
    cure: str = ""


def credentials(config: Config, account: str) -> Judgement:
    """AWS identifies the caller."""
    return _ok(f"account {account}, region {config.region}")


def clock(config: Config, seconds: float) -> Judgement:
    """This machine's clock agrees with AWS."""
    reason = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the clock of AWS"
    cure = "set the clock: sudo chronyc makestep"
    if abs(seconds) > _REFUSED_SKEW_SECONDS:
        return _problem(f"{reason}, which refuses such requests", cure)
    return _warning(reason, cure) if abs(seconds) > _ODD_SKEW_SECONDS else _ok(reason)


def table_key(config: Config, table: TableFacts | None) -> Judgement:
    """The key is event_id alone; another key works if each item has a unique event_id."""
    if table is None:
        cure = "set dynamodb_table or aws_region in databricks.yml"
        return _problem(f"the table {config.dynamodb_table} does not exist in {config.region}", cure)
    if table.key == (("event_id", "HASH"),):
        return _ok("event_id alone")
    shown = ", ".join([f"{name} ({kind})" for name, kind in table.key])
    return _warning(
        f"the key is {shown}: two items with the same event_id become one row, and a removal without an old image "
        "cannot be matched and is quarantined",
        "give each item a unique event_id, and keep the view type NEW_AND_OLD_IMAGES",
    )


def stream(config: Config, table: TableFacts | None) -> Judgement:
    """The stream is on, with both images."""
    if table is None:
        return _problem("the table does not exist", "see the line `table key`")
    if table.stream_arn is None:
        return _problem("it is off: changes until it is on are in no stream", _DEPLOY)
    switch = f"aws dynamodb update-table --table-name {config.dynamodb_table} --stream-specification"
    cure = (
        "another view type needs a new stream, which loses the changes made while it is off and those that the old "
        f"one still holds (24 hours at most): stop the writers, wait for an iterator age of 0, `{switch} "
        f"StreamEnabled=false`, `{switch} StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`, `{_DEPLOY}`"
    )
    if table.view_type == "NEW_AND_OLD_IMAGES":
        return _ok("on, NEW_AND_OLD_IMAGES")
    if table.view_type == "NEW_IMAGE":
        return _warning("NEW_IMAGE works, but removals and changes of recorded_at make the job slower", cure)
    return _problem(f"{table.view_type}: its records lack the new image, so they cannot be used", cure)


def encryption_of_table(config: Config, key: tuple[TableKeyFacts | None, str]) -> Judgement:
    """The table's customer-managed key is enabled, and its policy lets the function's role decrypt."""
    found, role_arn = key
    if found is None:
        return _ok("no customer-managed key")
    if found.state != "Enabled":
        return _problem(f"{found.arn} is {found.state}: the stream cannot be read", "enable the key in KMS")
    if lets_decrypt(found.statements, role_arn):
        return _ok(f"{found.arn} lets the role decrypt")
    statement = {"Effect": "Allow", "Principal": {"AWS": role_arn}, "Action": ["kms:Decrypt", "kms:DescribeKey"]}
    return _problem(
        f"the policy of {found.arn} does not let {role_arn} decrypt: the mapping fails with Cannot access stream",
        f"add to its policy: {json.dumps({**statement, 'Resource': '*'})}",
    )


def lets_decrypt(statements: Iterable[Mapping[str, Any]], role_arn: str) -> bool:
    """Return whether a key's policy lets a role decrypt, directly or through the account's IAM policies.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html. Conditions are assumed to be met; a
    Deny for the role or for everybody counts.
    """
    account = role_arn.split(":")[4]
    who = {"*", account, role_arn, f"{role_arn.split(':role/')[0]}:root"}

    def concerns(statement: Mapping[str, Any]) -> bool:
        principal = statement.get("Principal", {})
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        acts = any(
            re.fullmatch(re.escape(action).replace(r"\*", ".*"), "kms:decrypt", re.IGNORECASE)
            for action in _listed(statement.get("Action", []))
        )
        return acts and bool(who & set(_listed(named)))

    effects = {statement.get("Effect") for statement in statements if concerns(statement)}
    return effects == {"Allow"}


def bucket(config: Config, found: BucketFacts | None) -> Judgement:
    """The bucket exists, belongs to this account, and is in the function's region."""
    if found is None:
        return _problem(
            f"the bucket {config.bucket} does not exist, or belongs to another account",
            f"set bucket in databricks.yml, or {_DEPLOY} --create-bucket",
        )
    if found.region != config.region:
        return _problem(
            f"{config.bucket} is in {found.region}, the function in {config.region}: traffic between regions costs",
            "set bucket or aws_region in databricks.yml",
        )
    weak = [
        *(["public access is not blocked"] if not found.is_closed else []),
        *(["it has no default encryption"] if not found.encryption else []),
    ]
    if weak:
        return _warning(
            f"{config.bucket}: {' and '.join(weak)}", "its owner decides: stream-lambda changes none of its settings"
        )
    return _ok(f"{config.bucket} in {found.region}, encrypted with {found.encryption}")


def readers(config: Config, found: tuple[StreamMapping, ...]) -> Judgement:
    """A shard has two readers at most: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
    others = [one for one in found if one.function != config.function_name and one.state == "Enabled"]
    shown = ", ".join([one.function for one in others])
    if len(others) >= _MOST_READERS_OF_A_SHARD:
        return _problem(
            f"the stream is also read by {shown}: more than two readers throttle one another",
            "agree with their owners which one to remove: aws lambda update-event-source-mapping --no-enabled --uuid "
            f"{others[-1].uuid} --region {config.region}",
        )
    also = f"shared with {shown}" if others else "no other function of this account reads the stream"
    return _ok(f"{also}; readers of other accounts are not visible")


def mapping(config: Config, seen: tuple[tuple[StreamMapping, ...], TableFacts | None]) -> Judgement:
    """The mapping reads the stream, and its last batch succeeded."""
    found, table = seen
    current = [one for one in found if table is None or one.source == table.stream_arn]
    older = [one for one in found if one not in current]
    if not current:
        return _problem("the function has no mapping for the table's stream", _DEPLOY)
    one = current[0]
    if one.state in ("Creating", "Enabling", "Updating"):
        return _warning(f"it is not ready yet: {one.state}", "run this again in a minute")
    if one.state != "Enabled":
        return _problem(f"its state is {one.state}: records wait, and are lost after 24 hours", _DEPLOY)
    if one.has_failed:
        log = f"aws logs tail /aws/lambda/{config.function_name} --since 1h --region {config.region}"
        return _problem(f"its last result is {one.last_result!r}", log)
    if older:
        return _warning(
            f"an older stream of the table is still read by mapping {older[0].uuid}, {older[0].state}, last result: "
            f"{older[0].last_result or 'none yet'}",
            f"{_DEPLOY}, a day after the table got its new stream",
        )
    return _ok(f"Enabled, last result: {one.last_result or 'none yet'}")


def iterator_age(config: Config, seconds: float | None) -> Judgement:
    """Return how far the function is behind the table."""
    if seconds is None:
        return _ok("no record was read in the last hour")
    reason = f"the oldest record of the last hour was {seconds:,.0f} s old when it was read"
    if seconds > config.max_record_age_seconds / 2:
        return _problem(f"{reason}; at {config.max_record_age_seconds:,} s it is discarded", "docs/troubleshooting.md")
    return _warning(reason, "docs/troubleshooting.md") if seconds > _OLD_SECONDS else _ok(reason)


def other_targets(config: Config, others: Mapping[str, Config | str]) -> Judgement:
    """No other target of databricks.yml has a prefix that overlaps with ours."""
    for name, other in others.items():
        if isinstance(other, Config) and other.bucket == config.bucket:
            for our in _prefixes(config):
                for their in _prefixes(other):
                    if our.startswith(their) or their.startswith(our):
                        return _problem(
                            f"{our!r} overlaps {their!r} of target {name}: the two jobs would read each other's files",
                            "give each target its own prefixes in databricks.yml",
                        )
    unread = [f"{name} ({other})" for name, other in others.items() if isinstance(other, str)]
    if unread:
        return _warning(f"could not be compared: {'; '.join(unread)}", "fix that target in databricks.yml")
    return _ok(f"no overlap with {', '.join(others) or 'any other target'}")


def older_pipelines(config: Config, found: tuple[str, ...]) -> Judgement:
    """No older pipeline runs in parallel."""
    if found:
        return _warning(f"an older pipeline still exists: {', '.join(found)}", "stream-lambda migrate")
    return _ok("no older pipeline exists")


def federation(config: Config, starter: StarterFacts | None) -> Judgement:
    """The account issues tokens, if the function starts the job without a secret."""
    if starter is None or not starter.how.startswith("federation"):
        return _ok("not used")
    if starter.how == "federation is off":
        return _problem(
            "the account does not issue tokens, so the function cannot start the job",
            "aws iam enable-outbound-web-identity-federation",
        )
    return _ok("switched on for the account")


def workspace(config: Config, user: str | None) -> Judgement:
    """The workspace answers."""
    if user is None:
        return _warning("no workspace is set", "set workspace.host in databricks.yml, or DATABRICKS_HOST")
    return _ok(f"{config.host or 'it answers'} as {user}")


def job(config: Config, jobs: tuple[Job, ...] | None) -> Judgement:
    """There is one job with the bundle's name, something starts it, and it has one run at a time."""
    deploy = f"databricks bundle deploy -t {config.target}"
    if jobs is None:
        return _warning("no workspace is set", "see the line `workspace`")
    if not jobs:
        return _problem(f"this target has no job {config.job_name!r}", deploy)
    if len(jobs) > 1:
        numbers = ", ".join([str(one.job_id) for one in jobs])
        return _problem(
            f"{len(jobs)} jobs are named {jobs[0].name!r} ({numbers}): they would archive each other's files",
            "delete the one that is not the bundle's: databricks jobs delete NUMBER",
        )
    one = jobs[0]
    if one.max_concurrent_runs != 1:
        return _problem(f"{one.max_concurrent_runs} runs may run at once, but a checkpoint has one writer", deploy)
    if one.starts is None:
        return _problem("nothing starts it", deploy)
    if not one.paused:
        return _ok(f"{one.name}, number {one.job_id}, started by {one.starts}")
    if config.start_is_paused and not config.lambda_starts_job:
        run = f"databricks bundle run -t {config.target} flatten"
        return _warning(f"its {one.starts} is paused, as databricks.yml says", run)
    return _problem(f"its {one.starts} is paused: files wait until a run is started", deploy)


def right_to_start(config: Config, seen: tuple[StarterFacts | None, tuple[Job, ...] | None]) -> Judgement:
    """The function's service principal may start the job."""
    starter, jobs = seen
    if starter is None:
        return _ok("not needed: the Lambda does not start the job")
    who = starter.client_id
    if starter.how == "nothing":
        return _problem("no secret says with which identity the function starts the job", "stream-lambda secret set")
    if who is None:
        return _ok("the function uses a token, which does not show its owner")
    if not jobs or len(jobs) != 1:
        return _warning("there is no single job to check", "see the line `job`")
    if who in jobs[0].may_start:
        return _ok(f"{who} may start the job")
    entry = {"service_principal_name": who, "permission_level": "CAN_MANAGE_RUN"}
    grant = shlex.quote(json.dumps({"access_control_list": [entry]}))
    return _problem(
        f"the service principal {who} may not start the job",
        f"databricks permissions update jobs {jobs[0].job_id} --json {grant}",
    )


@dataclass(frozen=True)
class Check:
    """A check: its name, the facts that it needs (a tuple for two), and its function."""

    name: str
    of: Callable[[Findings], Any]
    judge: Callable[[Config, Any], Judgement]


CHECKS: Final = (
    Check("credentials", lambda seen: seen.account, credentials),
    Check("clock", lambda seen: seen.skew_seconds, clock),
    Check("table key", lambda seen: seen.table, table_key),
    Check("stream", lambda seen: seen.table, stream),
    Check("encryption of the table", lambda seen: (seen.table_key, seen.role_arn), encryption_of_table),
    Check("bucket", lambda seen: seen.bucket, bucket),
    Check("readers", lambda seen: seen.readers, readers),
    Check("mapping", lambda seen: (seen.mappings, seen.table), mapping),
    Check("iterator age", lambda seen: seen.oldest_seconds, iterator_age),
    Check("other targets", lambda seen: seen.other_targets, other_targets),
    Check("older pipelines", lambda seen: seen.older_pipelines, older_pipelines),
    Check("federation", lambda seen: seen.starter, federation),
    Check("workspace", lambda seen: seen.workspace, workspace),
    Check("job", lambda seen: seen.jobs, job),
    Check("right to start the job", lambda seen: (seen.starter, seen.jobs), right_to_start),
)


def check(config: Config, seen: Findings) -> list[CheckResult]:
    """Return the result of each check. A fact that could not be read is a warning; without access, a problem."""
    return [CheckResult(one.name, *_judged(config, one, one.of(seen))) for one in CHECKS]


def _judged(config: Config, one: Check, fact: Any) -> Judgement:
    unseen = [part for part in (fact if isinstance(fact, tuple) else (fact,)) if isinstance(part, Unseen)]
    if not unseen:
        return one.judge(config, fact)
    if one.name in ("credentials", "workspace"):
        return _problem(unseen[0].why, "nothing else can be checked without it")
    return _warning(
        f"could not be checked: {unseen[0].why}", "ask for the permission, or let somebody else run the doctor"
    )


def _prefixes(config: Config) -> tuple[str, ...]:
    return config.landing_prefix, config.archive_prefix, config.quarantine_prefix


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _ok(reason: str) -> Judgement:
    return "ok", reason, ""


def _warning(reason: str, cure: str) -> Judgement:
    return "warning", reason, cure


def _problem(reason: str, cure: str) -> Judgement:
    return "problem", reason, cure
