"""Outages of the bucket with its on-failure prefix, and late starts, as deployed: what becomes of each record.

`python -m rehearsal.mapping.outages` prints them as the tables of docs/mapping.md. The table has a change each minute,
before, during and for two hours after the outage.
"""

from collections.abc import Iterable
from typing import Final

from rehearsal.mapping.stage import MappingStage

OUTAGES: Final = (1, 6, 12, 30)
"""Hours."""
STARTS: Final = (12.0, 22.9, 23.9)
"""Hours that the oldest record has waited when the mapping starts."""
_HOUR: Final = 3_600
_MINUTE: Final = 60
_COLUMNS: Final = ("written", "handled", "on-failure", "dropped and counted", "lost without a count")


def outage(hours: float, destination_too: bool = True, each_minute: int = 1) -> MappingStage:
    """Play an outage of so many hours; the on-failure destination is down as long, or not at all."""
    end = hours * _HOUR
    stage = MappingStage(down_until=end, destination_down_until=end if destination_too else 0, poll_seconds=_MINUTE)
    for minute in range(int(hours * 60) + 120):
        stage.run_until(minute * _MINUTE)
        stage.put([f"{minute}-{number}" for number in range(each_minute)])
    stage.run()
    return stage


def late_start(hours: float, down_hours: float = 0) -> MappingStage:
    """Play a mapping that starts when the oldest record is so many hours old, maybe in an outage that lasts longer."""
    down_until = (hours + down_hours) * _HOUR if down_hours else 0
    stage = MappingStage(down_until=down_until, destination_down_until=down_until)
    for minute in range(int(hours * 60)):
        stage.time = minute * _MINUTE
        stage.put([str(minute)])
    stage.time = hours * _HOUR
    stage.run()
    return stage


def row(stage: MappingStage) -> tuple[int, int, int, int, int]:
    """Count the records of a stage by `_COLUMNS`."""
    count, dropped = stage.journal.count(), stage.poller.metrics.counts["DroppedEventCount"]
    lost = len(stage.items) - count["handled"] - count["on_failure"] - dropped
    return len(stage.items), count["handled"], count["on_failure"], dropped, lost


def tables() -> tuple[str, str]:
    """Return both tables in Markdown: outages, and late starts."""
    ways = [(f"{hours} h", row(outage(hours))) for hours in OUTAGES]
    ways.append((f"{OUTAGES[-1]} h, the destination is up", row(outage(OUTAGES[-1], destination_too=False))))
    starts = [(f"{hours:g} h", row(late_start(hours))) for hours in STARTS]
    return _table("bucket and destination down for", ways), _table("oldest record at the start", starts)


def _table(first: str, rows: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    lines = [f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |" for name, numbers in rows]
    return "\n".join([f"| {first} | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|", *lines])


if __name__ == "__main__":
    print("\n\n".join(tables()))
