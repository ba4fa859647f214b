"""The two-Lambda pipeline in AWS: what is there of it, and the hands that switch and delete it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients, code_of, found
from lambda_deploy.config import Config
from lambda_deploy.errors import MigrationError, NotReadyError
from lambda_deploy.migrate_seen import Journal
from lambda_deploy.status import StreamMapping, stream_mappings
from lambda_deploy.wait import Wait

_CALLS_FUNCTION: Final = "LambdaFunctionConfigurations"
# Where the two-Lambda pipeline writes, unless somebody has changed it.
_PREFIX: Final = "telemetry/"


@dataclass(frozen=True)
class OldPipeline:
    """The two old functions and what belongs to them. Errors of the SDK pass through."""

    config: Config
    clients: Clients
    wait: Wait
    stream_function: str
    trigger_function: str

    @property
    def journal_place(self) -> str:
        """The URL of the journal."""
        return f"s3://{self.config.bucket}/{self._journal_key}"

    @property
    def _journal_key(self) -> str:
        return f"migration/{self.config.function_name}.json"

    def journal(self) -> Journal | None:
        """The journal of a migration that has begun. Raises MigrationError when it cannot be read."""
        try:
            answer = self.clients("s3").get_object(Bucket=self.config.bucket, Key=self._journal_key)
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                return None
            raise
        return Journal.of(answer["Body"].read().decode("utf-8", "replace"), self.journal_place)

    def write_journal(self, journal: Journal) -> None:
        """Writes it, never over another."""
        self.clients("s3").put_object(
            Bucket=self.config.bucket, Key=self._journal_key, Body=journal.text().encode(), IfNoneMatch="*"
        )

    def forget_journal(self) -> None:
        """Removes it: the next migration begins anew."""
        self.clients("s3").delete_object(Bucket=self.config.bucket, Key=self._journal_key)

    def functions(self) -> dict[str, str]:
        """The names of the old functions that are there, with the names of their roles."""
        names = (self.stream_function, self.trigger_function)
        answers = [found(self.clients("lambda").get_function_configuration, FunctionName=name) for name in names]
        return {answer["FunctionName"]: answer["Role"].rpartition("/")[2] for answer in answers if answer}

    def mappings(self) -> tuple[StreamMapping, ...]:
        """The mappings that bring a stream of our table to the old function."""
        return tuple([one for one in self._all_mappings() if self._is_of_the_table(one)])

    def new_mapping(self) -> StreamMapping | None:
        """The mapping that brings the table's stream to our function."""
        table = found(self.clients("dynamodb").describe_table, TableName=self.config.dynamodb_table)
        stream = table and table["Table"].get("LatestStreamArn")
        if not stream:
            return None
        mappings = stream_mappings(self.clients("lambda"), EventSourceArn=stream)
        ours = [one for one in mappings if one.function == self.config.function_name]
        return ours[0] if ours else None

    def _all_mappings(self) -> list[StreamMapping]:
        if self.stream_function not in self.functions():
            return []
        return stream_mappings(self.clients("lambda"), FunctionName=self.stream_function)

    def _is_of_the_table(self, mapping: StreamMapping) -> bool:
        return f":table/{self.config.dynamodb_table}/stream/" in mapping.source

    def notifications(self) -> tuple[dict[str, Any], ...]:
        """The entries of the bucket's notifications that call the old trigger function."""
        return tuple([entry for entry in self._notification().get(_CALLS_FUNCTION, []) if self._calls_old(entry)])

    def shares_our_prefix(self) -> bool:
        """Whether its job reads where our function writes: below what calls the trigger function, or where it began."""
        rules = [
            rule
            for entry in self.notifications()
            for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        ]
        prefixes = {_PREFIX, *[rule["Value"] for rule in rules if rule["Name"].lower() == "prefix"]} - {""}
        ours = self.config.landing_prefix
        return any(ours.startswith(prefix) or prefix.startswith(ours) for prefix in prefixes)

    def _notification(self) -> dict[str, Any]:
        answer = found(self.clients("s3").get_bucket_notification_configuration, Bucket=self.config.bucket) or {}
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _calls_old(self, entry: dict[str, Any]) -> bool:
        return bool(entry["LambdaFunctionArn"].split(":")[6] == self.trigger_function)

    def roles(self, names: Sequence[str]) -> tuple[str, ...]:
        """Of these roles, those that are there and that no function but the old ones uses."""
        old = {self.stream_function, self.trigger_function}
        pages = self.clients("lambda").get_paginator("list_functions").paginate()
        users = [function for page in pages for function in page["Functions"] if function["FunctionName"] not in old]
        used = {function["Role"].rpartition("/")[2] for function in users}
        there = [name for name in names if found(self.clients("iam").get_role, RoleName=name)]
        return tuple([name for name in there if name not in used])

    def log_groups(self) -> tuple[str, ...]:
        """The log groups of the two functions that are there."""
        names = [f"/aws/lambda/{name}" for name in (self.stream_function, self.trigger_function)]
        pages = [
            page
            for name in names
            for page in self.clients("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        ]
        there = {group["logGroupName"] for page in pages for group in page["logGroups"]}
        return tuple([name for name in names if name in there])

    def switch(self, mappings: Sequence[StreamMapping], on: bool) -> None:
        """Enables or disables mappings and waits until they are. Raises NotReadyError when that takes too long."""
        state = "Enabled" if on else "Disabled"
        for mapping in mappings:
            self.clients("lambda").update_event_source_mapping(UUID=mapping.uuid, Enabled=on)
            self.wait.until(lambda uuid=mapping.uuid: self._has_state(uuid, state), f"mapping {mapping.uuid}")  # type: ignore[misc] # a default binds the name

    def _has_state(self, uuid: str, state: str) -> None:
        answer = found(self.clients("lambda").get_event_source_mapping, UUID=uuid)
        current = answer["State"] if answer else "gone"
        if current != state:
            raise NotReadyError(f"its state is {current}, not yet {state}")

    def remove_notifications(self) -> None:
        """Takes out the entries that call the old trigger function; raises MigrationError if others changed then."""
        self._replace_notifications([])

    def restore_notifications(self, entries: Sequence[dict[str, Any]]) -> None:
        """Puts these entries back in place of those that call the old trigger function."""
        self._replace_notifications(entries)

    def _replace_notifications(self, entries: Sequence[dict[str, Any]]) -> None:
        before = self._notification()
        others = [entry for entry in before.get(_CALLS_FUNCTION, []) if not self._calls_old(entry)]
        wanted = {**before, _CALLS_FUNCTION: [*others, *entries]}
        self.clients("s3").put_bucket_notification_configuration(
            Bucket=self.config.bucket, NotificationConfiguration=wanted
        )
        left = [entry for entry in self._notification().get(_CALLS_FUNCTION, []) if not self._calls_old(entry)]
        if len(left) != len(others):
            raise MigrationError(
                f"the bucket has {len(left)} notifications that call other functions, it had {len(others)} a moment "
                "ago: somebody else changes them; see that they are as they should be, then run it again"
            )

    def delete_mappings(self, mappings: Sequence[StreamMapping]) -> None:
        """Deletes mappings and waits until they are gone."""
        for mapping in mappings:
            found(self.clients("lambda").delete_event_source_mapping, UUID=mapping.uuid)
            self.wait.until(lambda uuid=mapping.uuid: self._has_state(uuid, "gone"), f"mapping {mapping.uuid}")  # type: ignore[misc] # a default binds the name

    def delete_functions(self, names: Sequence[str]) -> None:
        """Deletes functions. Raises MigrationError when one of them reads something else than our table."""
        others = [one for one in self._all_mappings() if not self._is_of_the_table(one)]
        if others:
            raise MigrationError(
                f"{self.stream_function} also reads {others[0].source}: it stays until that mapping is removed"
            )
        for name in names:
            found(self.clients("lambda").delete_function, FunctionName=name)

    def delete_roles(self, names: Sequence[str]) -> None:
        """Deletes roles with the policies inside them; managed policies are only detached."""
        iam = self.clients("iam")
        for name in names:
            for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
                for policy in page["AttachedPolicies"]:
                    found(iam.detach_role_policy, RoleName=name, PolicyArn=policy["PolicyArn"])
            for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
                for policy_name in page["PolicyNames"]:
                    found(iam.delete_role_policy, RoleName=name, PolicyName=policy_name)
            found(iam.delete_role, RoleName=name)

    def delete_log_groups(self, names: Sequence[str]) -> None:
        """Deletes log groups."""
        for name in names:
            found(self.clients("logs").delete_log_group, logGroupName=name)

    def leftovers(self) -> Iterator[str]:
        """What is there of it, in words."""
        yield from [f"function {name}" for name in self.functions()]
        yield from [f"mapping {one.uuid} ({one.state})" for one in self.mappings()]
        yield from [f"a notification of {self.config.bucket}" for _ in self.notifications()]
