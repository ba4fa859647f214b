"""The doctor's checks of AWS: each is a small function of one fact and of databricks.yml.

The doctor never suggests a new view type without a warning: a table whose stream is switched off and on has a new
stream, and the function loses what the old one still held.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lambda_deploy.config import Config
from lambda_deploy.doctor.facts import BucketFacts, StarterFacts, TableFacts, TableKeyFacts
from lambda_deploy.doctor.judgement import Judgement, ok, problem, warning
from lambda_deploy.mappings import StreamMapping

# S3 refuses requests that are 15 minutes off: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
_REFUSED_SKEW_SECONDS: Final = 900
_ODD_SKEW_SECONDS: Final = 60
_OLD_SECONDS: Final = 1_800
_MOST_READERS_OF_A_SHARD: Final = 2


def credentials(config: Config, account: str) -> Judgement:
    """AWS identifies the caller."""
    return ok(f"account {account}, region {config.region}")


def clock(config: Config, seconds: float) -> Judgement:
    """This machine's clock agrees with AWS."""
    reason = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the clock of AWS"
    cure = "set the clock: sudo chronyc makestep"
    if abs(seconds) > _REFUSED_SKEW_SECONDS:
        return problem(f"{reason}, which refuses such requests", cure)
    return warning(reason, cure) if abs(seconds) > _ODD_SKEW_SECONDS else ok(reason)


def table_key(config: Config, table: TableFacts | None) -> Judgement:
    """The key is event_id alone; another key works if each item has a unique event_id."""
    if table is None:
        cure = "set dynamodb_table or aws_region in databricks.yml"
        return problem(f"the table {config.dynamodb_table} does not exist in {config.region}", cure)
    if table.key == (("event_id", "HASH"),):
        return ok("event_id alone")
    shown = ", ".join([f"{name} ({kind})" for name, kind in table.key])
    return warning(
        f"the key is {shown}: two items with the same event_id become one row, and a removal without an old image "
        "cannot be matched and is quarantined",
        "give each item a unique event_id, and keep the view type NEW_AND_OLD_IMAGES",
    )


def stream(config: Config, table: TableFacts | None) -> Judgement:
    """The stream is on, with both images."""
    if table is None:
        return problem("the table does not exist", "see the line `table key`")
    if table.stream_arn is None:
        return problem("it is off: changes until it is on are in no stream", _deploy(config))
    switch = f"aws dynamodb update-table --table-name {config.dynamodb_table} --stream-specification"
    cure = (
        "another view type needs a new stream, which loses the changes made while it is off and those that the old "
        f"one still holds (24 hours at most): stop the writers, wait for an iterator age of 0, `{switch} "
        f"StreamEnabled=false`, `{switch} StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`, `{_deploy(config)}`"
    )
    if table.view_type == "NEW_AND_OLD_IMAGES":
        return ok("on, NEW_AND_OLD_IMAGES")
    if table.view_type == "NEW_IMAGE":
        return warning("NEW_IMAGE works, but removals and changes of recorded_at make the job slower", cure)
    return problem(f"{table.view_type}: its records lack the new image, so they cannot be used", cure)


