"""The function's log group, made before the function could make one that keeps its log for ever."""

from lambda_deploy.aws import found
from lambda_deploy.resources.base import Resource, State, our_tags


class LogGroup(Resource):
    """Its retention, in days."""

    kind = "log group"

    @property
    def name(self) -> str:
        """The one that Lambda gives to a function of this name."""
        return self.config.log_group

    def read(self) -> State | None:
        """`retention_days` is None where the log is kept for ever."""
        logs = self.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.name)
        groups = [group for page in pages for group in page["logGroups"] if group["logGroupName"] == self.name]
        if not groups:
            return None
        tags = (found(logs.list_tags_for_resource, resourceArn=self._arn) or {}).get("tags", {})
        return {"retention_days": groups[0].get("retentionInDays"), "tags": our_tags(tags)}

    def desired(self, current: State | None) -> State:
        """As databricks.yml says."""
        return {"retention_days": self.config.log_retention_days, "tags": self.site.tags}

    def create(self, desired: State) -> None:
        """Two calls: stopped between them, the log would be kept for ever, and the next plan shows it."""
        self.client("logs").create_log_group(logGroupName=self.name, tags=desired["tags"])
        self._retain(desired["retention_days"])

    def update(self, current: State, desired: State) -> None:
        """What differs."""
        if current["retention_days"] != desired["retention_days"]:
            self._retain(desired["retention_days"])
        if current["tags"] != desired["tags"]:
            self.client("logs").tag_resource(resourceArn=self._arn, tags=desired["tags"])

    def delete(self) -> None:
        """With the log."""
        found(self.client("logs").delete_log_group, logGroupName=self.name)

    def _retain(self, days: int) -> None:
        self.client("logs").put_retention_policy(logGroupName=self.name, retentionInDays=days)

    @property
    def _arn(self) -> str:
        return self.facts.arn("logs", f"log-group:{self.name}")
