"""The event source mapping: how Lambda reads the stream, and what it does when the function fails.

Bisect and partial responses together lose nothing but the one bad record to the on-failure destination; bounded age
and generous retries outlast an outage of S3 without letting good neighbours expire (docs/lambda.md).
"""

from typing import Any, Final

from lambda_deploy.aws import found
from lambda_deploy.errors import AwsError, NotReadyError
from lambda_deploy.facts import KNOWN_LATER
from lambda_deploy.resources.base import Resource, State, our_tags

_SETTINGS: Final = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
)
_OFF: Final = ("Disabled", "Disabling")


class Mapping(Resource):
    """The one mapping between the table's living stream and the function."""

    kind = "mapping"

    @property
    def name(self) -> str:
        """Mappings have numbers only: from what to what."""
        return f"{self.config.dynamodb_table} -> {self.config.function_name}"

    def read(self) -> State | None:
        """As GetEventSourceMapping tells it; one that is being deleted counts as gone."""
        settings = self._settings()
        if settings is None or settings["State"] == "Deleting":
            return None
        on_failure = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        filters = settings.get("FilterCriteria", {}).get("Filters", [])
        tags = self.client("lambda").list_tags(Resource=self._arn)["Tags"]
        return {
            **{name: settings.get(name) or _nothing(name) for name in _SETTINGS},
            "enabled": settings["State"] not in _OFF,
            "filters": [each["Pattern"] for each in filters],
            "metrics": settings.get("MetricsConfig", {}).get("Metrics", []),
            "on_failure": on_failure,
            "tags": our_tags(tags),
        }

    def desired(self, current: State | None) -> State:
        """Contract 6."""
        return {
            "BatchSize": self.config.batch_size,
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "MaximumBatchingWindowInSeconds": self.config.batching_window_seconds,
            "MaximumRecordAgeInSeconds": self.config.max_record_age_seconds,
            "MaximumRetryAttempts": self.config.max_retries,
            "ParallelizationFactor": 1,
            "TumblingWindowInSeconds": 0,
            "enabled": True,
            "filters": [],
            "metrics": ["EventCount"],
            "on_failure": self.facts.bucket_arn,
            "tags": self.site.tags,
        }

    def create(self, desired: State) -> None:
        """From the stream's beginning: starting at its end can miss what is written meanwhile."""
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=self.facts.stream_arn,
            FunctionName=self.config.function_name,
            StartingPosition="TRIM_HORIZON",
            Tags=desired["tags"],
            # What is left empty is not sent: an empty list of filters is refused.
            **{name: value for name, value in _request(desired).items() if value},
        )

    def update(self, current: State, desired: State) -> None:
        """In place: its position in the stream stays."""
        client = self.client("lambda")
        there = _request(current)
        changes = {name: value for name, value in _request(desired).items() if value != there[name]}
        if changes:
            client.update_event_source_mapping(UUID=self.facts.mapping_id, **changes)
        if current["tags"] != desired["tags"]:
            client.tag_resource(Resource=self._arn, Tags=desired["tags"])

    def delete(self) -> None:
        """All of the function's, those of older streams, too."""
        for mapping in self.facts.mappings:
            found(self.client("lambda").delete_event_source_mapping, UUID=mapping["UUID"])

    def check_ready(self) -> None:
        """Until it is enabled. Raises AwsError when it was switched off instead."""
        settings = self._settings()
        state = settings["State"] if settings else "not listed yet"
        if state == "Disabled" and settings:
            reason = settings.get("StateTransitionReason", "AWS gives no reason")
            raise AwsError(f"the mapping {self.name} is disabled: {reason}")
        if state != "Enabled":
            self.facts.forget()
            raise NotReadyError(f"the mapping {self.name} is {state}")

    def check_gone(self) -> None:
        """Until Lambda lists none any more."""
        if self.facts.mappings:
            self.facts.forget()
            raise NotReadyError(f"the mapping {self.name} is being deleted")

    def notes(self, current: State | None) -> list[str]:
        """Names mappings of streams that the table had before."""
        return [
            f"the mapping {mapping['UUID']} reads another stream ({mapping.get('EventSourceArn')}); if the table had "
            "it before, delete the mapping a day after that stream was switched off: it is empty then"
            for mapping in self.facts.mappings
            if mapping.get("EventSourceArn") != self.facts.stream_arn
        ]

    def _settings(self) -> dict[str, Any] | None:
        if self.facts.mapping_id == KNOWN_LATER:
            return None
        client = self.client("lambda")
        settings: dict[str, Any] | None = found(client.get_event_source_mapping, UUID=self.facts.mapping_id)
        return settings

    @property
    def _arn(self) -> str:
        return self.facts.arn("lambda", f"event-source-mapping:{self.facts.mapping_id}")


def _nothing(name: str) -> Any:
    """What AWS leaves out when it is not set."""
    return {"FunctionResponseTypes": [], "BisectBatchOnFunctionError": False, "ParallelizationFactor": 1}.get(name, 0)


def _request(state: State) -> dict[str, Any]:
    """The settings as Lambda takes them."""
    return {
        **{name: state[name] for name in _SETTINGS},
        "DestinationConfig": {"OnFailure": {"Destination": state["on_failure"]} if state["on_failure"] else {}},
        "Enabled": state["enabled"],
        # Without filters nothing at all, which removes them:
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
        "FilterCriteria": {"Filters": [{"Pattern": each} for each in state["filters"]]} if state["filters"] else {},
        "MetricsConfig": {"Metrics": state["metrics"]},
    }
