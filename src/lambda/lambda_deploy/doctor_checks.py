"""The doctor's checks of AWS: each a small function of what was seen.

The stream's rules are those of contract: its view type is never changed for the user, because a table whose stream is
switched off and on has a new stream, and what the old one still held is lost to the new mapping.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from collections.abc import Callable, Iterable
from typing import Final

from lambda_deploy.config import Config
from lambda_deploy.doctor import Line, Said, fine, of, problem, warning
from lambda_deploy.doctor_seen import Cloud, Function, Need, Neighbour, Secret, Table, Unseen
from lambda_deploy.status import StreamMapping

DEPLOY: Final = "stream-lambda deploy"
# https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html: S3 refuses what is 15 minutes off.
_REFUSED_SKEW_SECONDS: Final = 900
_ODD_SKEW_SECONDS: Final = 60
_OLD_SECONDS: Final = 900
_MOST_READERS_OF_A_SHARD: Final = 2


def account(config: Config, cloud: Cloud) -> Said:
    """Who asks AWS."""
    if isinstance(cloud.account, str):
        return fine(f"account {cloud.account}, region {config.region}")
    return problem(cloud.account.why, "aws sts get-caller-identity")


def clock(config: Config, cloud: Cloud) -> Said:
    """This machine's clock beside that of AWS."""

    def judge(seconds: float) -> Said:
        told = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} that of AWS"
        if abs(seconds) > _REFUSED_SKEW_SECONDS:
            return problem(f"{told}, which refuses such requests", "set the clock: sudo chronyc makestep")
        if abs(seconds) > _ODD_SKEW_SECONDS:
            return warning(told, "set the clock: sudo chronyc makestep")
        return fine(told)

    return of(cloud.skew_seconds, judge)


def table_key(config: Config, cloud: Cloud) -> Said:
    """Contract: the key is event_id alone, which is what rows are merged by."""

    def judge(table: Table | None) -> Said:
        if table is None:
            return problem(
                f"there is no table {config.dynamodb_table} in {config.region}",
                "set dynamodb_table or aws_region in databricks.yml",
            )
        if table.key == (("event_id", "HASH"),):
            return fine("event_id alone")
        shown = ", ".join([f"{name} ({kind})" for name, kind in table.key])
        return problem(
            f"the key is {shown}, expected event_id alone: rows of one event_id would overwrite one another",
            "copy the items into a table whose key is event_id alone",
        )

    return of(cloud.table, judge)


def stream(config: Config, cloud: Cloud) -> Said:
    """Contract: the stream is on, with both images."""

    def judge(table: Table | None) -> Said:
        if table is None:
            return problem("there is no table", "see the line above")
        if table.stream_arn is None:
            return problem("off: no change reaches anybody; what changes until it is on is in no stream", DEPLOY)
        lost = (
            "another view type needs a new stream, which loses what changes while it is off and what the old one "
            "still holds (24 hours at most): stop the writers, wait for an iterator age of 0, then `aws dynamodb "
            f"update-table --table-name {config.dynamodb_table} --stream-specification StreamEnabled=false`, the same "
            f"with StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES, and `{DEPLOY}`"
        )
        if table.view_type == "NEW_AND_OLD_IMAGES":
            return fine("on, NEW_AND_OLD_IMAGES")
        if table.view_type == "NEW_IMAGE":
            return warning("NEW_IMAGE works, but removals and changes of recorded_at cost the job more", lost)
        return problem(f"{table.view_type}: its records lack the new image, so nothing can be read from them", lost)

    return of(cloud.table, judge)


def bucket(config: Config, cloud: Cloud) -> Said:
    """The bucket is there, in the function's region."""

    def judge(region: str | None) -> Said:
        if region is None:
            return problem(
                f"there is no bucket {config.bucket}, or it is another account's", "set bucket, or " + DEPLOY
            )
        if region != config.region:
            return problem(
                f"{config.bucket} is in {region}, the function in {config.region}: each object would be paid for twice",
                "set bucket or aws_region in databricks.yml",
            )
        return fine(f"{config.bucket} in {region}")

    return of(cloud.bucket_region, judge)


