"""What a sample holds, so that whoever reads it can tell whether anything is missing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SampleReport:
    """A sample in numbers.

    `lines` are the lines, without blank ones, of the files that can be read whole, bad lines included;
    `bytes` is the size of all files. `events` are the distinct event ids in good lines: `deleted` those
    whose row is expected to be deleted, `live` the others (expiry deletes nothing). `repeated_lines` stand
    in an earlier file already, `late_lines` come after higher sequence numbers of their stream. `oddities`
    counts events, lines and files by kind, `quarantine_expected` lines and files by reason.
    """

    files: int
    lines: int
    bytes: int
    events: int
    live: int
    deleted: int
    repeated_lines: int
    late_lines: int
    oddities: Mapping[str, int]
    quarantine_expected: Mapping[str, int]


@dataclass(slots=True)
class Tally:
    """The counts of a sample in the making."""

    files: int = 0
    lines: int = 0
    bytes: int = 0
    events: int = 0
    deleted: int = 0
    repeated_lines: int = 0
    late_lines: int = 0
    oddities: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def report(self) -> SampleReport:
        """Return the counts as they are now."""
        return SampleReport(
            files=self.files,
            lines=self.lines,
            bytes=self.bytes,
            events=self.events,
            live=self.events - self.deleted,
            deleted=self.deleted,
            repeated_lines=self.repeated_lines,
            late_lines=self.late_lines,
            oddities=dict(sorted(self.oddities.items())),
            quarantine_expected=dict(sorted(self.quarantined.items())),
        )
