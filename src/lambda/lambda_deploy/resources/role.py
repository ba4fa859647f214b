"""The function's role, which Lambda alone may take, and its policy."""

import json
from typing import Any, Final

from lambda_deploy.aws import found
from lambda_deploy.policy import statements
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list

POLICY_NAME: Final = "stream-to-s3"
_TRUST: Final[dict[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Role(Resource):
    """The role, without what it may do."""

    kind = "role"

    @property
    def name(self) -> str:
        """Made of the function's name."""
        return self.config.role_name

    def read(self) -> State | None:
        """Who may take it, its description and tags."""
        answer = found(self.client("iam").get_role, RoleName=self.name)
        if answer is None:
            return None
        role = answer["Role"]
        return {
            "trust": role["AssumeRolePolicyDocument"],
            "description": role.get("Description", ""),
            "tags": our_tags(role.get("Tags", [])),
        }

    def desired(self, current: State | None) -> State:
        """For Lambda alone."""
        return {
            "trust": _TRUST,
            "description": f"What {self.config.function_name} may do",
            "tags": self.site.tags,
        }

    def create(self, desired: State) -> None:
        """One call."""
        self.client("iam").create_role(
            RoleName=self.name,
            AssumeRolePolicyDocument=json.dumps(desired["trust"]),
            Description=desired["description"],
            Tags=tag_list(desired["tags"]),
        )

    def update(self, current: State, desired: State) -> None:
        """What differs."""
        iam = self.client("iam")
        if current["trust"] != desired["trust"]:
            iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(desired["trust"]))
        if current["description"] != desired["description"]:
            iam.update_role(RoleName=self.name, Description=desired["description"])
        if current["tags"] != desired["tags"]:
            iam.tag_role(RoleName=self.name, Tags=tag_list(desired["tags"]))

    def delete(self) -> None:
        """After its policy."""
        found(self.client("iam").delete_role, RoleName=self.name)


class RolePolicy(Resource):
    """All that the role may do: one inline policy of ours, and nothing beside it."""

    kind = "policy"

    @property
    def name(self) -> str:
        """The role's and its own."""
        return f"{self.config.role_name}/{POLICY_NAME}"

    def read(self) -> State | None:
        """The statements by their ids, and what others have given to the role."""
        iam, role = self.client("iam"), self.config.role_name
        inline = found(iam.list_role_policies, RoleName=role)
        if inline is None:
            return None
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        ours = found(iam.get_role_policy, RoleName=role, PolicyName=POLICY_NAME)
        others = sorted([name for name in inline["PolicyNames"] if name != POLICY_NAME])
        if ours is None and not others and not attached:
            return None
        return {
            "statements": _by_id(ours["PolicyDocument"]) if ours else {},
            "other_policies": others,
            "attached_policies": sorted([policy["PolicyArn"] for policy in attached]),
        }

    def desired(self, current: State | None) -> State:
        """Least privilege: docs/iam.md has the reason of each statement."""
        return {"statements": statements(self.config, self.facts), "other_policies": [], "attached_policies": []}

    def create(self, desired: State) -> None:
        """One call."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Sid": name, **statement} for name, statement in desired["statements"].items()],
        }
        self.client("iam").put_role_policy(
            RoleName=self.config.role_name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(document)
        )

    def update(self, current: State, desired: State) -> None:
        """Takes back what was given beside it."""
        if current["statements"] != desired["statements"]:
            self.create(desired)
        self._remove_others(current)

    def delete(self) -> None:
        """With whatever else would keep the role from being deleted."""
        current = self.read()
        if current is not None:
            self._remove_others(current)
            found(self.client("iam").delete_role_policy, RoleName=self.config.role_name, PolicyName=POLICY_NAME)

    def is_ours(self, current: State) -> bool:
        """As the role is."""
        role = Role(self.site).read()
        return role is not None and super().is_ours(role)

    def _remove_others(self, current: State) -> None:
        iam, role = self.client("iam"), self.config.role_name
        for name in current["other_policies"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        for arn in current["attached_policies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _by_id(document: dict[str, Any]) -> dict[str, Any]:
    """The statements of a policy by their ids, lists of one as lists, in order."""
    listed = document.get("Statement", [])
    by_id = {}
    for number, statement in enumerate(listed if isinstance(listed, list) else [listed]):
        content = {name: value for name, value in statement.items() if name != "Sid"}
        for name in ("Action", "Resource"):
            if name in content:
                content[name] = sorted([content[name]] if isinstance(content[name], str) else content[name])
        by_id[statement.get("Sid", f"#{number}")] = content
    return by_id
