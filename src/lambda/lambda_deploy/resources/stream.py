"""The table's stream: switched on when it is off. A living one is never changed.

Another view type would mean another stream: changes that the old one still holds would be lost to the function.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from typing import Final

from lambda_deploy.errors import NotReadyError, UnfitError
from lambda_deploy.resources.base import Resource, State

_BEST: Final = "NEW_AND_OLD_IMAGES"


class Stream(Resource):
    """Part of the table, which is not ours: it has no tags of ours, and stays."""

    kind = "stream"
    stays = "it may have other readers"

    @property
    def name(self) -> str:
        """The table's."""
        return self.config.dynamodb_table

    def read(self) -> State | None:
        """Its view type. Raises UnfitError when there is no such table or its key is another."""
        if self.facts.stream_arn is None:
            return None
        return {"view_type": self.facts.table["StreamSpecification"]["StreamViewType"]}

    def desired(self, current: State | None) -> State:
        """As it is, when it can be used. Raises UnfitError when its records lack the new image."""
        view_type = _BEST if current is None else current["view_type"]
        if view_type not in (_BEST, "NEW_IMAGE"):
            raise UnfitError(
                f"the stream of {self.name!r} has the view type {view_type}, whose records lack the new image, and it "
                "cannot be changed without losing what it holds: when its readers have caught up, switch it off in "
                f"DynamoDB, and the next deploy switches it on as {_BEST}"
            )
        return {"view_type": view_type}

    def create(self, desired: State) -> None:
        """Switches it on; that takes no capacity from the table."""
        specification = {"StreamEnabled": True, "StreamViewType": desired["view_type"]}
        self.client("dynamodb").update_table(TableName=self.name, StreamSpecification=specification)

    def update(self, current: State, desired: State) -> None:
        """Never: `desired` is what there is."""

    def delete(self) -> None:
        """Never: others may read it."""

    def check_ready(self) -> None:
        """Until the table is active again and its stream has a name."""
        if self.facts.table["TableStatus"] != "ACTIVE" or self.facts.stream_arn is None:
            self.facts.forget()
            raise NotReadyError(f"the table {self.name} is being updated")

    def notes(self, current: State | None) -> list[str]:
        """Says that it will be switched on, and what another view type costs."""
        if current is None:
            return [
                f"the stream of {self.name} is off: it will be switched on as {_BEST}; changes from then on are seen"
            ]
        if current["view_type"] != _BEST:
            return [
                f"the stream of {self.name} has the view type {current['view_type']}: it works, but events whose date "
                f"changes and deletions cost the job a search of the whole table ({_BEST} would spare it)"
            ]
        return []
