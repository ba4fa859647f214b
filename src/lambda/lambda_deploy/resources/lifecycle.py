"""The bucket's rule that removes archived files after a while, when databricks.yml asks for it."""

from typing import Any

from lambda_deploy.aws import found
from lambda_deploy.resources.base import Resource, State
from lambda_deploy.resources.role import Role


class ArchiveLifecycle(Resource):
    """One rule among those of the bucket, told from the others by its id."""

    kind = "archive lifecycle"

    @property
    def name(self) -> str:
        """The rule's id, which is made of the function's name."""
        return f"{self.config.function_name}-archive"

    def read(self) -> State | None:
        """How long files under which prefix are kept."""
        for rule in self._rules()[0]:
            if rule.get("ID") == self.name:
                prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix"))
                days = rule.get("Expiration", {}).get("Days")
                return {"prefix": prefix, "days": days, "status": rule.get("Status")}
        return None

    def desired(self, current: State | None) -> State | None:
        """Nothing while the archive is kept for ever."""
        days = self.config.archive_retention_days
        return {"prefix": self.config.archive_prefix, "days": days, "status": "Enabled"} if days else None

    def create(self, desired: State) -> None:
        """Beside the rules that are there."""
        self._put(
            {
                "ID": self.name,
                "Status": desired["status"],
                "Filter": {"Prefix": desired["prefix"]},
                "Expiration": {"Days": desired["days"]},
            }
        )

    def update(self, current: State, desired: State) -> None:
        """Written anew."""
        self.create(desired)

    def delete(self) -> None:
        """The other rules stay."""
        self._put(None)

    def is_ours(self, current: State) -> bool:
        """Rules have no tags, and two targets may name one function: the role says whose it is, if it is there."""
        role = Role(self.site).read()
        return role is None or Role(self.site).is_ours(role)

    def _rules(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """All rules of the bucket, and what else is to be said when they are written again."""
        answer = found(self.client("s3").get_bucket_lifecycle_configuration, Bucket=self.config.bucket) or {}
        smallest = answer.get("TransitionDefaultMinimumObjectSize")
        return answer.get("Rules", []), {"TransitionDefaultMinimumObjectSize": smallest} if smallest else {}

    def _put(self, rule: dict[str, Any] | None) -> None:
        s3, bucket = self.client("s3"), self.config.bucket
        there, more = self._rules()
        rules = [other for other in there if other.get("ID") != self.name] + ([rule] if rule else [])
        if rules:
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **more)
        elif there:
            s3.delete_bucket_lifecycle(Bucket=bucket)
