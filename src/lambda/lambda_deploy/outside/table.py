"""Read the table and its stream, and switch the stream on when it is off. An existing stream is never changed.

Another view type would need a new stream: changes that the old one still holds would be lost to the function.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from dataclasses import dataclass
from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import NotReadyError, UnfitError
from lambda_deploy.explain import explained
from lambda_deploy.wait import Wait

_BEST: Final = "NEW_AND_OLD_IMAGES"
_NATURAL_KEY: Final = [("event_id", "HASH")]


@dataclass(frozen=True)
class Table:
    """A table as DescribeTable returns it; "" for a missing stream or KMS key."""

    name: str
    arn: str
    stream_arn: str
    view_type: str
    key_arn: str
    notes: tuple[str, ...] = ()

    @property
    def is_streaming(self) -> bool:
        """Return whether the stream is on."""
        return bool(self.stream_arn)

    @property
    def stream_or_placeholder(self) -> str:
        """Return the stream's ARN; while it is off, a placeholder for the plan."""
        return self.stream_arn or f"{self.arn}/stream/known-once-it-is-on"


def read_table(config: Config, clients: Clients) -> Table:
    """Return the table of a target.

    Raises ConfigError when no table is set, UnfitError when it does not exist or its stream lacks the new image.
    """
    name = names.table_name(config)
    with explained(f"reading the table {name}"):
        answer = found(clients("dynamodb").describe_table, TableName=name)
    if answer is None:
        raise UnfitError(
            f"the table {name!r} does not exist in {config.region} of this account: check dynamodb_table, aws_region "
            "and the credentials"
        )
    content: dict[str, Any] = answer["Table"]
    stream = content.get("StreamSpecification", {})
    is_on = bool(stream.get("StreamEnabled"))
    view_type = stream.get("StreamViewType", "") if is_on else ""
    _check_view_type(name, view_type)
    return Table(
        name,
        content["TableArn"],
        content.get("LatestStreamArn", "") if is_on else "",
        view_type,
        content.get("SSEDescription", {}).get("KMSMasterKeyArn", ""),
        (*_key_notes(content), *_view_notes(name, view_type)),
    )


def switch_on_stream(config: Config, clients: Clients, wait: Wait) -> Table:
    """Switch the table's stream on, and return the table once its stream has an ARN. This uses no capacity."""
    name = names.table_name(config)
    specification = {"StreamEnabled": True, "StreamViewType": _BEST}
    with explained(f"switching on the stream of the table {name}"):
        clients("dynamodb").update_table(TableName=name, StreamSpecification=specification)

    def attempt() -> Table:
        table = read_table(config, clients)
        if not table.is_streaming:
            raise NotReadyError(f"the table {name} is being updated")
        return table

    return wait.until(attempt, "the stream")


def _check_view_type(name: str, view_type: str) -> None:
    if view_type not in ("", _BEST, "NEW_IMAGE"):
        raise UnfitError(
            f"the stream of {name!r} has the view type {view_type}, whose records lack the new image, and changing it "
            "would lose the changes in the stream: when its readers have caught up, switch it off in DynamoDB; the "
            f"next deploy switches it on as {_BEST}"
        )


def _view_notes(name: str, view_type: str) -> list[str]:
    if view_type != "NEW_IMAGE":
        return []
    return [
        f"the stream of {name} has the view type NEW_IMAGE: it works, but for deletions and for events whose date "
        f"changes the job must search the whole table; {_BEST} avoids that"
    ]


def _key_notes(content: dict[str, Any]) -> list[str]:
    key = [(part["AttributeName"], part["KeyType"]) for part in content["KeySchema"]]
    if key == _NATURAL_KEY:
        return []
    shown = ", ".join([f"{name} ({kind})" for name, kind in key])
    return [
        f"the key of the table {content['TableName']} is {shown}, not event_id alone: rows are merged by event_id, so "
        "each item needs a unique event_id, and a REMOVE without an image cannot be matched and is quarantined"
    ]
