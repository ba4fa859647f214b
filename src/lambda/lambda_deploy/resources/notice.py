"""The notice of new on-failure objects: S3 tells EventBridge, and a rule there tells the topic.

By EventBridge, because a notification of the bucket's own could clash with those of others on the same prefix.
"""

import json
from typing import Any, Final

from lambda_deploy.aws import found
from lambda_deploy.config import ON_FAILURE_PREFIX
from lambda_deploy.errors import AwsError
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list

_TARGET_ID: Final = "alerts"
_TEXT: Final = (
    '"Lambda gave up a batch and wrote it to s3://<bucket>/<key>. '
    'See docs/runbook.md; stream-lambda redrive puts it through again."'
)


class OnFailureNotice(Resource):
    """The bucket's switch to EventBridge, which stays, and the rule."""

    kind = "on-failure notice"

    @property
    def name(self) -> str:
        """The rule's."""
        return self.config.rule_name

    def read(self) -> State | None:
        """The rule, its target, and whether the bucket tells EventBridge."""
        events = self.client("events")
        rule = found(events.describe_rule, Name=self.name)
        if rule is None:
            return None
        targets = events.list_targets_by_rule(Rule=self.name)["Targets"]
        return {
            "bucket_tells": "EventBridgeConfiguration" in self._notifications(),
            "pattern": json.loads(rule.get("EventPattern") or "{}"),
            "state": rule.get("State"),
            "targets": {target["Id"]: _told(target) for target in targets},
            "tags": our_tags(events.list_tags_for_resource(ResourceARN=self._arn)["Tags"]),
        }

    def desired(self, current: State | None) -> State:
        """For the objects of this mapping alone: targets share the bucket."""
        key = {"prefix": f"{ON_FAILURE_PREFIX}{self.facts.mapping_id}/"}
        return {
            "bucket_tells": True,
            "pattern": {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [self.config.bucket]}, "object": {"key": [key]}},
            },
            "state": "ENABLED",
            "targets": {_TARGET_ID: {"arn": self.facts.topic_arn, "text": _TEXT}},
            "tags": self.site.tags,
        }

    def create(self, desired: State) -> None:
        """Three calls; whichever was not made is made by the next deploy."""
        self._put_rule(desired, Tags=tag_list(desired["tags"]))
        self._put_targets(desired)
        self._switch_on()

    def update(self, current: State, desired: State) -> None:
        """What differs; targets of others go, since nobody else should be told of our data."""
        if (current["pattern"], current["state"]) != (desired["pattern"], desired["state"]):
            self._put_rule(desired)
        if current["targets"] != desired["targets"]:
            self._put_targets(desired)
            self._remove_targets([name for name in current["targets"] if name not in desired["targets"]])
        if not current["bucket_tells"]:
            self._switch_on()
        if current["tags"] != desired["tags"]:
            self.client("events").tag_resource(ResourceARN=self._arn, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """The rule with its targets. The bucket goes on telling EventBridge: others may listen by now."""
        events = self.client("events")
        targets = found(events.list_targets_by_rule, Rule=self.name)
        if targets is not None:
            self._remove_targets([target["Id"] for target in targets["Targets"]])
            found(events.delete_rule, Name=self.name)

    def _put_rule(self, desired: State, **more: Any) -> None:
        self.client("events").put_rule(
            Name=self.name, EventPattern=json.dumps(desired["pattern"]), State=desired["state"], **more
        )

    def _put_targets(self, desired: State) -> None:
        transformer = {
            "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
            "InputTemplate": _TEXT,
        }
        targets = [{"Id": _TARGET_ID, "Arn": desired["targets"][_TARGET_ID]["arn"], "InputTransformer": transformer}]
        answer = self.client("events").put_targets(Rule=self.name, Targets=targets)
        if answer.get("FailedEntryCount"):
            raise AwsError(f"EventBridge did not take the topic as a target of {self.name}: {answer['FailedEntries']}")

    def _remove_targets(self, names: list[str]) -> None:
        if names:
            found(self.client("events").remove_targets, Rule=self.name, Ids=names)

    def _notifications(self) -> dict[str, Any]:
        answer = found(self.client("s3").get_bucket_notification_configuration, Bucket=self.config.bucket) or {}
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _switch_on(self) -> None:
        # The call replaces all notifications of the bucket, so those that are there are written again.
        there = self._notifications()
        if "EventBridgeConfiguration" not in there:
            self.client("s3").put_bucket_notification_configuration(
                Bucket=self.config.bucket,
                NotificationConfiguration={**there, "EventBridgeConfiguration": {}},
                SkipDestinationValidation=True,
            )

    @property
    def _arn(self) -> str:
        return self.facts.arn("events", f"rule/{self.name}")


def _told(target: dict[str, Any]) -> dict[str, str]:
    return {"arn": target["Arn"], "text": target.get("InputTransformer", {}).get("InputTemplate", "")}
