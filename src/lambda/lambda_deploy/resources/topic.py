"""The SNS topic that the alarms and the notice of on-failure objects go to, and the address that it mails to."""

import json
from typing import Any

from lambda_deploy.aws import found
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list


class Topic(Resource):
    """Who may publish, and which addresses are told."""

    kind = "topic"

    @property
    def name(self) -> str:
        """Made of the function's name."""
        return self.config.topic_name

    def read(self) -> State | None:
        """Its policy, tags and all e-mail addresses, confirmed or not."""
        sns = self.client("sns")
        answer = found(sns.get_topic_attributes, TopicArn=self._arn)
        if answer is None:
            return None
        addresses = {entry["Endpoint"] for entry in self._subscriptions() if entry["Protocol"] == "email"}
        return {
            "policy": json.loads(answer["Attributes"].get("Policy", "{}")),
            "addresses": sorted(addresses),
            "tags": our_tags(sns.list_tags_for_resource(ResourceArn=self._arn)["Tags"]),
        }

    def desired(self, current: State | None) -> State:
        """Addresses that others have added stay."""
        there = set(current["addresses"]) if current else set()
        return {
            "policy": self._policy(),
            "addresses": sorted(there | {self.config.alert_email} - {""}),
            "tags": self.site.tags,
        }

    def create(self, desired: State) -> None:
        """Two calls: stopped between them, the next deploy adds the address."""
        self.client("sns").create_topic(
            Name=self.name, Attributes={"Policy": json.dumps(desired["policy"])}, Tags=tag_list(desired["tags"])
        )
        self._subscribe(desired["addresses"])

    def update(self, current: State, desired: State) -> None:
        """What differs."""
        sns = self.client("sns")
        if current["policy"] != desired["policy"]:
            sns.set_topic_attributes(
                TopicArn=self._arn, AttributeName="Policy", AttributeValue=json.dumps(desired["policy"])
            )
        self._subscribe([address for address in desired["addresses"] if address not in current["addresses"]])
        if current["tags"] != desired["tags"]:
            sns.tag_resource(ResourceArn=self._arn, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """With its subscriptions."""
        sns = self.client("sns")
        if found(sns.get_topic_attributes, TopicArn=self._arn) is None:
            return
        for subscription in self._subscriptions():
            if subscription["SubscriptionArn"].startswith("arn:"):
                found(sns.unsubscribe, SubscriptionArn=subscription["SubscriptionArn"])
        sns.delete_topic(TopicArn=self._arn)

    def notes(self, current: State | None) -> list[str]:
        """Says who has to confirm, and that nobody is told without an address."""
        if not self.config.alert_email:
            return ["alert_email is empty: nobody is told when an alarm goes off"]
        waiting = current is None or any(
            entry["Endpoint"] == self.config.alert_email and not entry["SubscriptionArn"].startswith("arn:")
            for entry in self._subscriptions()
        )
        return [f"{self.config.alert_email} gets alarms once the link in AWS's mail was followed"] if waiting else []

    def _subscribe(self, addresses: list[str]) -> None:
        for address in addresses:
            self.client("sns").subscribe(TopicArn=self._arn, Protocol="email", Endpoint=address)

    def _subscriptions(self) -> list[dict[str, Any]]:
        pages = self.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._arn)
        return [entry for page in pages for entry in page["Subscriptions"]]

    def _policy(self) -> dict[str, Any]:
        def may_publish(name: str, service: str) -> dict[str, Any]:
            return {
                "Sid": name,
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": self._arn,
            }

        alarms = self.facts.arn("cloudwatch", f"alarm:{self.config.function_name}-*")
        return {
            "Version": "2012-10-17",
            "Statement": [
                {**may_publish("Alarms", "cloudwatch"), "Condition": {"ArnLike": {"aws:SourceArn": alarms}}},
                # Under a condition EventBridge could not publish at all:
                # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
                may_publish("OnFailureObjects", "events"),
            ],
        }

    @property
    def _arn(self) -> str:
        return self.facts.topic_arn
