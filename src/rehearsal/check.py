"""Check that nothing was lost and nothing written twice: compare what the application did with the result.

Each item's newest state must be its row. What could not be processed must be quarantined or under the on-failure
prefix, with its payload. No other event may be in the table.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from gzip import decompress
from typing import Any, Literal

from rehearsal.aws.mapping.journal import Journal
from rehearsal.aws.mapping.records import DeliveredRecord
from rehearsal.databricks.tables import Row, read_rows
from rehearsal.pipeline import ON_FAILURE, QUARANTINE, Pipeline
from rehearsal.producer import Expected

_VALUES = ("meta_deliveryId", "vehicle_id", "signal_count")
_COLUMNS = ", ".join(f'"{name}"' for name in ("event_id", "sequence_number", "deleted_at", *_VALUES))


@dataclass(frozen=True)
class Unprocessed:
    """What could not be processed: which part has it, why, and how many."""

    by: Literal["lambda", "job", "mapping"]
    reason: str
    count: int


@dataclass(frozen=True)
class Evidence:
    """The result: rows of the table and the quarantine, and what the Lambda and the mapping could not process.

    `by_lambda` has the event ids and reasons of quarantined records, `by_mapping` the eventIDs of discarded ones.
    """

    rows: list[Row]
    quarantine: list[Row]
    by_lambda: list[tuple[str, str]]
    by_mapping: list[str]

    @classmethod
    def of(cls, pipeline: Pipeline) -> "Evidence":
        """Read the tables and the bucket."""
        return cls(
            read_rows(pipeline.table, _COLUMNS),
            read_rows(pipeline.side("quarantine"), "raw, reason, source_file"),
            [entry for key in pipeline.objects(QUARANTINE) for entry in _quarantined(pipeline.read(key))],
            [event_id for key in pipeline.objects(ON_FAILURE) for event_id in _discarded(pipeline.read(key))],
        )

    def unprocessed(self) -> list[Unprocessed]:
        """Return what could not be processed, counted by part and reason."""
        counts = Counter[tuple[Literal["lambda", "job", "mapping"], str]]()
        counts.update(("lambda", reason) for _, reason in self.by_lambda)
        counts.update(("job", row["reason"]) for row in self.quarantine)
        counts.update(("mapping", "sent to the on-failure destination") for _ in self.by_mapping)
        return [Unprocessed(by, reason, count) for (by, reason), count in sorted(counts.items())]


def problems(expected: Mapping[str, Expected], journal: Journal, found: Evidence) -> list[str]:
    """Return one sentence for each event that is lost, duplicate, outdated or unexpected."""
    newest, records = _newest(journal), _records(journal)
    rows: dict[str, list[Row]] = {}
    for row in found.rows:
        rows.setdefault(row["event_id"], []).append(row)
    said = [f"{event_id[:80]!r} is in the table, but was never put" for event_id in rows.keys() - expected.keys()]
    for event_id, state in expected.items():
        said += _problems_of(event_id, state, rows.get(event_id, []), newest.get(event_id), found)
        if records[event_id] != state.records:
            said.append(
                f"{event_id[:80]!r} was changed {state.records} times, but the "
                f"stream has {records[event_id]} records of it"
            )
    said += [f"the record {event_id} was discarded and is not in the bucket" for event_id in _lost(journal, found)]
    return sorted(said)


def _problems_of(event_id: str, state: Expected, rows: list[Row], newest: str | None, found: Evidence) -> Iterator[str]:
    shown = repr(event_id[:80])
    if state.poison is not None:
        if rows:
            yield f"{shown} has a row, although it is poison ({state.poison.reason})"
        if not _is_kept(event_id, state, found):
            yield f"{shown} is poison ({state.poison.reason}) but is neither quarantined nor in the bucket"
        return
    if newest is None:
        return  # all its records were discarded (`_lost` checks them), or never arrived (their number shows it)
    if len(rows) != 1:
        yield f"{shown} has {len(rows)} rows"
        return
    [row] = rows
    if row["sequence_number"] != newest:
        yield f"{shown} has the row of {row['sequence_number']}, but its newest change is {newest}"
    elif (row["deleted_at"] is not None) != state.deleted:
        yield f"{shown} is {'deleted' if state.deleted else 'not deleted'}, but its row is not"
    elif (values := tuple(row[name] for name in _VALUES)) != _values(state.item):
        yield f"{shown} has the values {values}, but {_values(state.item)} were put"


def _values(item: Mapping[str, Any]) -> tuple[str | None, str | None, int]:
    """Return what three columns of the item's row must contain."""
    meta, vehicle = item.get("meta") or {}, item.get("vehicle") or {}
    return meta.get("deliveryId"), vehicle.get("id"), sum(entry is not None for entry in item["signals"])


def _newest(journal: Journal) -> dict[str, str]:
    """Return the highest sequence number of each item whose record was handled; expiries do not count."""
    found: dict[str, str] = {}
    for record in _handled(journal):
        if "userIdentity" in record.event:
            continue
        event_id, number = item_of(record), record.sequence_number
        found[event_id] = max(found.get(event_id, number), number, key=int)
    return found


def _records(journal: Journal) -> Counter[str]:
    """Return how many records of each item the mapping read."""
    items = {record.event_id: item_of(record) for attempt in journal.attempts for record in attempt.records}
    return Counter(items.values())


def _handled(journal: Journal) -> Iterator[DeliveredRecord]:
    for attempt in journal.attempts:
        yield from (record for record in attempt.records if "handled" in journal.fates.get(record.event_id, ()))


def item_of(record: DeliveredRecord) -> str:
    """Return the event_id of the record's item."""
    return str(record.event["dynamodb"]["Keys"]["event_id"]["S"])


def _is_kept(event_id: str, state: Expected, found: Evidence) -> bool:
    if state.poison is None:
        return False
    if state.poison.found_by == "lambda":
        return (event_id, state.poison.reason) in found.by_lambda
    return any(
        row["reason"] == state.poison.reason and json.loads(row["raw"])["event_id"] == event_id
        for row in found.quarantine
        if row["raw"]
    )


def _lost(journal: Journal, found: Evidence) -> Iterable[str]:
    """Return the eventIDs of records that were not handled and whose payload is not in the bucket."""
    kept = set(found.by_mapping)
    return sorted(
        event_id
        for event_id, fates in journal.fates.items()
        if fates[-1] != "handled" and (fates[-1] != "on_failure" or event_id not in kept)
    )


def _quarantined(content: bytes) -> Iterator[tuple[str, str]]:
    for line in decompress(content).splitlines():
        kept = json.loads(line)
        yield kept["record"]["dynamodb"]["Keys"]["event_id"]["S"], kept["reason"]


def _discarded(content: bytes) -> list[str]:
    payload = json.loads(json.loads(content)["payload"])
    return [record["eventID"] for record in payload["Records"]]
