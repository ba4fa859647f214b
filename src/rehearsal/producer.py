"""Simulate the application: put telemetry events into the table, some again, delete some, let some expire.

The events and their changes are those of the generated fleet, put as boto3 puts them. The stream of an emulator never
reports that an item expired. Therefore an expiry is a delete, and `Producer.rewrite`, which the stream calls, changes
its record to what the service writes:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from boto3.dynamodb.types import TypeSerializer

from rehearsal.errors import ProducerError
from rehearsal.fleet import fleet_changes
from rehearsal.fleet.events import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Kind = Literal["put", "delete", "expire"]

_METADATA: Final = "_stream_metadata"
_EXPIRED_BY: Final = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


@dataclass(frozen=True)
class Poison:
    """What is wrong with an item: which part quarantines it, and with which reason."""

    found_by: Literal["lambda", "job"]
    reason: str


@dataclass(frozen=True)
class Action:
    """What the application does to one item; only a put has the item."""

    kind: Kind
    event_id: str
    item: Item | None = None
    poison: Poison | None = None


@dataclass(frozen=True)
class Made:
    """An action that was done; `at` in seconds since the epoch, just before the call."""

    action: Action
    at: float


@dataclass(frozen=True)
class Expected:
    """The newest state of an event, which its row must show.

    `item` is the newest image, also of one that was deleted or expired. An expiry does not make it deleted: the job
    keeps the row by default. `records` is how many records the stream has of it: 0 for a put that changes nothing.
    """

    item: Item
    poison: Poison | None
    deleted: bool
    expired: bool
    records: int

    @property
    def is_stored(self) -> bool:
        """Return whether the DynamoDB table has the item now."""
        return not self.deleted and not self.expired


_POISON: Final[tuple[tuple[Poison, Callable[[Item], Item]], ...]] = (
    (Poison("lambda", "reserved_attribute"), lambda item: {**item, _METADATA: {"sequence_number": "9" * 40}}),
    (Poison("job", "bad_signals"), lambda item: {**item, "signals": {"0": None}}),
    (Poison("job", "bad_event_id"), lambda item: {**item, "event_id": item["event_id"] + "é" * 600}),
    (Poison("job", "bad_signals"), lambda item: {**item, "signals": "[]"}),
)


def fleet_actions(events: int, vehicles: int, seed: int) -> list[Action]:
    """Return the actions on a generated fleet's events, in order. Raises FleetError for numbers below 1."""
    return [
        Action("put", change.event_id, change.new)
        if change.new is not None
        else Action("expire" if change.expired else "delete", change.event_id)
        for change in fleet_changes(events, vehicles, seed)
    ]


def with_poison(actions: Iterable[Action], every: int) -> Iterator[Action]:
    """Yield the actions, and after this many puts one that must be quarantined, each kind in turn."""
    puts = 0
    for action in actions:
        yield action
        puts += action.item is not None
        if action.item is not None and puts % every == 0:
            poison, make = _POISON[(puts // every - 1) % len(_POISON)]
            item = make({**action.item, "event_id": f"poison-{puts}"})
            yield Action("put", item["event_id"], item, poison)


class Producer:
    """Does actions on a table, `rate` of them per second, or as fast as possible.

    `clock` returns seconds since the epoch. `made` has the done actions, in order, `expected` the newest state of every
    event.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        rate: float | None = None,
    ) -> None:
        self.made: list[Made] = []
        self.expected: dict[str, Expected] = {}
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep
        self._rate = rate
        self._removed: dict[str, Kind] = {}
        self._serialize = TypeSerializer().serialize

    def play(self, actions: Iterable[Action], stop: Callable[[], bool] = lambda: False) -> None:
        """Do the actions until `stop` returns True. Raises ProducerError as `make` does."""
        started = self._clock()
        for number, action in enumerate(actions):
            if stop():
                return
            if self._rate:
                self._sleep(max(0.0, started + number / self._rate - self._clock()))
            self.make(action)

    def make(self, action: Action) -> Made:
        """Do one action.

        Raises ProducerError when there is nothing to delete, or when an event is both deleted and expired: the stream's
        records of the two would look the same.
        """
        made, before = Made(action, self._clock()), self.expected.get(action.event_id)
        if action.item is not None:
            self._client.put_item(TableName=self._table, Item=self._typed(action.item))
            same = before is not None and before.is_stored and before.item == action.item
            records = (before.records if before else 0) + (not same)
            state = Expected(action.item, action.poison, deleted=False, expired=False, records=records)
        else:
            if before is None or not before.is_stored:
                raise ProducerError(f"{action.event_id!r} is not in the table: put it before the {action.kind}")
            # Known before the call, because the record may be read before the call returns.
            if self._removed.setdefault(action.event_id, action.kind) != action.kind:
                raise ProducerError(f"{action.event_id!r} was already removed in another way: use another event")
            self._client.delete_item(TableName=self._table, Key={"event_id": {"S": action.event_id}})
            deleted, expired = action.kind == "delete", action.kind == "expire"
            state = replace(before, deleted=deleted, expired=expired, records=before.records + 1)
        self.expected[action.event_id] = state
        self.made.append(made)
        return made

    def rewrite(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record of the stream as the service would have written it, for `DynamoDbStream`."""
        event_id = record["dynamodb"]["Keys"]["event_id"]["S"]
        if record["eventName"] == "REMOVE" and self._removed.get(event_id) == "expire":
            return {**record, "userIdentity": _EXPIRED_BY}
        return record

    def _typed(self, item: Item) -> dict[str, Any]:
        """Return an item as boto3's client takes it."""
        exact = json.loads(json.dumps(item), parse_float=Decimal)
        return {name: self._serialize(value) for name, value in exact.items()}
