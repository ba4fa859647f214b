"""The CloudWatch dashboard: the way of the events on one page."""

import json
from typing import Any, Final

from lambda_deploy.aws import found
from lambda_deploy.config import PROJECT
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list
from stream_to_s3.metrics import NAMESPACE

_HALF: Final = 12
_HEIGHT: Final = 6


class Dashboard(Resource):
    """Its body as data, since CloudWatch keeps the text that it was given."""

    kind = "dashboard"

    @property
    def name(self) -> str:
        """The function's."""
        return self.config.function_name

    def read(self) -> State | None:
        """Body and tags; no tags where CloudWatch does not know those of dashboards yet, so that none are asked for."""
        cloudwatch = self.client("cloudwatch")
        answer = found(cloudwatch.get_dashboard, DashboardName=self.name)
        if answer is None:
            return None
        tags = found(cloudwatch.list_tags_for_resource, ResourceARN=self._arn)
        body = {"body": json.loads(answer["DashboardBody"])}
        return body if tags is None else {**body, "tags": our_tags(tags["Tags"])}

    def desired(self, current: State | None) -> State:
        """Its first line says whose it is."""
        body = {"body": {"widgets": self._widgets()}}
        return body if current is not None and "tags" not in current else {**body, "tags": self.site.tags}

    def create(self, desired: State) -> None:
        """One call."""
        self.client("cloudwatch").put_dashboard(
            DashboardName=self.name, DashboardBody=json.dumps(desired["body"]), Tags=tag_list(desired["tags"])
        )

    def update(self, current: State, desired: State) -> None:
        """What differs."""
        cloudwatch = self.client("cloudwatch")
        if current["body"] != desired["body"]:
            cloudwatch.put_dashboard(DashboardName=self.name, DashboardBody=json.dumps(desired["body"]))
        if current.get("tags") != desired.get("tags"):
            cloudwatch.tag_resource(ResourceARN=self._arn, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """Succeeds when it is gone already."""
        found(self.client("cloudwatch").delete_dashboards, DashboardNames=[self.name])

    def is_ours(self, current: State) -> bool:
        """By its tags, or by its first line where they are missing: dashboards have had tags for a short time only."""
        return super().is_ours(current) or self._head() in current["body"].get("widgets", [])[:1]

    def _head(self) -> dict[str, Any]:
        text = f"# {self.name}\n{PROJECT}, target {self.config.target}: {self.config.dynamodb_table} to s3://" + (
            f"{self.config.bucket}/{self.config.landing_prefix}. Each alarm has a section in docs/runbook.md."
        )
        place = {"x": 0, "y": 0, "width": 2 * _HALF, "height": 2}
        return {"type": "text", **place, "properties": {"markdown": text}}

    def _widgets(self) -> list[dict[str, Any]]:
        function = ("FunctionName", self.config.function_name)
        mapping = ("EventSourceMappingUUID", self.facts.mapping_id)
        ours, theirs = (NAMESPACE, function), ("AWS/Lambda", function)
        polled = ("AWS/Lambda", mapping)
        rows = [
            self._graph("Events", "Sum", [(*polled, "PolledEventCount"), (*ours, "EventsWritten")]),
            self._graph("Age of the last event, milliseconds", "Maximum", [(*theirs, "IteratorAge")]),
            self._graph("Failures", "Sum", [(*theirs, "Errors"), (*theirs, "Throttles"), (*ours, "EventsQuarantined")]),
            self._graph(
                "Given up",
                "Sum",
                [
                    (*polled, "OnFailureDestinationDeliveredEventCount"),
                    (*polled, "DroppedEventCount"),
                    (*theirs, "DestinationDeliveryFailures"),
                ],
            ),
            self._graph(
                "Duration and writing, milliseconds", "p99", [(*theirs, "Duration"), (*ours, "WriteMilliseconds")]
            ),
            self._graph("Bytes written", "Sum", [(*ours, "BytesWritten")]),
        ]
        if self.config.lambda_starts_job:
            outcomes = ("TriggerStarted", "TriggerSkipped", "TriggerFailed")
            rows.append(self._graph("The job's starts", "Sum", [(*ours, name) for name in outcomes]))
        for number, widget in enumerate(rows):
            widget |= {"x": number % 2 * _HALF, "y": 2 + number // 2 * _HEIGHT, "width": _HALF, "height": _HEIGHT}
        return [self._head(), *rows]

    def _graph(self, title: str, statistic: str, metrics: list[tuple[str, tuple[str, str], str]]) -> dict[str, Any]:
        return {
            "type": "metric",
            "properties": {
                "title": title,
                "region": self.config.region,
                "view": "timeSeries",
                "stat": statistic,
                "period": 300,
                "metrics": [[namespace, metric, *dimension] for namespace, dimension, metric in metrics],
            },
        }

    @property
    def _arn(self) -> str:
        return self.facts.arn("cloudwatch", f"dashboard/{self.name}").replace(f":{self.config.region}:", "::")
