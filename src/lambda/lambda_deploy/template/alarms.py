"""The alarms: one for each event that an operator must act on. docs/troubleshooting.md has a section for each.

Metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from lambda_deploy import names
from lambda_deploy.config import Config
from stream_to_s3.metrics import NAMESPACE

_LAMBDA: Final = "AWS/Lambda"
_FIVE_MINUTES: Final = 300
_HOUR: Final = 3_600


@dataclass(frozen=True)
class Alarm:
    """When an alarm goes off: `periods` of five minutes in a row, each beyond the threshold.

    `of` says whether the metric belongs to the function or to its mapping. A metric without data is no alarm.
    """

    what: str
    text: str
    namespace: str
    metric: str
    of: Literal["function", "mapping"]
    statistic: Literal["Maximum", "Sum"]
    threshold: int
    periods: int = 1


_SIMPLE: Final = (
    Alarm(
        "iterator-age",
        "Events wait more than half an hour in the stream, which keeps them for 24 hours",
        *(_LAMBDA, "IteratorAge", "function", "Maximum", 1_800_000, 3),
    ),
    Alarm(
        "iterator-age-12h",
        "Events wait more than 12 hours in the stream: after max_record_age_seconds they leave it unwritten",
        *(_LAMBDA, "IteratorAge", "function", "Maximum", 43_200_000),
    ),
    Alarm(
        "errors",
        "The function failed: S3 refused an object, or a setting is wrong; the batch is delivered again",
        *(_LAMBDA, "Errors", "function", "Sum", 0),
    ),
    Alarm(
        "on-failure",
        "Lambda wrote batches to the on-failure destination instead of delivering them again",
        *(_LAMBDA, "OnFailureDestinationDeliveredEventCount", "mapping", "Sum", 0),
    ),
    Alarm(
        "dropped",
        "Events were dropped: they are neither in S3 nor in an on-failure object",
        *(_LAMBDA, "DroppedEventCount", "mapping", "Sum", 0),
    ),
    Alarm(
        "quarantined",
        "Records could not be converted and are in the quarantine prefix",
        *(NAMESPACE, "EventsQuarantined", "function", "Sum", 0),
    ),
)
ALARMS: Final = (*[alarm.what for alarm in _SIMPLE], "not-polling", "trigger-failed")
"""The ends of the alarms' names; the last one exists with `lambda_starts_job` only."""


def alarms(config: Config) -> dict[str, dict[str, Any]]:
    """Return the properties of each alarm of a target by its logical id."""
    found = {alarm.what: _simple(config, alarm) for alarm in _SIMPLE}
    found["not-polling"] = _not_polling(config)
    if config.lambda_starts_job:
        found["trigger-failed"] = _trigger_failed(config)
    return {_logical_id(what): {**_head(config, what), **alarm} for what, alarm in found.items()}


def _logical_id(what: str) -> str:
    return "".join([part.capitalize() for part in what.split("-")]) + "Alarm"


def _head(config: Config, what: str) -> dict[str, Any]:
    topic = [{"Ref": "Topic"}]
    return {"AlarmName": names.alarm_name(config, what), "AlarmActions": topic, "OKActions": topic}


def _text(text: str, what: str) -> str:
    return f"{text}. What to do: docs/troubleshooting.md#{what}"


def _dimensions(config: Config, of: str) -> list[dict[str, Any]]:
    if of == "mapping":
        return [{"Name": "EventSourceMappingUUID", "Value": {"Ref": "Mapping"}}]
    return [{"Name": "FunctionName", "Value": config.function_name}]


def _simple(config: Config, alarm: Alarm) -> dict[str, Any]:
    return {
        "AlarmDescription": _text(alarm.text, alarm.what),
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": _dimensions(config, alarm.of),
        "Statistic": alarm.statistic,
        "Period": _FIVE_MINUTES,
        "EvaluationPeriods": alarm.periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def _not_polling(config: Config) -> dict[str, Any]:
    """Alarm when the mapping stops. Lambda counts empty polls as 0, so only a mapping that does not poll has no data.

    No data means INSUFFICIENT_DATA, the state of a new alarm too: so only a mapping that stops is reported.
    """
    text = "Lambda does not read the stream: the mapping is disabled, broken or deleted"
    return {
        "AlarmDescription": _text(text, "not-polling"),
        "Namespace": _LAMBDA,
        "MetricName": "PolledEventCount",
        "Dimensions": _dimensions(config, "mapping"),
        "Statistic": "SampleCount",
        "Period": _FIVE_MINUTES,
        "EvaluationPeriods": 3,
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "missing",
        "InsufficientDataActions": [{"Ref": "Topic"}],
    }


def _trigger_failed(config: Config) -> dict[str, Any]:
    """Alarm when starts fail and none succeeds: the next successful start finds the same files."""

    def summed(metric: str) -> dict[str, Any]:
        stat = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": _dimensions(config, "function")}
        query = {"Metric": stat, "Period": _HOUR, "Stat": "Sum"}
        return {"Id": metric.lower(), "MetricStat": query, "ReturnData": False}

    failed, started = "TriggerFailed", "TriggerStarted"
    text = "The Databricks job could not be started for an hour; its schedule reads the files"
    none_started = f"IF(FILL({failed.lower()}, 0) > 0 AND FILL({started.lower()}, 0) == 0, 1, 0)"
    return {
        "AlarmDescription": _text(text, "trigger-failed"),
        "Metrics": [
            {"Id": "result", "Expression": none_started, "Label": "failed without a start", "ReturnData": True},
            summed(failed),
            summed(started),
        ],
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
