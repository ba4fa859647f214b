"""From the two-Lambda pipeline to ours, step by step, and back until something is deleted.

Whether a step is done is read from what is there, each time; the journal (an object in the bucket, written before the
first step and never over) only says how things were. So a migration may be stopped or killed anywhere, and the next one
goes on where it was.

No event is lost or doubled in the table in between, in any order of what happens at the same time:

- The old job is stopped first, and no run of it is left when the next step begins. From then on nothing reads or moves
  what is under the landing prefix until our own job does; what the old one had not read stays for ours, which reads its
  objects (`telemetry_<millis>_<count>.json`) too.
- Then our mapping reads the stream from its oldest record, up to 24 hours back, while the old one still runs. What both
  deliver is in the bucket twice. Our job merges by event_id, and a line with a sequence number (ours) wins over one
  without (the old pipeline's), whichever comes first; among those without, the later `delivered_at` wins. So there is
  one row, of the newest image.
- Only when ours is on and had no problem is the old mapping switched off. A batch that the old function has in hand at
  that moment is written or not; its records are in our part of the stream as well.
- The notification goes after that, so objects that the old function wrote last may still call the trigger function: a
  stopped job skips such runs. S3 takes a bucket's notifications as a whole; they are read just before and just after,
  and entries of others are put back as they were.
- An event that is deleted while both run: the old pipeline's line has no number and cannot revive it.
- Rolling back goes the other way round: our job is stopped, the old mapping is on again before ours is off. It goes on
  from where it stopped, if that was less than 24 hours ago; events from before then are in our table and objects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from lambda_deploy.errors import MigrationError
from lambda_deploy.migrate_seen import Journal, Situation
from lambda_deploy.status import StreamMapping


class Hands(Protocol):
    """What changes things; each call waits until it is so, and doing it twice is doing it once."""

    def look(self, journal: Journal) -> Situation:
        """How things are now."""

    def stop_old_job(self, journal: Journal) -> None:
        """Pauses the old job, lets it start no run, and waits for the last one."""

    def start_old_job(self, journal: Journal) -> None:
        """Gives the old job back what it had."""

    def stop_our_job(self) -> None:
        """Pauses our own job and waits for its last run; nothing when there is none."""

    def keep_old_table(self, journal: Journal) -> None:
        """Gives the old table its other name."""

    def give_table_back(self, journal: Journal) -> None:
        """Gives the old table its name again; what has that name now keeps its rows under another."""

    def switch(self, mappings: Sequence[StreamMapping], on: bool) -> None:
        """Enables or disables mappings."""

    def remove_notifications(self, journal: Journal) -> None:
        """Takes the entries that call the old trigger function out of the bucket's notifications."""

    def restore_notifications(self, journal: Journal) -> None:
        """Puts them back."""

    def delete_mappings(self, situation: Situation) -> None:
        """Deletes the old mappings."""

    def delete_functions(self, situation: Situation) -> None:
        """Deletes the old functions."""

    def delete_roles(self, situation: Situation) -> None:
        """Deletes the roles of the old functions that nobody else uses."""

    def delete_log_groups(self, situation: Situation) -> None:
        """Deletes the logs of the old functions."""


@dataclass(frozen=True)
class Step:
    """`is_done` and `do` forward; `undo` back, None where there is no way back."""

    name: str
    says: str
    is_done: Callable[[Situation, Journal], bool]
    do: Callable[[Hands, Situation, Journal], None]
    undo: Callable[[Hands, Situation, Journal], None] | None = None
    is_undone: Callable[[Situation, Journal], bool] = lambda situation, journal: True


@dataclass(frozen=True)
class Planned:
    """A step as it stands."""

    name: str
    says: str
    state: Literal["done", "to do"]


def _enabled(mappings: Sequence[StreamMapping]) -> bool:
    return bool(mappings) and all(one.state == "Enabled" for one in mappings)


def _new(situation: Situation) -> list[StreamMapping]:
    return [situation.new_mapping] if situation.new_mapping else []


def _were_on(situation: Situation, journal: Journal) -> list[StreamMapping]:
    return [one for one in situation.old_mappings if one.uuid in journal.mappings]


def _switch_new_on(hands: Hands, situation: Situation, journal: Journal) -> None:
    if situation.new_mapping is None:
        raise MigrationError("there is no new mapping yet: run `stream-lambda deploy`, then this once more")
    hands.switch([situation.new_mapping], on=True)


def _switch_old_off(hands: Hands, situation: Situation, journal: Journal) -> None:
    result = situation.new_mapping.last_result if situation.new_mapping else "missing"
    if result == "missing" or result.startswith("PROBLEM") or "error" in result.lower():
        raise MigrationError(
            f"the new mapping's last result is {result!r}: mend it (`stream-lambda doctor`) before the old one goes off"
        )
    hands.switch(situation.old_mappings, on=False)


