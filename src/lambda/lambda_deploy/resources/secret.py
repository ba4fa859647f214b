"""The secret with which the function identifies itself to Databricks, where it needs one.

Its value comes from a prompt or standard input, goes to Secrets Manager, and is never read back here.
"""

from typing import Final

from lambda_deploy.aws import found
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list

_DESCRIPTION: Final = "As whom the Lambda starts the Databricks job"
_RECOVERY_DAYS: Final = 7


class DatabricksSecret(Resource):
    """Its value shows as `value` only while a new one is to be stored."""

    kind = "secret"

    @property
    def name(self) -> str:
        """Made of the function's name."""
        return self.config.secret_name

    def read(self) -> State | None:
        """One that waits to be deleted counts as gone."""
        answer = found(self.client("secretsmanager").describe_secret, SecretId=self.name)
        if answer is None or "DeletedDate" in answer:
            return None
        return {
            "description": answer.get("Description", ""),
            "value": "(hidden)" if answer.get("VersionIdsToStages") else "(none)",
            "tags": our_tags(answer.get("Tags", [])),
        }

    def desired(self, current: State | None) -> State | None:
        """Nothing when the function needs no secret."""
        if not self.config.needs_secret:
            return None
        value = "(hidden)" if self.site.secret is None else "(hidden, new)"
        return {"description": _DESCRIPTION, "value": value, "tags": self.site.tags}

    def create(self, desired: State) -> None:
        """Or takes back its deletion, if it was deleted less than a week ago.

        Raises LambdaDeployError when no value was given.
        """
        manager, value = self.client("secretsmanager"), self._value()
        if found(manager.describe_secret, SecretId=self.name) is not None:
            manager.restore_secret(SecretId=self.name)
            self.update({"description": "", "value": "", "tags": {}}, desired)
            return
        manager.create_secret(
            Name=self.name, Description=desired["description"], SecretString=value, Tags=tag_list(desired["tags"])
        )

    def update(self, current: State, desired: State) -> None:
        """A new value only when one was given."""
        manager = self.client("secretsmanager")
        if current["description"] != desired["description"]:
            manager.update_secret(SecretId=self.name, Description=desired["description"])
        if current["value"] != desired["value"]:
            manager.put_secret_value(SecretId=self.name, SecretString=self._value())
        if current["tags"] != desired["tags"]:
            manager.tag_resource(SecretId=self.name, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """Within a week it can be taken back."""
        found(self.client("secretsmanager").delete_secret, SecretId=self.name, RecoveryWindowInDays=_RECOVERY_DAYS)

    def _value(self) -> str:
        if self.site.secret is None:
            raise LambdaDeployError(f"the secret {self.name} needs a value: give it by --secret-stdin or at the prompt")
        return self.site.secret.reveal()