def other_targets(config: Config, cloud: Cloud) -> Said:
    """No other target of databricks.yml has a prefix of ours; one with our function is another form of this one."""
    others = cloud.other_targets
    same = [name for name, other in others.items() if isinstance(other, Config) and _is_same(config, other)]
    for name, other in others.items():
        if isinstance(other, Config) and other.bucket == config.bucket and name not in same:
            overlap = _overlap(_prefixes(config), _prefixes(other))
            if overlap:
                return problem(
                    f"{overlap[0]!r} overlaps {overlap[1]!r} of target {name}: two jobs would take each other's files",
                    "give the targets prefixes of their own in databricks.yml",
                )
    unread = [f"{name} ({other})" for name, other in others.items() if isinstance(other, str)]
    if unread:
        return warning(f"could not be compared: {'; '.join(unread)}", "mend that target in databricks.yml")
    apart = [name for name in others if name not in same]
    forms = f"; {', '.join(same)} has the same function, so deploy only one of them" if same else ""
    return fine(f"no overlap with {', '.join(apart) or 'any other target'}{forms}")


def _is_same(config: Config, other: Config) -> bool:
    return (other.function_name, other.region) == (config.function_name, config.region)


def neighbours(config: Config, cloud: Cloud) -> Said:
    """No other function writes below our prefixes."""

    def judge(found: tuple[Neighbour, ...]) -> Said:
        for neighbour in found:
            overlap = _overlap(_prefixes(config), neighbour.prefixes)
            if overlap:
                return problem(
                    f"the function {neighbour.function} writes to {overlap[1]!r}, which overlaps our {overlap[0]!r}",
                    "give this target another `developer` in databricks.yml, or remove that function",
                )
        return fine(f"{len(found)} other functions write to the bucket, elsewhere")

    return of(cloud.neighbours, judge)


def _prefixes(config: Config) -> tuple[str, ...]:
    return config.landing_prefix, config.archive_prefix, config.quarantine_prefix


def _overlap(ours: Iterable[str], theirs: tuple[str, ...]) -> tuple[str, str] | None:
    for our in ours:
        for their in theirs:
            if our.startswith(their) or their.startswith(our):
                return our, their
    return None


def function(config: Config, cloud: Cloud) -> Said:
    """The function is there and ready, and nobody trusts its dead-letter setting."""

    def judge(found: Function | None) -> Said:
        if found is None:
            return problem(f"there is no function {config.function_name}", DEPLOY)
        if found.state != "Active":
            return problem(f"its state is {found.state}, expected Active", DEPLOY)
        if found.dead_letter_target:
            return warning("it has a dead-letter target, which does nothing for streams", DEPLOY)
        return fine(config.function_name)

    return of(cloud.function, judge)


def permissions(config: Config, cloud: Cloud) -> Said:
    """The role may make every call that the function and its mapping make."""

    def judge(denied: tuple[Need, ...]) -> Said:
        if denied:
            shown = ", ".join([f"{need.action} on {need.resource}" for need in denied])
            return problem(f"the role may not call {shown}", DEPLOY)
        return fine("all calls are allowed")

    if cloud.function is None:
        return warning("there is no role to look at yet", DEPLOY)
    return of(cloud.denied, judge)


def mapping(config: Config, cloud: Cloud) -> Said:
    """The mapping reads the stream, and its last batch went well."""

    def judge(found: tuple[StreamMapping, ...]) -> Said:
        ours = [one for one in found if one.function == config.function_name]
        if not ours:
            return problem("no mapping brings the stream to the function", DEPLOY)
        [state, result] = ours[0].state, ours[0].last_result
        if state in ("Creating", "Enabling", "Updating"):
            return warning(f"it is not ready yet: {state}", "stream-lambda doctor, in a minute")
        if state != "Enabled":
            return problem(f"its state is {state}: records wait, and are lost after 24 hours", DEPLOY)
        if result.startswith("PROBLEM") or "error" in result.lower():
            return problem(f"its last result is {result!r}", "stream-lambda logs --level ERROR")
        return fine(f"Enabled, last result: {result or 'none yet'}")

    return of(cloud.mappings, judge)


