"""The alarms: one for each way in which events could get late, stuck or lost. docs/runbook.md has a section for each.

Metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from lambda_deploy.config import Config
from lambda_deploy.resources.base import Resource, Site, State, our_tags, tag_list
from stream_to_s3.metrics import NAMESPACE

_LAMBDA: Final = "AWS/Lambda"
_FIVE_MINUTES: Final = 300


@dataclass(frozen=True)
class Alarm:
    """When it goes off: `periods` of five minutes in a row, each beyond the threshold.

    `of` is whether the metric is one of the function or of its mapping. `silence` is what no data means: an alarm when
    it is "breaching".
    """

    what: str
    text: str
    namespace: str
    metric: str
    of: Literal["function", "mapping"]
    statistic: Literal["Maximum", "SampleCount", "Sum"]
    comparison: Literal["GreaterThanThreshold", "LessThanThreshold"]
    threshold: float
    periods: int = 1
    silence: Literal["breaching", "notBreaching"] = "notBreaching"
    needs_trigger: bool = False


ALARMS: Final = (
    Alarm(
        "iterator-age",
        "Events wait more than half an hour in the stream, which keeps them for 24 hours",
        *(_LAMBDA, "IteratorAge", "function", "Maximum", "GreaterThanThreshold", 1_800_000, 3),
    ),
    Alarm(
        "errors",
        "The function failed: S3 refused an object, or a setting is wrong; the batch is delivered again",
        *(_LAMBDA, "Errors", "function", "Sum", "GreaterThanThreshold", 0),
    ),
    Alarm(
        "not-polling",
        "Lambda does not read the stream: the mapping is disabled, broken or gone",
        *(_LAMBDA, "PolledEventCount", "mapping", "SampleCount", "LessThanThreshold", 1, 3, "breaching"),
    ),
    Alarm(
        "dropped",
        "Events were dropped: they are neither in S3 nor in an on-failure object",
        *(_LAMBDA, "DroppedEventCount", "mapping", "Sum", "GreaterThanThreshold", 0),
    ),
    Alarm(
        "on-failure",
        "Lambda gave up a batch and wrote it to an on-failure object: redrive it",
        *(_LAMBDA, "OnFailureDestinationDeliveredEventCount", "mapping", "Sum", "GreaterThanThreshold", 0),
    ),
    Alarm(
        "on-failure-lost",
        "Lambda gave up a batch and could not write the on-failure object either",
        *(_LAMBDA, "DestinationDeliveryFailures", "function", "Sum", "GreaterThanThreshold", 0),
    ),
    Alarm(
        "quarantined",
        "Records could not be converted and are under the quarantine prefix as they were received",
        *(NAMESPACE, "EventsQuarantined", "function", "Sum", "GreaterThanThreshold", 0),
    ),
    Alarm(
        "trigger-failed",
        "The Databricks job could not be started for a quarter of an hour; its schedule picks the files up",
        *(NAMESPACE, "TriggerFailed", "function", "Sum", "GreaterThanThreshold", 0, 3, "notBreaching", True),
    ),
)


class MetricAlarm(Resource):
    """One alarm."""

    kind = "alarm"

    def __init__(self, site: Site, alarm: Alarm) -> None:
        super().__init__(site)
        self._alarm = alarm

    @property
    def name(self) -> str:
        """Made of the function's name and what it is about."""
        return self.config.alarm_name(self._alarm.what)

    def read(self) -> State | None:
        """As DescribeAlarms tells it."""
        cloudwatch = self.client("cloudwatch")
        alarms = cloudwatch.describe_alarms(AlarmNames=[self.name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not alarms:
            return None
        found = alarms[0]
        tags = cloudwatch.list_tags_for_resource(ResourceARN=self._arn)["Tags"]
        settings = {name: found.get(name) for name in _settings(self.config, self._alarm, "", "")}
        return {**settings, "Dimensions": _by_name(found.get("Dimensions", [])), "tags": our_tags(tags)}

    def desired(self, current: State | None) -> State | None:
        """Nothing for an alarm about the trigger while there is none."""
        if self._alarm.needs_trigger and not self.config.lambda_starts_job:
            return None
        settings = _settings(self.config, self._alarm, self.facts.mapping_id, self.facts.topic_arn)
        return {**settings, "tags": self.site.tags}

    def create(self, desired: State) -> None:
        """One call."""
        self._put(desired, Tags=tag_list(desired["tags"]))

    def update(self, current: State, desired: State) -> None:
        """An alarm is always put as a whole; its tags only by a call of their own."""
        if {**current, "tags": None} != {**desired, "tags": None}:
            self._put(desired)
        if current["tags"] != desired["tags"]:
            self.client("cloudwatch").tag_resource(ResourceARN=self._arn, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """CloudWatch says nothing of one that is gone already."""
        self.client("cloudwatch").delete_alarms(AlarmNames=[self.name])

    def _put(self, desired: State, **more: Any) -> None:
        settings = {name: value for name, value in desired.items() if name != "tags"}
        dimensions = [{"Name": name, "Value": value} for name, value in settings.pop("Dimensions").items()]
        self.client("cloudwatch").put_metric_alarm(AlarmName=self.name, Dimensions=dimensions, **settings, **more)

    @property
    def _arn(self) -> str:
        return self.facts.arn("cloudwatch", f"alarm:{self.name}")


def _by_name(dimensions: list[dict[str, str]]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in dimensions}


def _settings(config: Config, alarm: Alarm, mapping_id: str, topic_arn: str) -> State:
    dimensions = {"FunctionName": config.function_name}
    return {
        "AlarmDescription": f"{alarm.text}. What to do: docs/runbook.md, {alarm.what}",
        "ActionsEnabled": True,
        "AlarmActions": [topic_arn],
        "OKActions": [topic_arn],
        "InsufficientDataActions": [],
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": dimensions if alarm.of == "function" else {"EventSourceMappingUUID": mapping_id},
        "Statistic": alarm.statistic,
        "Period": _FIVE_MINUTES,
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.periods,
        "Threshold": float(alarm.threshold),
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": alarm.silence,
    }
