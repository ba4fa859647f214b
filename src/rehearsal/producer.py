"""The application: puts telemetry events into the table, changes some, deletes some, lets some expire.

The events and what becomes of them are those of the made-up fleet. Each is put as boto3 puts it. An emulator's stream
never says that an item expired, so an expiry is a delete, and `Producer.rewrite`, given to the stream, makes of its
record what the service writes:
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

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
"""An item as JSON has it, with plain numbers."""
Kind = Literal["put", "delete", "expire"]

_METADATA: Final = "_stream_metadata"
_EXPIRED_BY: Final = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


@dataclass(frozen=True)
class Poison:
    """What is wrong with an item: who quarantines it, and with which reason."""

    found_by: Literal["lambda", "job"]
    reason: str


@dataclass(frozen=True)
class Change:
    """A change of one item; only a put has the item."""

    kind: Kind
    event_id: str
    item: Item | None = None
    poison: Poison | None = None


@dataclass(frozen=True)
class Made:
    """A change that was made; `at` in seconds since the epoch, just before the call."""

    change: Change
    at: float


@dataclass(frozen=True)
class Expected:
    """The newest state of an event: what its row has to show.

    `item` is the newest image, also of one that was deleted or expired. An expiry does not make it deleted: the job
    keeps the row by default. `records` is how many records the stream has of it: none for a put that changes nothing.
    """

    item: Item
    poison: Poison | None
    deleted: bool
    expired: bool
    records: int
    at: float

    @property
    def is_stored(self) -> bool:
        """Whether the table of DynamoDB has the item now."""
        return not self.deleted and not self.expired


_POISON: Final[tuple[tuple[Poison, Callable[[Item], Item]], ...]] = (
    (Poison("lambda", "reserved_attribute"), lambda item: {**item, _METADATA: {"sequence_number": "9" * 40}}),
    (Poison("job", "bad_signals"), lambda item: {**item, "signals": {"0": None}}),
    (Poison("job", "bad_event_id"), lambda item: {**item, "event_id": item["event_id"] + "é" * 600}),
    (Poison("job", "bad_signals"), lambda item: {**item, "signals": "[]"}),
)


def made_up_changes(events: int, vehicles: int, seed: int) -> list[Change]:
    """Return the changes of a made-up fleet's events, in order. Raises FleetError for numbers below 1."""
    return [
        Change("put", change.event_id, change.new)
        if change.new is not None
        else Change("expire" if change.expired else "delete", change.event_id)
        for change in fleet_changes(events, vehicles, seed)
    ]


def with_poison(changes: Iterable[Change], every: int) -> Iterator[Change]:
    """The changes, and after every so many puts an item that has to end in quarantine, one kind after the other."""
    puts = 0
    for change in changes:
        yield change
        if change.item is None:
            continue
        puts += 1
        if puts % every == 0:
            poison, make = _POISON[(puts // every - 1) % len(_POISON)]
            item = make({**change.item, "event_id": f"poison-{puts}"})
            yield Change("put", item["event_id"], item, poison)


class Producer:
    """Makes changes at a table, `rate` of them a second, as fast as it goes without one.

    `clock` is in seconds since the epoch. What was made stands in `made`, in order, and the newest state of every
    event in `expected`.
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

    def play(self, changes: Iterable[Change], stop: Callable[[], bool] = lambda: False) -> None:
        """Makes the changes, until `stop` says so. Raises ProducerError as `make` does."""
        started = self._clock()
        for number, change in enumerate(changes):
            if stop():
                return
            if self._rate:
                self._sleep(max(0.0, started + number / self._rate - self._clock()))
            self.make(change)

    def make(self, change: Change) -> Made:
        """Makes one change.

        Raises ProducerError when there is nothing to delete, or when an event is both deleted and let expire: the
        stream's records of the two could not be told apart.
        """
        made = Made(change, self._clock())
        if change.item is not None:
            self._client.put_item(TableName=self._table, Item=self.typed(change.item))
        else:
            self._check_removal(change)
            # Known before the call, because the record may be read before the call returns.
            self._removed[change.event_id] = change.kind
            self._client.delete_item(TableName=self._table, Key={"event_id": {"S": change.event_id}})
        self.expected[change.event_id] = self._state(made)
        self.made.append(made)
        return made

    def rewrite(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """A record of the stream as the service would have written it, for `DynamoDbStream`."""
        event_id = record["dynamodb"]["Keys"]["event_id"]["S"]
        if record["eventName"] == "REMOVE" and self._removed.get(event_id) == "expire":
            return {**record, "userIdentity": _EXPIRED_BY}
        return record

    def typed(self, item: Item) -> dict[str, Any]:
        """An item as boto3's client takes it."""
        exact = json.loads(json.dumps(item), parse_float=Decimal)
        return {name: self._serialize(value) for name, value in exact.items()}

    def _check_removal(self, change: Change) -> None:
        known = self.expected.get(change.event_id)
        if known is None or not known.is_stored:
            raise ProducerError(f"{change.event_id!r} is not in the table: put it before the {change.kind}")
        if self._removed.get(change.event_id, change.kind) != change.kind:
            raise ProducerError(f"{change.event_id!r} was removed in another way before: take another event")

    def _state(self, made: Made) -> Expected:
        change, before = made.change, self.expected.get(made.change.event_id)
        if change.item is None:
            if before is None:
                raise ProducerError(f"{change.event_id!r} is not in the table")
            deleted, expired = change.kind == "delete", change.kind == "expire"
            return replace(before, deleted=deleted, expired=expired, records=before.records + 1, at=made.at)
        same = before is not None and before.is_stored and before.item == change.item
        records = (before.records if before else 0) + (not same)
        return Expected(change.item, change.poison, deleted=False, expired=False, records=records, at=made.at)
