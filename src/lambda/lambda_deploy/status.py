"""How the Lambda is: the function, its mapping, the last hour, and what this month has cost so far.

Metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html; the function's own are in
docs/lambda.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambda_deploy.cost import Prices
from lambda_deploy.errors import NotDeployedError
from stream_to_s3.metrics import DIMENSION, NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient

_OF_AWS: Final = "AWS/Lambda"
LAST_HOUR: Final = {
    "calls": (_OF_AWS, "Invocations", "Sum"),
    "errors": (_OF_AWS, "Errors", "Sum"),
    "throttles": (_OF_AWS, "Throttles", "Sum"),
    "oldest_milliseconds": (_OF_AWS, "IteratorAge", "Maximum"),
    "written": (NAMESPACE, "EventsWritten", "Sum"),
    "quarantined": (NAMESPACE, "EventsQuarantined", "Sum"),
    "trigger_failed": (NAMESPACE, "TriggerFailed", "Sum"),
}
_THIS_MONTH: Final = {
    "calls": (_OF_AWS, "Invocations", "Sum"),
    "milliseconds": (_OF_AWS, "Duration", "Sum"),
    "written": (NAMESPACE, "EventsWritten", "Sum"),
}

Query = Mapping[str, tuple[str, str, str]]


@dataclass(frozen=True)
class StreamMapping:
    """An event source mapping as it is; `last_result` is AWS's own sentence."""

    uuid: str
    function: str
    source: str
    state: str
    last_result: str


@dataclass(frozen=True)
class Status:
    """What `stream-lambda status` shows. Counts are of the last hour, dollars since the first of the month (UTC).

    `oldest_seconds` is the greatest age that a record had when it was read; None when none was.
    """

    function: str
    state: str
    changed: str
    memory_mb: int
    mapping: StreamMapping | None
    calls: int
    errors: int
    throttles: int
    written: int
    quarantined: int
    trigger_failed: int
    oldest_seconds: float | None
    events_this_month: int
    dollars_this_month: float


def stream_mappings(client: "LambdaClient", **where: str) -> list[StreamMapping]:
    """The mappings of a function (FunctionName) or of a stream (EventSourceArn)."""
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


class Metrics:
    """The metrics of one function."""

    def __init__(self, client: "CloudWatchClient", function: str) -> None:
        self._client = client
        self._function = function

    def read(self, query: Query, start: datetime, end: datetime, period: int) -> dict[str, float | None]:
        """Each metric over the whole time, None where there is no value; `period` is in seconds."""
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self._metric(name, query[name], period) for name in query], StartTime=start, EndTime=end
        )
        values: dict[str, list[float]] = {name: [] for name in query}
        for page in pages:
            for found in page["MetricDataResults"]:
                values[found["Id"]] += found["Values"]
        combine = {name: max if query[name][2] == "Maximum" else sum for name in query}
        return {name: combine[name](found) if found else None for name, found in values.items()}

    def _metric(self, name: str, metric: tuple[str, str, str], period: int) -> Any:
        dimension = {"Name": DIMENSION, "Value": self._function}
        what = {"Namespace": metric[0], "MetricName": metric[1], "Dimensions": [dimension]}
        return {"Id": name, "MetricStat": {"Metric": what, "Period": period, "Stat": metric[2]}}


class Watch:
    """Looks at one deployed function. `clock` gives seconds since the epoch."""

    def __init__(
        self, functions: "LambdaClient", metrics: "CloudWatchClient", prices: Prices, clock: Callable[[], float]
    ) -> None:
        self._functions = functions
        self._metrics = metrics
        self._prices = prices
        self._clock = clock

    def status(self, function: str) -> Status:
        """What is to be seen now. Raises NotDeployedError when there is no such function."""
        try:
            found = self._functions.get_function_configuration(FunctionName=function)
        except self._functions.exceptions.ResourceNotFoundException:
            raise NotDeployedError(f"there is no function {function}: run `stream-lambda deploy`") from None
        mappings = stream_mappings(self._functions, FunctionName=function)
        metrics, now = Metrics(self._metrics, function), datetime.fromtimestamp(self._clock(), UTC)
        hour = metrics.read(LAST_HOUR, now - timedelta(hours=1), now, 60)
        first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        month = metrics.read(_THIS_MONTH, first, now, 3600)
        oldest = hour["oldest_milliseconds"]
        return Status(
            function=function,
            state=found.get("State", "unknown"),
            changed=found.get("LastModified", "unknown"),
            memory_mb=found["MemorySize"],
            mapping=mappings[0] if mappings else None,
            calls=round(hour["calls"] or 0),
            errors=round(hour["errors"] or 0),
            throttles=round(hour["throttles"] or 0),
            written=round(hour["written"] or 0),
            quarantined=round(hour["quarantined"] or 0),
            trigger_failed=round(hour["trigger_failed"] or 0),
            oldest_seconds=None if oldest is None else oldest / 1000,
            events_this_month=round(month["written"] or 0),
            dollars_this_month=spent(month, found["MemorySize"], self._prices),
        )


def spent(month: Mapping[str, float | None], memory_mb: int, prices: Prices) -> float:
    """What calls, their computing and one object each have cost, in US dollars."""
    calls, milliseconds = month["calls"] or 0, month["milliseconds"] or 0
    computing = milliseconds / 1000 * memory_mb / 1024 * prices.lambda_gb_second_arm64
    return calls / 1e6 * prices.lambda_million_requests + calls / 1e3 * prices.s3_thousand_puts + computing


def told(status: Status) -> list[tuple[str, str]]:
    """The status as pairs of a label and a sentence."""
    oldest = "none was read" if status.oldest_seconds is None else f"{status.oldest_seconds:,.1f} s"
    mapping = status.mapping
    return [
        ("function", f"{status.function}, {status.state}, {status.memory_mb} MB, changed {status.changed}"),
        ("mapping", f"{mapping.state}, last result: {mapping.last_result or 'none yet'}" if mapping else "none"),
        ("last hour", f"{status.written:,} events in {status.calls:,} calls, {status.quarantined:,} quarantined"),
        ("", f"{status.errors:,} errors, {status.throttles:,} throttles, {status.trigger_failed:,} failed starts"),
        ("oldest record", oldest),
        ("this month", f"{status.events_this_month:,} events, ${status.dollars_this_month:,.4f} for Lambda and puts"),
    ]