def encryption_of_table(config: Config, key: tuple[TableKeyFacts | None, str]) -> Judgement:
    """The table's customer-managed key is enabled, and its policy lets the function's role decrypt."""
    found, role_arn = key
    if found is None:
        return ok("no customer-managed key")
    if found.state != "Enabled":
        return problem(f"{found.arn} is {found.state}: the stream cannot be read", "enable the key in KMS")
    if lets_decrypt(found.statements, role_arn):
        return ok(f"{found.arn} lets the role decrypt")
    statement = {"Effect": "Allow", "Principal": {"AWS": role_arn}, "Action": ["kms:Decrypt", "kms:DescribeKey"]}
    return problem(
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
        return problem(
            f"the bucket {config.bucket} does not exist, or belongs to another account",
            f"set bucket in databricks.yml, or {_deploy(config)} --create-bucket",
        )
    if found.region != config.region:
        return problem(
            f"{config.bucket} is in {found.region}, the function in {config.region}: traffic between regions costs",
            "set bucket or aws_region in databricks.yml",
        )
    weak = [
        *(["public access is not blocked"] if not found.is_closed else []),
        *(["it has no default encryption"] if not found.encryption else []),
    ]
    if weak:
        return warning(
            f"{config.bucket}: {' and '.join(weak)}", "its owner decides: stream-lambda changes none of its settings"
        )
    return ok(f"{config.bucket} in {found.region}, encrypted with {found.encryption}")


def readers(config: Config, found: tuple[StreamMapping, ...]) -> Judgement:
    """A shard has two readers at most: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
    others = [one for one in found if one.function != config.function_name and one.state == "Enabled"]
    shown = ", ".join([one.function for one in others])
    if len(others) >= _MOST_READERS_OF_A_SHARD:
        return problem(
            f"the stream is also read by {shown}: more than two readers throttle one another",
            "agree with their owners which one to remove: aws lambda update-event-source-mapping --no-enabled --uuid "
            f"{others[-1].uuid} --region {config.region}",
        )
    also = f"shared with {shown}" if others else "no other function of this account reads the stream"
    return ok(f"{also}; readers of other accounts are not visible")


def mapping(config: Config, seen: tuple[tuple[StreamMapping, ...], TableFacts | None]) -> Judgement:
    """The mapping reads the stream, and its last batch succeeded."""
    found, table = seen
    current = [one for one in found if table is None or one.source == table.stream_arn]
    older = [one for one in found if one not in current]
    if not current:
        return problem("the function has no mapping for the table's stream", _deploy(config))
    one = current[0]
    if one.state in ("Creating", "Enabling", "Updating"):
        return warning(f"it is not ready yet: {one.state}", "run this again in a minute")
    if one.state != "Enabled":
        return problem(f"its state is {one.state}: records wait, and are lost after 24 hours", _deploy(config))
    if one.has_failed:
        log = f"aws logs tail /aws/lambda/{config.function_name} --since 1h --region {config.region}"
        return problem(f"its last result is {one.last_result!r}", log)
    if older:
        return warning(
            f"an older stream of the table is still read by mapping {older[0].uuid}, {older[0].state}, last result: "
            f"{older[0].last_result or 'none yet'}",
            f"{_deploy(config)}, a day after the table got its new stream",
        )
    return ok(f"Enabled, last result: {one.last_result or 'none yet'}")


def iterator_age(config: Config, seconds: float | None) -> Judgement:
    """Return how far the function is behind the table."""
    if seconds is None:
        return ok("no record was read in the last hour")
    reason = f"the oldest record of the last hour was {seconds:,.0f} s old when it was read"
    if seconds > config.max_record_age_seconds / 2:
        return problem(f"{reason}; at {config.max_record_age_seconds:,} s it is discarded", "docs/troubleshooting.md")
    return warning(reason, "docs/troubleshooting.md") if seconds > _OLD_SECONDS else ok(reason)


def older_pipelines(config: Config, found: tuple[str, ...]) -> Judgement:
    """No older pipeline runs in parallel."""
    if found:
        return warning(
            f"an older pipeline still exists: {', '.join(found)}", f"stream-lambda migrate -t {config.target}"
        )
    return ok("no older pipeline exists")


def federation(config: Config, starter: StarterFacts | None) -> Judgement:
    """The account issues tokens, if the function starts the job without a secret."""
    if starter is None or not starter.how.startswith("federation"):
        return ok("not used")
    if starter.how == "federation is off":
        return problem(
            "the account does not issue tokens, so the function cannot start the job",
            "aws iam enable-outbound-web-identity-federation",
        )
    return ok("switched on for the account")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _deploy(config: Config) -> str:
    return f"stream-lambda deploy -t {config.target}"