def readers(config: Config, cloud: Cloud) -> Said:
    """A shard has two readers at most: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""

    def judge(found: tuple[StreamMapping, ...]) -> Said:
        others = [one for one in found if one.function != config.function_name and one.state == "Enabled"]
        shown = ", ".join([one.function for one in others])
        if len(others) >= _MOST_READERS_OF_A_SHARD:
            return problem(
                f"the stream is read by {shown} too: more than two readers throttle one another",
                "aws lambda update-event-source-mapping --no-enabled --uuid " + others[-1].uuid,
            )
        return fine(f"shared with {shown}" if others else "nobody else reads the stream")

    return of(cloud.mappings, judge)


def iterator_age(config: Config, cloud: Cloud) -> Said:
    """How far the function is behind the table."""

    def judge(seconds: float | None) -> Said:
        if seconds is None:
            return fine("no record was read in the last hour")
        told = f"the oldest record of the last hour was {seconds:,.0f} s old when it was read"
        if seconds > config.max_record_age_seconds / 2:
            return problem(f"{told}; at {config.max_record_age_seconds:,} s it is given up", "docs/runbook.md")
        return warning(told, "docs/runbook.md") if seconds > _OLD_SECONDS else fine(told)

    return of(cloud.oldest_seconds, judge)


def secret(config: Config, cloud: Cloud) -> Said:
    """The secret of the trigger is there and has what the function reads; its values are never shown."""

    def judge(found: Secret | None) -> Said:
        if found is None:
            return problem(f"there is no secret {config.secret_name}", DEPLOY)
        if {"client_id", "client_secret"} <= set(found.fields) or "token" in found.fields:
            return fine(f"{config.secret_name} has {' and '.join(found.fields)}")
        return problem(
            f"{config.secret_name} is not JSON with client_id and client_secret, or token",
            f"{DEPLOY}, which asks for the value",
        )

    if not config.needs_secret:
        return fine("none is needed")
    return of(cloud.secret, judge)


def leftovers(config: Config, cloud: Cloud) -> Said:
    """Nothing of the two-Lambda pipeline is at work beside ours."""

    def judge(found: tuple[str, ...]) -> Said:
        if found:
            return warning(f"the two-Lambda pipeline is still there: {', '.join(found)}", "stream-lambda migrate")
        return fine("nothing of the two-Lambda pipeline is there")

    return of(cloud.leftovers, judge)


def waiting(config: Config, cloud: Cloud) -> Said:
    """Nothing waits to be redriven."""

    def judge(count: int) -> Said:
        if count:
            return warning(f"{count:,} objects that failed wait to be redriven", "stream-lambda redrive")
        return fine("nothing failed")

    return of(cloud.waiting, judge)


_CHECKS: Final[dict[str, Callable[[Config, Cloud], Said]]] = {
    "credentials": account,
    "clock": clock,
    "table key": table_key,
    "stream": stream,
    "bucket": bucket,
    "other targets": other_targets,
    "neighbours": neighbours,
    "function": function,
    "permissions": permissions,
    "mapping": mapping,
    "readers": readers,
    "iterator age": iterator_age,
    "secret": secret,
    "two-Lambda pipeline": leftovers,
    "failed records": waiting,
}


def check_cloud(config: Config, cloud: Cloud) -> list[Line]:
    """All checks of AWS, in the order in which one would mend; without credentials, those that need none."""
    names = ("credentials", "other targets") if isinstance(cloud.account, Unseen) else tuple(_CHECKS)
    return [Line(name, *_CHECKS[name](config, cloud)) for name in names]