STEPS: Final = (
    Step(
        "stop the old job",
        "The old Databricks job is paused and starts no run; the run that is under way is waited for.",
        lambda now, then: now.job is None or (now.job.is_stopped and now.active_runs == 0),
        lambda hands, now, then: hands.stop_old_job(then),
        lambda hands, now, then: hands.start_old_job(then),
        lambda now, then: now.job is None or now.job == then.job,
    ),
    Step(
        "keep the old table",
        "The table of the old job gets another name, and ours its name.",
        lambda now, then: then.table is None or now.table_id != then.table.table_id,
        lambda hands, now, then: hands.keep_old_table(then),
        lambda hands, now, then: hands.give_table_back(then),
        lambda now, then: then.table is None or now.table_id == then.table.table_id,
    ),
    Step(
        "new mapping on",
        "The stream is brought to the new function, from its oldest record on, beside the old one.",
        lambda now, then: _enabled(_new(now)),
        _switch_new_on,
        lambda hands, now, then: hands.switch(_new(now), on=False),
        lambda now, then: not _enabled(_new(now)),
    ),
    Step(
        "old mapping off",
        "The stream is no longer brought to the old function.",
        lambda now, then: all(one.state == "Disabled" for one in now.old_mappings),
        _switch_old_off,
        lambda hands, now, then: hands.switch(_were_on(now, then), on=True),
        lambda now, then: all(one.state == "Enabled" for one in _were_on(now, then)),
    ),
    Step(
        "notification off",
        "The bucket no longer calls the old trigger function; its other notifications stay.",
        lambda now, then: not now.notifications,
        lambda hands, now, then: hands.remove_notifications(then),
        lambda hands, now, then: hands.restore_notifications(then),
        lambda now, then: len(now.notifications) == len(then.notifications),
    ),
    Step(
        "delete the old mapping",
        "From here there is no way back.",
        lambda now, then: not now.old_mappings,
        lambda hands, now, then: hands.delete_mappings(now),
    ),
    Step(
        "delete the old functions",
        "Both are deleted, with their versions and their rights to be called.",
        lambda now, then: not now.functions,
        lambda hands, now, then: hands.delete_functions(now),
    ),
    Step(
        "delete the old roles",
        "Roles of the old functions go, if no other function uses them.",
        lambda now, then: not now.roles,
        lambda hands, now, then: hands.delete_roles(now),
    ),
    Step(
        "delete the old logs",
        "The log groups of the old functions go, with all that is in them.",
        lambda now, then: not now.log_groups,
        lambda hands, now, then: hands.delete_log_groups(now),
    ),
)


_REVERSIBLE: Final = tuple([step for step in STEPS if step.undo is not None])


def planned(situation: Situation, journal: Journal) -> list[Planned]:
    """All steps and whether they are done."""
    return [Planned(step.name, step.says, "done" if step.is_done(situation, journal) else "to do") for step in STEPS]


@dataclass(frozen=True)
class Migration:
    """Does the steps. `confirm` is asked before each, with its name and sentence; `say` is told what was done."""

    hands: Hands
    journal: Journal
    confirm: Callable[[str, str], bool]
    say: Callable[[str], None]

    def forward(self, deletes: bool = True) -> bool:
        """Does what is left to do, in order; without `deletes`, all that can be undone.

        False when a step was not confirmed: all later ones stay undone. Raises MigrationError when a step cannot be
        done now.
        """
        for step in STEPS if deletes else _REVERSIBLE:
            now = self.hands.look(self.journal)
            if step.is_done(now, self.journal):
                continue
            if not self.confirm(step.name, step.says):
                return False
            step.do(self.hands, now, self.journal)
            self._check(step.name, step.is_done)
        return True

    def back(self) -> bool:
        """Undoes what is done, the last first. False when a step was not confirmed.

        Raises MigrationError when something has been deleted.
        """
        self._check_nothing_is_deleted()
        if not self.confirm("stop our job", "Our own job is paused: two jobs on one prefix take each other's files."):
            return False
        self.hands.stop_our_job()
        self.say("stop our job: done")
        for step in reversed(_REVERSIBLE):
            now = self.hands.look(self.journal)
            if step.undo is None or step.is_undone(now, self.journal):
                continue
            if not self.confirm(f"back: {step.name}", "Undone, as it was before the migration."):
                return False
            step.undo(self.hands, now, self.journal)
            self._check(f"back: {step.name}", step.is_undone)
        return True

    def _check(self, name: str, holds: Callable[[Situation, Journal], bool]) -> None:
        if not holds(self.hands.look(self.journal), self.journal):
            raise MigrationError(f"{name}: it was done, but is not so: somebody else may be at work; run it again")
        self.say(f"{name}: done")

    def _check_nothing_is_deleted(self) -> None:
        now = self.hands.look(self.journal)
        there = {one.uuid for one in now.old_mappings} | set(now.functions)
        gone = {*self.journal.mappings, *self.journal.functions} - there
        if gone:
            raise MigrationError(f"there is no way back: {', '.join(sorted(gone))} is deleted")
