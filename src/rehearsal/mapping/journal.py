"""Remembers what a mapping did, record by record, for whoever asks afterwards or looks on."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rehearsal.mapping.endings import Attempt, Ended, Fate
from rehearsal.mapping.response import NotInvoked


@dataclass
class Journal:
    """To be given to a poller as its `watch`. Records go by their eventID."""

    attempts: list[Attempt] = field(default_factory=list)
    fates: dict[str, list[Fate]] = field(default_factory=dict)
    """All endings of a record, in order; a right mapping has one for each."""
    ended_at: dict[str, float] = field(default_factory=dict)
    """When, in seconds since the epoch."""

    def __call__(self, happening: Attempt | Ended) -> None:
        """Notes it."""
        if isinstance(happening, Attempt):
            self.attempts.append(happening)
            return
        for record in happening.records:
            self.fates.setdefault(record.event_id, []).append(happening.fate)
            self.ended_at[record.event_id] = happening.at

    def sizes(self) -> list[int]:
        """How many records each invocation that took place had."""
        return [len(attempt.records) for attempt in self.attempts if not isinstance(attempt.outcome, NotInvoked)]

    def throttled(self) -> int:
        """How often the function could not be called."""
        return sum(isinstance(attempt.outcome, NotInvoked) for attempt in self.attempts)

    def count(self, event_ids: Iterable[str] | None = None) -> Counter[Fate]:
        """How many records ended how; all, or those with these eventIDs."""
        chosen = self.fates if event_ids is None else event_ids
        return Counter(fate for event_id in chosen for fate in self.fates.get(event_id, []))


def both(*watches: Callable[[Attempt | Ended], None]) -> Callable[[Attempt | Ended], None]:
    """One watch that tells several."""

    def tell(happening: Attempt | Ended) -> None:
        for watch in watches:
            watch(happening)

    return tell
