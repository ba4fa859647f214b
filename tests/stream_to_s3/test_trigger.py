"""The trigger against the strict workspace: when a run starts, when a waiting one is enough, and failures."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.databricks.server import RUN_NOW, RUNS_LIST, WorkspaceServer, json_answer
from rehearsal.databricks.workspace import Principal, Workspace, WorkspaceJob, WorkspaceRun
from rehearsal.loopback import Answer, HttpRequest
from stream_to_s3.auth import CachedToken, Token
from stream_to_s3.errors import TriggerError
from stream_to_s3.outcome import Outcome
from stream_to_s3.rest import Secret, WorkspaceApi
from stream_to_s3.trigger import Trigger, waiting_run
from support.clock import Clock
from support.raw_server import drip, raw_server

JOB = 620135
PERSONAL_TOKEN = "dapi-0123456789abcdef"


@dataclass
class PersonalToken:
    clock: Clock
    token: str = PERSONAL_TOKEN

    def fetch(self, deadline: float) -> Token:
        return Token(Secret(self.token), self.clock() + 900)


@dataclass
class Harness:
    clock: Clock
    workspace: Workspace
    server: WorkspaceServer
    trigger: Trigger

    def another_trigger(self, token: str = PERSONAL_TOKEN) -> Trigger:
        endpoint = WorkspaceApi(self.server.url, self.clock, self.clock.sleep)
        return Trigger(endpoint, CachedToken(PersonalToken(self.clock, token), self.clock), JOB, self.clock)

    def after_write(self, key: str = "telemetry/1", seconds_left: float = 50) -> Outcome:
        return self.trigger.after_write(key, seconds_left)

    def running(self) -> WorkspaceRun:
        """Start a run, so that the next one must wait."""
        return self.workspace.run_now(self.workspace.jobs[JOB], {})


@contextmanager
def harness(job: WorkspaceJob | None = None) -> Iterator[Harness]:
    clock = Clock()
    workspace = Workspace(clock)
    workspace.jobs[JOB] = job or WorkspaceJob(JOB, run_seconds=120)
    workspace.principals.append(Principal("operator", personal_token=PERSONAL_TOKEN, jobs=(JOB,)))
    with WorkspaceServer(workspace, clock) as server:
        made = Harness(clock, workspace, server, None)  # type: ignore[arg-type] # given in the next line
        made.trigger = made.another_trigger()
        yield made


@pytest.fixture
def idle() -> Iterator[Harness]:
    with harness() as made:
        yield made


def test_a_run_is_started_when_there_is_no_other(idle: Harness) -> None:
    assert idle.after_write() == Outcome("started", "run 1001")
    assert [run.state for run in idle.workspace.runs] == ["RUNNING"]


def test_a_running_run_does_not_replace_a_start(idle: Harness) -> None:
    idle.running()
    assert idle.after_write() == Outcome("started", "run 1002")
    assert [run.state for run in idle.workspace.runs] == ["RUNNING", "QUEUED"]


def test_a_queued_run_replaces_a_start(idle: Harness) -> None:
    idle.running()
    idle.after_write("telemetry/1")
    assert idle.after_write("telemetry/2") == Outcome("skipped", "run 1002 waits to start")
    assert len(idle.workspace.runs) == 2


def test_a_pending_run_replaces_a_start() -> None:
    with harness(WorkspaceJob(JOB, startup_seconds=60)) as made:
        made.after_write("telemetry/1")
        assert made.workspace.runs[0].state == "PENDING"
        assert made.after_write("telemetry/2").what == "skipped"


def test_a_run_with_other_parameters_does_not_replace_a_start() -> None:
    with harness(WorkspaceJob(JOB, run_seconds=120, parameters={"command": "run"})) as made:
        made.running()
        made.workspace.run_now(made.workspace.jobs[JOB], {"command": "replay"})
        assert made.after_write() == Outcome("started", "run 1003")


def test_a_run_with_explicit_default_parameters_does_not_replace_a_start() -> None:
    # It would list the object, but the overridden values are not compared.
    with harness(WorkspaceJob(JOB, run_seconds=120, parameters={"command": "run"})) as made:
        made.running()
        made.workspace.run_now(made.workspace.jobs[JOB], {"command": "run"})
        assert made.after_write().what == "started"


def test_the_same_key_starts_one_run(idle: Harness) -> None:
    first = idle.after_write("telemetry/1")
    assert idle.another_trigger().after_write("telemetry/1", 50) == first
    assert len(idle.workspace.runs) == 1


def test_the_idempotency_token_is_64_characters_of_the_key(idle: Harness) -> None:
    idle.after_write("telemetry/" + "x" * 1000)
    body = json.loads(idle.server.requests[-1].body)
    assert len(body["idempotency_token"]) == 64
    assert body == {"job_id": JOB, "queue": {"enabled": True}, "idempotency_token": body["idempotency_token"]}


def test_a_run_waits_also_where_the_job_does_not_queue() -> None:
    with harness(WorkspaceJob(JOB, queue=False, run_seconds=120)) as made:
        made.running()
        made.after_write()
        assert [run.state for run in made.workspace.runs] == ["RUNNING", "QUEUED"]


def batches(made: Harness, count: int, seconds: float) -> list[float]:
    """Write `count` objects evenly over some seconds; check the queue after each and yield their times."""
    times = []
    for number in range(count):
        made.clock.now += seconds / count
        times.append(made.clock.now)
        made.after_write(f"telemetry/{number}")
        states = [run.state for run in made.workspace.active_runs(made.workspace.jobs[JOB])]
        assert states.count("RUNNING") <= 1
        assert states.count("QUEUED") + states.count("PENDING") <= 1
    return times


@pytest.mark.parametrize(
    "job", [WorkspaceJob(JOB, run_seconds=4), WorkspaceJob(JOB, startup_seconds=3, run_seconds=1), WorkspaceJob(JOB)]
)
def test_100_batches_in_10_seconds_have_one_run_running_and_one_waiting(job: WorkspaceJob) -> None:
    with harness(job) as made:
        times = batches(made, 100, 10.0)
        made.clock.now += 3600
        made.workspace.settle()
        starts = [run.started for run in made.workspace.runs]
        assert all(run.ended is not None for run in made.workspace.runs)
        assert max(start for start in starts if start is not None) >= times[-1]
        assert len(starts) <= 2 + 10 / max(job.run_seconds + job.startup_seconds, 0.1)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0, 8), min_size=1, max_size=12),
    st.floats(0, 5),
    st.floats(0, 5),
    st.lists(st.sampled_from([RUN_NOW, RUNS_LIST]), unique=True),
)
def test_after_every_batch_there_is_a_run_that_starts_later(
    gaps: list[float], startup: float, length: float, slow_downs: list[str]
) -> None:
    with harness(WorkspaceJob(JOB, startup_seconds=startup, run_seconds=length)) as made:
        for path in slow_downs:
            made.server.faults.setdefault(path, []).append(lambda request: json_answer(429, {}, **{"Retry-After": "1"}))
        times = []
        for number, gap in enumerate(gaps):
            made.clock.now += gap
            times.append(made.clock.now)
            assert made.after_write(f"telemetry/{number}").what in ("started", "skipped")
        made.clock.now += 3600
        made.workspace.settle()
        last_start = max(run.started or 0.0 for run in made.workspace.runs)
        assert last_start >= times[-1]


def test_429_is_retried_after_the_requested_wait(idle: Harness) -> None:
    for number in range(20):
        assert idle.another_trigger().after_write(f"telemetry/{number}", 50).what in ("started", "skipped")
        for run in idle.workspace.active_runs(idle.workspace.jobs[JOB]):
            idle.workspace.finish(run)
    assert idle.after_write("telemetry/20").what == "started"
    assert idle.clock.slept == [1.0]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_temporary_fault_is_retried_once(idle: Harness, status: int) -> None:
    idle.server.faults[RUN_NOW] = [lambda request: json_answer(status, {}, **{"Retry-After": "7"})]
    assert idle.after_write().what == "started"
    assert idle.clock.slept == [7.0]


@pytest.mark.parametrize("retry_after", [None, "soon", "-3", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_without_a_valid_retry_after_the_wait_is_a_second(idle: Harness, retry_after: str | None) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    idle.server.faults[RUNS_LIST] = [lambda request: json_answer(503, {}, **headers)]
    assert idle.after_write().what == "started"
    assert idle.clock.slept == [1.0]


def test_a_permanent_fault_is_a_failure(idle: Harness) -> None:
    idle.server.faults[RUNS_LIST] = [lambda request: json_answer(503, {})] * 2
    assert idle.after_write() == Outcome("failed", "runs/list: answered 503")


@pytest.mark.parametrize(("retry_after", "left"), [("30", 50), ("9", 10)], ids=["too long anyway", "too long for now"])
def test_a_wait_beyond_the_time_left_is_a_failure(idle: Harness, retry_after: str, left: float) -> None:
    idle.server.faults[RUNS_LIST] = [lambda request: json_answer(429, {}, **{"Retry-After": retry_after})]
    assert idle.after_write(seconds_left=left) == Outcome("failed", "runs/list: answered 429")
    assert idle.clock.slept == []


def test_a_slow_answer_is_abandoned_at_the_deadline(idle: Harness) -> None:
    with raw_server(drip) as address:
        endpoint = WorkspaceApi(f"http://{address}", idle.clock, idle.clock.sleep)
        trigger = Trigger(endpoint, CachedToken(PersonalToken(idle.clock), idle.clock), JOB, idle.clock)
        assert trigger.after_write("telemetry/1", 2.3) == Outcome("failed", "no answer within 0.3 s")
        idle.clock.now += 61
        assert trigger.after_write("telemetry/2", 2.3) == Outcome("failed", "an earlier attempt has not ended")


def test_two_functions_at_the_same_moment_start_at_most_one_run_too_many(idle: Harness) -> None:
    idle.running()
    other = idle.another_trigger()

    def answered_late(request: HttpRequest) -> Answer:
        seen = {"runs": [run.described() for run in idle.workspace.active_runs(idle.workspace.jobs[JOB])]}
        assert other.after_write("telemetry/2", 50).what == "started"
        return json_answer(200, seen)

    idle.server.faults[RUNS_LIST] = [answered_late]
    assert idle.after_write("telemetry/1").what == "started"
    assert [run.state for run in idle.workspace.runs] == ["RUNNING", "QUEUED", "QUEUED"]
    assert idle.after_write("telemetry/3").what == "skipped"


@dataclass
class Broken:
    """A token source with a bug in it."""

    error: BaseException

    def fetch(self, deadline: float) -> Token:
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError("5ecre7"), RecursionError("5ecre7"), SystemExit("5ecre7")])
def test_a_bug_in_the_trigger_is_a_failure_that_shows_only_its_kind(idle: Harness, error: BaseException) -> None:
    endpoint = WorkspaceApi(idle.server.url, idle.clock, idle.clock.sleep)
    trigger = Trigger(endpoint, CachedToken(Broken(error), idle.clock), JOB, idle.clock)
    assert trigger.after_write("telemetry/1", 50) == Outcome("failed", type(error).__name__)


def test_without_a_thread_it_is_a_failure(idle: Harness) -> None:
    endpoint = WorkspaceApi(idle.server.url, idle.clock, idle.clock.sleep)
    thread = ThreadPoolExecutor(1)
    thread.shutdown()
    trigger = Trigger(endpoint, CachedToken(PersonalToken(idle.clock), idle.clock), JOB, idle.clock, thread)
    assert trigger.after_write("telemetry/1", 50) == Outcome("failed", "no thread could be started")


def test_without_time_left_nothing_is_called(idle: Harness) -> None:
    assert idle.after_write(seconds_left=1.9) == Outcome("failed", "the write left no time for it")
    assert idle.server.requests == []


def test_after_a_failure_there_is_a_pause_of_60_seconds(idle: Harness) -> None:
    idle.server.faults[RUNS_LIST] = [lambda request: json_answer(403, {"error_code": "PERMISSION_DENIED"})]
    assert idle.after_write() == Outcome("failed", "runs/list: answered 403 (PERMISSION_DENIED)")
    asked = len(idle.server.requests)
    idle.clock.now += 59
    assert idle.after_write() == Outcome("skipped", "paused for another 1 s after a failure")
    assert len(idle.server.requests) == asked
    idle.clock.now += 1
    assert idle.after_write().what == "started"


def test_a_revoked_token_is_replaced_after_the_failure(idle: Harness) -> None:
    source = PersonalToken(idle.clock, "revoked")
    endpoint = WorkspaceApi(idle.server.url, idle.clock, idle.clock.sleep)
    trigger = Trigger(endpoint, CachedToken(source, idle.clock), JOB, idle.clock)
    assert trigger.after_write("telemetry/1", 50) == Outcome("failed", "runs/list: answered 401 (UNAUTHENTICATED)")
    source.token = PERSONAL_TOKEN
    idle.clock.now += 60
    assert trigger.after_write("telemetry/2", 50).what == "started"


def test_a_repeated_batch_whose_run_was_deleted_is_a_failure(idle: Harness) -> None:
    idle.after_write()
    [run] = idle.workspace.runs
    idle.workspace.finish(run)
    idle.workspace.delete(run)
    assert idle.after_write() == Outcome("failed", "run-now: answered 400 (INVALID_PARAMETER_VALUE)")


def test_a_job_without_permission_is_a_failure(idle: Harness) -> None:
    idle.workspace.principals.append(Principal("guest", personal_token="guest-token"))
    outcome = idle.another_trigger("guest-token").after_write("telemetry/1", 50)
    assert outcome == Outcome("failed", "runs/list: answered 403 (PERMISSION_DENIED)")


WAITING: dict[str, tuple[dict[str, Any], int | None]] = {
    "no runs": ({}, None),
    "queued": ({"runs": [{"run_id": 7, "status": {"state": "QUEUED"}}]}, 7),
    "pending": ({"runs": [{"run_id": 7, "status": {"state": "PENDING"}}]}, 7),
    "the second of two": (
        {"runs": [{"run_id": 8, "status": {"state": "RUNNING"}}, {"run_id": 7, "status": {"state": "QUEUED"}}]},
        7,
    ),
    "running": ({"runs": [{"run_id": 7, "status": {"state": "RUNNING"}}]}, None),
    "ending": ({"runs": [{"run_id": 7, "status": {"state": "TERMINATING"}}]}, None),
    "blocked": ({"runs": [{"run_id": 7, "status": {"state": "BLOCKED"}}]}, None),
    "an unknown state": ({"runs": [{"run_id": 7, "status": {"state": "WARMING"}}]}, None),
    "no status": ({"runs": [{"run_id": 7, "state": {"life_cycle_state": "QUEUED"}}]}, None),
    "no id": ({"runs": [{"status": {"state": "QUEUED"}}]}, None),
    "nonsense": ({"runs": [None, 7, "QUEUED", [], {"status": "QUEUED"}]}, None),
    "a default parameter": (
        {
            "runs": [
                {
                    "run_id": 7,
                    "status": {"state": "QUEUED"},
                    "job_parameters": [{"name": "a", "default": "1", "value": "1"}],
                }
            ]
        },
        7,
    ),
    "a default parameter without its value": (
        {"runs": [{"run_id": 7, "status": {"state": "QUEUED"}, "job_parameters": [{"name": "a", "default": "1"}]}]},
        7,
    ),
    "another parameter": (
        {
            "runs": [
                {
                    "run_id": 7,
                    "status": {"state": "QUEUED"},
                    "job_parameters": [{"name": "a", "default": "1", "value": "2"}],
                }
            ]
        },
        None,
    ),
    "notebook parameters": (
        {
            "runs": [
                {"run_id": 7, "status": {"state": "QUEUED"}, "overriding_parameters": {"notebook_params": {"a": "1"}}}
            ]
        },
        None,
    ),
}


@pytest.mark.parametrize(("answer", "expected"), WAITING.values(), ids=WAITING)
def test_which_run_replaces_a_start(answer: dict[str, Any], expected: int | None) -> None:
    assert waiting_run(answer) == expected


@pytest.mark.parametrize("runs", [None, {}, "QUEUED", 7])
def test_an_answer_without_a_list_of_runs_is_an_error(runs: Any) -> None:
    with pytest.raises(TriggerError, match="no list of runs"):
        waiting_run({"runs": runs})
