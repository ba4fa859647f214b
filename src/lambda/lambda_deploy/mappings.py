"""Read event source mappings, which deliver the records of a stream to a function."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class StreamMapping:
    """An event source mapping; `last_result` is AWS's sentence."""

    uuid: str
    function: str
    source: str
    state: str
    last_result: str

    @property
    def table(self) -> str:
        """Return the table whose stream it reads, "" when it reads something else."""
        # arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>
        parts = self.source.split("/")
        return parts[1] if len(parts) == 4 and parts[2] == "stream" else ""

    @property
    def has_failed(self) -> bool:
        """Return whether the last result is a failure."""
        return self.last_result.startswith("PROBLEM") or "error" in self.last_result.lower()


def stream_mappings(client: "LambdaClient", **where: str) -> list[StreamMapping]:
    """Return the mappings of a function (FunctionName) or of a stream (EventSourceArn)."""
    pages = client.get_paginator("list_event_source_mappings").paginate(**where)  # type: ignore[arg-type] # one of two
    return [
        StreamMapping(
            found["UUID"],
            # arn:aws:lambda:<region>:<account>:function:<name>[:<alias>]
            found["FunctionArn"].split(":")[6],
            found.get("EventSourceArn", ""),
            found["State"],
            found.get("LastProcessingResult", ""),
        )
        for page in pages
        for found in page["EventSourceMappings"]
    ]
