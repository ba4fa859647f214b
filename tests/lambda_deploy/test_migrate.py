"""The machine of the migration: its order, its stops, its way back, whatever interrupts it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from lambda_deploy.errors import MigrationError
from lambda_deploy.migrate import STEPS, Migration, planned
from lambda_deploy.migrate_seen import JobStart, Journal, OldTable, Situation
from lambda_deploy.status import StreamMapping

JOB = JobStart(4711, "telemetry-import", "schedule", paused=False, max_concurrent_runs=1, queue=True)
STOPPED = replace(JOB, paused=True, max_concurrent_runs=0, queue=False)
OLD = StreamMapping("old-uuid", "old-stream", "arn", "Enabled", "OK")
NEW = StreamMapping("new-uuid", "new", "arn", "Enabled", "OK")
ENTRY = {"LambdaFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:old-trigger"}
JOURNAL = Journal(
    stream_function="old-stream",
    trigger_function="old-trigger",
    functions=("old-stream", "old-trigger"),
    roles=("old-role",),
    mappings=("old-uuid",),
    notifications=(ENTRY,),
    job=JOB,
    table=OldTable("main.telemetry.rows", "id-1", "main.telemetry.rows_two_lambdas"),
)
BEFORE = Situation(
    functions=("old-stream", "old-trigger"),
    roles=("old-role",),
    log_groups=("/aws/lambda/old-stream",),
    old_mappings=(OLD,),
    new_mapping=replace(NEW, state="Disabled"),
    notifications=(ENTRY,),
    job=JOB,
    active_runs=2,
    table_id="id-1",
)
AFTER = Situation((), (), (), (), NEW, (), STOPPED, 0, None)
DELETES = [step.name for step in STEPS if step.undo is None]
FORWARD = [step.name for step in STEPS]


class Killed(BaseException):
    """What ends the process."""


@dataclass
class World:
    """Hands whose world is a `Situation`; at its `dies_at`-th change the process ends, before or after it."""

    now: Situation = BEFORE
    dies_at: int = 0
    dies_after: bool = False
    changes: list[str] = field(default_factory=list)

    def look(self, journal: Journal) -> Situation:
        return self.now

    def _change(self, name: str, **parts: object) -> None:
        self.changes.append(name)
        dies = len(self.changes) == self.dies_at
        if dies and not self.dies_after:
            raise Killed
        self.now = replace(self.now, **parts)  # type: ignore[arg-type] # parts are fields
        if dies:
            raise Killed

    def stop_old_job(self, journal: Journal) -> None:
        self._change("stop old job", job=STOPPED, active_runs=0)

    def start_old_job(self, journal: Journal) -> None:
        self._change("start old job", job=journal.job)

    def stop_our_job(self) -> None:
        self._change("stop our job")

    def keep_old_table(self, journal: Journal) -> None:
        self._change("keep table", table_id=None)

    def give_table_back(self, journal: Journal) -> None:
        self._change("give table back", table_id="id-1")

    def switch(self, mappings: object, on: bool) -> None:
        [mapping] = list(mappings)  # type: ignore[call-overload] # a sequence
        switched = replace(mapping, state="Enabled" if on else "Disabled")
        parts = {"new_mapping": switched} if mapping.uuid == NEW.uuid else {"old_mappings": (switched,)}
        self._change(f"{mapping.function} {switched.state}", **parts)

    def remove_notifications(self, journal: Journal) -> None:
        self._change("notification off", notifications=())

    def restore_notifications(self, journal: Journal) -> None:
        self._change("notification on", notifications=journal.notifications)

    def delete_mappings(self, situation: Situation) -> None:
        self._change("delete mapping", old_mappings=())

    def delete_functions(self, situation: Situation) -> None:
        self._change("delete functions", functions=())

    def delete_roles(self, situation: Situation) -> None:
        self._change("delete roles", roles=())

    def delete_log_groups(self, situation: Situation) -> None:
        self._change("delete logs", log_groups=())


@dataclass
class Asked:
    """Whoever is asked: says no to one of the steps."""

    declines: str = ""
    names: list[str] = field(default_factory=list)

    def __call__(self, name: str, says: str) -> bool:
        self.names.append(name)
        return name != self.declines


def migration(world: World, asked: Callable[[str, str], bool] | None = None) -> Migration:
    return Migration(world, JOURNAL, asked or Asked(), lambda text: None)


def test_the_steps_are_done_in_the_order_in_which_nothing_is_lost() -> None:
    world = World()
    assert migration(world).forward()
    assert world.changes == [
        "stop old job",
        "keep table",
        "new Enabled",
        "old-stream Disabled",
        "notification off",
        "delete mapping",
        "delete functions",
        "delete roles",
        "delete logs",
    ]
    assert world.now == AFTER


def test_each_step_is_asked_for_by_its_name() -> None:
    asked = Asked()
    migration(World(), asked).forward()
    assert asked.names == FORWARD


@pytest.mark.parametrize("declined", FORWARD)
def test_a_step_that_is_not_confirmed_leaves_it_and_all_later_ones_undone(declined: str) -> None:
    world = World()
    assert not migration(world, Asked(declined)).forward()
    states = [step.state for step in planned(world.now, JOURNAL)]
    assert states == ["done"] * FORWARD.index(declined) + ["to do"] * (len(FORWARD) - FORWARD.index(declined))


def test_a_second_migration_has_nothing_to_do() -> None:
    world, asked = World(), Asked()
    migration(world).forward()
    world.changes.clear()
    assert migration(world, asked).forward()
    assert (world.changes, asked.names) == ([], [])


def test_without_deletes_all_is_done_that_can_be_undone() -> None:
    world = World()
    assert migration(world).forward(deletes=False)
    assert [step.name for step in planned(world.now, JOURNAL) if step.state == "to do"] == DELETES


@pytest.mark.parametrize("after", [False, True], ids=["before the change", "after the change"])
@pytest.mark.parametrize("dies_at", range(1, 10))
def test_killed_at_any_change_the_next_migration_completes_it(dies_at: int, after: bool) -> None:
    world = World(dies_at=dies_at, dies_after=after)
    with pytest.raises(Killed):
        migration(world).forward()
    assert migration(world).forward()
    assert world.now == AFTER


@pytest.mark.parametrize("steps", range(6))
def test_from_wherever_it_stopped_before_the_deletes_a_rollback_leads_back(steps: int) -> None:
    world = World()
    migration(world, Asked(FORWARD[steps])).forward()
    assert migration(world).back()
    assert world.now == replace(BEFORE, active_runs=0 if steps else 2)


def test_a_rollback_goes_the_other_way_round_with_our_job_stopped_first() -> None:
    world = World()
    migration(world).forward(deletes=False)
    world.changes.clear()
    migration(world).back()
    assert world.changes == [
        "stop our job",
        "notification on",
        "old-stream Enabled",
        "new Disabled",
        "give table back",
        "start old job",
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before the change", "after the change"])
@pytest.mark.parametrize("dies_at", range(1, 7))
def test_a_rollback_that_is_killed_is_completed_by_the_next(dies_at: int, after: bool) -> None:
    world = World()
    migration(world).forward(deletes=False)
    world.dies_at, world.dies_after = dies_at + len(world.changes), after
    with pytest.raises(Killed):
        migration(world).back()
    assert migration(world).back()
    assert world.now == replace(BEFORE, active_runs=0)


@pytest.mark.parametrize("deleted", DELETES[1:])
def test_there_is_no_way_back_once_something_is_deleted(deleted: str) -> None:
    world = World()
    migration(world, Asked(deleted)).forward()
    world.changes.clear()
    with pytest.raises(MigrationError, match="no way back"):
        migration(world).back()
    assert world.changes == []


def test_a_declined_rollback_changes_nothing_more() -> None:
    world = World()
    migration(world).forward(deletes=False)
    world.changes.clear()
    assert not migration(world, Asked("stop our job")).back()
    assert not migration(world, Asked("back: new mapping on")).back()
    assert world.changes == ["stop our job", "notification on", "old-stream Enabled"]


def test_without_a_new_mapping_the_migration_waits_for_the_deployment() -> None:
    world = World(replace(BEFORE, new_mapping=None))
    with pytest.raises(MigrationError, match="run `stream-lambda deploy`"):
        migration(world).forward()
    assert world.changes == ["stop old job", "keep table"]


@pytest.mark.parametrize("result", ["PROBLEM: Function call failed", "Internal error"])
def test_the_old_mapping_stays_on_while_the_new_one_has_a_problem(result: str) -> None:
    world = World(replace(BEFORE, new_mapping=replace(NEW, last_result=result)))
    with pytest.raises(MigrationError, match="before the old one goes off"):
        migration(world).forward()
    assert world.now.old_mappings == (OLD,)


def test_a_step_that_somebody_else_undoes_at_once_is_said() -> None:
    class Contested(World):
        def remove_notifications(self, journal: Journal) -> None:
            self.changes.append("notification off")

    with pytest.raises(MigrationError, match="notification off: it was done, but is not so"):
        migration(Contested()).forward()


def test_a_mapping_that_was_off_before_stays_off_after_a_rollback() -> None:
    off = replace(BEFORE, old_mappings=(replace(OLD, state="Disabled"),))
    world = World(off)
    made = Migration(world, replace(JOURNAL, mappings=()), Asked(), lambda text: None)
    made.forward(deletes=False)
    assert made.back()
    assert world.now.old_mappings == off.old_mappings


@pytest.mark.parametrize(
    ("job", "stopped"),
    [
        (JOB, False),
        (replace(JOB, paused=True), False),
        (replace(JOB, max_concurrent_runs=0), False),
        (STOPPED, True),
        (replace(JOB, kind=None, max_concurrent_runs=0), True),
        (replace(JOB, kind="continuous", paused=True), True),
        (replace(JOB, kind="continuous"), False),
    ],
    ids=["on", "paused only", "no runs only", "both", "started by others", "continuous off", "continuous on"],
)
def test_a_job_is_stopped_when_neither_its_schedule_nor_the_trigger_function_can_start_it(
    job: JobStart, stopped: bool
) -> None:
    assert job.is_stopped is stopped


def test_a_run_that_is_under_way_is_waited_for_even_when_the_job_is_paused() -> None:
    world = World(replace(BEFORE, job=STOPPED, active_runs=1))
    assert planned(world.now, JOURNAL)[0].state == "to do"


def test_the_journal_comes_back_as_it_was_written() -> None:
    hostile = replace(JOURNAL, stream_function="a\"'`\n../b", notifications=({"Id": "\u202e"},))
    assert Journal.of(hostile.text(), "s3://b/k") == replace(hostile)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"stream_function": 1}', "\x00" * 5_000_000])
def test_a_journal_that_is_something_else_is_said(text: str) -> None:
    with pytest.raises(MigrationError, match=r"s3://b/k is not the journal") as raised:
        Journal.of(text, "s3://b/k")
    assert len(str(raised.value)) < 300
