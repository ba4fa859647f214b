"""The data of a line and of a row that the decision needs."""

import re
from datetime import date
from typing import Literal, NamedTuple

from flatten.decide.order import Order, order_of
from flatten.events.envelope import Change

Action = Literal["insert", "put", "delete", "mark", "erase", "ignore"]
"""What a line does to its event's row.

insert, put: replace it (an INSERT; a MODIFY or a line without metadata); delete: replace it by the old image and set
`deleted_at`; mark: only set `deleted_at`, for a REMOVE without an image; erase: leave a tombstone without values;
ignore: nothing.
"""

RemovePolicy = Literal["soft", "hard", "keep"]
"""What a removed or expired item does to its event's row: mark it, erase it, nothing."""

VALUELESS: tuple[Action, ...] = ("mark", "erase")


class JudgedLine(NamedTuple):
    """A line without its values. A bad one has a `reason` and no event; times are microseconds since 1970 UTC.

    `modified_at` is the time of its file; `path` and `line_number` are its place.
    """

    path: str
    modified_at: int
    line_number: int
    reason: str | None
    action: Action
    event_id: str
    stream: str | None
    sequence_number: str | None
    changed_at: int | None
    delivered_at: int | None
    event_date: date | None
    previous_date: date | None

    @property
    def counts(self) -> bool:
        """Return whether it takes part in the decision: it is good, and no policy ignores it."""
        return self.reason is None and self.action != "ignore"

    @property
    def has_no_place(self) -> bool:
        """Return whether it has no date for its event's row, although the row may exist."""
        return self.action != "insert" and self.event_date is None and self.previous_date is None

    @property
    def has_earlier_image(self) -> bool:
        """Return whether it is a removal of an incremental export: its image is older than all changes of the export's
        time, which the row may have.
        """
        return self.action == "delete" and self.sequence_number is None

    @property
    def order(self) -> Order:
        """Return its order among the changes of its event."""
        return order_of(self.stream, self.sequence_number, self.delivered_at, self.changed_at)

    @property
    def place(self) -> tuple[int, str, int]:
        """Return when and where it was written: of equal lines the first one counts."""
        return self.modified_at, self.path, self.line_number


class FoundRow(NamedTuple):
    """A row that the look-up found; times are microseconds since 1970 UTC."""

    event_id: str
    event_date: date | None
    stream: str | None
    sequence_number: str | None
    delivered_at: int | None
    changed_at: int | None
    source_file: str | None
    catalogue_version: str | None
    pipeline_version: str | None

    @property
    def order(self) -> Order:
        """Return the order of the change that wrote it."""
        return order_of(self.stream, self.sequence_number, self.delivered_at, self.changed_at)

    @property
    def versions(self) -> "Versions":
        """Return the versions that wrote it."""
        return Versions(self.catalogue_version, self.pipeline_version)


class Versions(NamedTuple):
    """The versions of the signal catalogue and of the job that write a row."""

    catalogue: str | None
    pipeline: str | None

    def is_older_than(self, other: "Versions") -> bool:
        """Return whether one of the two is older than the other's; an unknown one is older than any."""
        return any(_numbers(own) < _numbers(others) for own, others in zip(self, other, strict=True))


def _numbers(version: str | None) -> list[int]:
    return [int(digits) for digits in re.findall("[0-9]+", version or "")]


class Closing(NamedTuple):
    """A removal without values, its action, and the newest of what it closes.

    `newest` is the line whose values are written before, or a row; None for an event without either.
    """

    line: JudgedLine
    action: Action
    newest: JudgedLine | FoundRow | None


def judged(
    path: str, modified_at: int, line_number: int, change: Change, on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> JudgedLine:
    """Return what the decision must know of a usable line."""
    return JudgedLine(
        path=path,
        modified_at=modified_at,
        line_number=line_number,
        reason=None,
        action=action_of(change, on_delete, on_expiry),
        event_id=change.event_id,
        stream=change.stream,
        sequence_number=change.sequence_number,
        changed_at=change.changed_at,
        delivered_at=change.delivered_at,
        event_date=change.event_date,
        previous_date=change.previous_date,
    )


def action_of(change: Change, on_delete: RemovePolicy, on_expiry: RemovePolicy) -> Action:
    """Return what a line does to its event's row."""
    if change.event_name != "REMOVE":
        return "insert" if change.event_name == "INSERT" else "put"
    policy = on_expiry if change.expired else on_delete
    if policy == "keep":
        return "ignore"
    if policy == "hard":
        return "erase"
    return "mark" if change.keys_only else "delete"
