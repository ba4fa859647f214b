"""Simulate a Databricks workspace as far as the trigger uses it: principals, tokens, one job's runs and their queue.

Rules: https://docs.databricks.com/aws/en/jobs/advanced (queueing),
https://docs.databricks.com/api/workspace/jobs/runnow (idempotency), https://docs.databricks.com/aws/en/resources/limits
(requests per second). A state changes only in `settle`, which every request calls first, so a test can set the time.
"""

import itertools
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Literal

from rehearsal.errors import RefusedError

State = Literal["QUEUED", "PENDING", "RUNNING", "TERMINATED", "SKIPPED"]


@dataclass(frozen=True)
class FederationPolicy:
    """The issuer's tokens that a service principal accepts instead of a secret."""

    issuer: str
    subject: str
    audience: str = "databricks"


@dataclass
class Principal:
    """A caller. `jobs` are those that it can start (CAN_MANAGE_RUN)."""

    client_id: str
    client_secret: str | None = None
    personal_token: str | None = None
    policy: FederationPolicy | None = None
    jobs: tuple[int, ...] = ()


@dataclass
class WorkspaceJob:
    """A job with max_concurrent_runs 1, with the duration of a run in seconds. `parameters` are the defaults."""

    job_id: int
    queue: bool = True
    parameters: dict[str, str] = field(default_factory=dict)
    startup_seconds: float = 0.0
    run_seconds: float = 0.0


@dataclass
class WorkspaceRun:
    """A run. Times are on the workspace's clock; None means not yet."""

    run_id: int
    job: WorkspaceJob
    parameters: dict[str, str]
    created: float
    state: State = "QUEUED"
    pending: float | None = None
    started: float | None = None
    ended: float | None = None

    def described(self) -> dict[str, Any]:
        """Return the run as runs/list shows it."""
        parameters = [
            {"name": name, "default": default, "value": self.parameters.get(name, default)}
            for name, default in self.job.parameters.items()
        ]
        return {
            "job_id": self.job.job_id,
            "run_id": self.run_id,
            "run_type": "JOB_RUN",
            "start_time": int(self.created * 1000),
            "status": {"state": "TERMINATED" if self.state == "SKIPPED" else self.state},
            **({"job_parameters": parameters} if parameters else {}),
            **({"overriding_parameters": {"job_parameters": self.parameters}} if self.parameters else {}),
        }


class Workspace:
    """Principals, jobs and runs; safe to use from several threads.

    `on_start` gets each run that starts, while the lock is held, and must return at once. With it a run lasts until
    `finish` is called, from any thread; without it, `run_seconds`.
    """

    def __init__(self, clock: Callable[[], float], on_start: Callable[[WorkspaceRun], None] | None = None) -> None:
        self.principals: list[Principal] = []
        self.jobs: dict[int, WorkspaceJob] = {}
        self.runs: list[WorkspaceRun] = []
        self.token_seconds = 3600
        self._clock = clock
        self._on_start = on_start
        self._lock = RLock()
        self._ids = itertools.count(1001)
        self._by_idempotency_token: dict[tuple[int, str], WorkspaceRun] = {}
        self._issued: dict[str, tuple[Principal, float]] = {}
        self._called: dict[str, deque[float]] = {}

    def issue_token(self, principal: Principal) -> str:
        """Return a new bearer token."""
        with self._lock:
            token = f"eyJ{secrets.token_urlsafe(24)}"
            self._issued[token] = (principal, self._clock() + self.token_seconds)
            return token

    def principal_of(self, token: str) -> Principal:
        """Return the principal of a token. Raises RefusedError when the token is unknown or has expired."""
        with self._lock:
            for principal in self.principals:
                if principal.personal_token is not None and principal.personal_token == token:
                    return principal
            principal_and_end = self._issued.get(token)
        if principal_and_end is None or principal_and_end[1] <= self._clock():
            raise RefusedError(401, "UNAUTHENTICATED", "the token is unknown or has expired")
        return principal_and_end[0]

    def count_call(self, name: str, a_second: int) -> None:
        """Count a call. Raises RefusedError when the last second had too many."""
        with self._lock:
            calls, now = self._called.setdefault(name, deque()), self._clock()
            while calls and calls[0] <= now - 1:
                calls.popleft()
            if len(calls) >= a_second:
                raise RefusedError(429, "REQUEST_LIMIT_EXCEEDED", f"more than {a_second} calls per second")
            calls.append(now)

    def job_for(self, principal: Principal, job_id: int) -> WorkspaceJob:
        """Return a job that the principal may start. Raises RefusedError when it may not."""
        job = self.jobs.get(job_id)
        if job is None:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")
        if job_id not in principal.jobs:
            raise RefusedError(403, "PERMISSION_DENIED", "the permission Manage Run on the job is missing")
        return job

    def run_now(
        self, job: WorkspaceJob, parameters: Mapping[str, str], token: str | None = None, queue: bool | None = None
    ) -> WorkspaceRun:
        """Start a run, or return the one with this idempotency token. Raises RefusedError when that was deleted."""
        with self._lock:
            self.settle()
            if token is not None and (job.job_id, token) in self._by_idempotency_token:
                found = self._by_idempotency_token[job.job_id, token]
                if found not in self.runs:
                    raise RefusedError(400, "INVALID_PARAMETER_VALUE", "the run with this token was deleted")
                return found
            run = WorkspaceRun(next(self._ids), job, dict(parameters), self._clock())
            if self.active_runs(job) and not (job.queue if queue is None else queue):
                run.state, run.ended = "SKIPPED", run.created
            self.runs.append(run)
            if token is not None:
                self._by_idempotency_token[job.job_id, token] = run
            self.settle()
            return run

    def active_runs(self, job: WorkspaceJob) -> list[WorkspaceRun]:
        """Return the queued and running runs, newest first."""
        with self._lock:
            self.settle()
            return [run for run in reversed(self.runs) if run.job is job and run.ended is None]

    def delete(self, run: WorkspaceRun) -> None:
        """Delete an ended run; its idempotency token is remembered."""
        with self._lock:
            self.runs.remove(run)

    def finish(self, run: WorkspaceRun) -> None:
        """End a run that `on_start` got."""
        with self._lock:
            run.state, run.ended = "TERMINATED", self._clock()
            self.settle()

    def settle(self) -> None:
        """Start and end the runs that are due, one after the other for each job."""
        with self._lock:
            busy, freed = set[int](), dict[int, float]()
            for run in self.runs:
                job_id = run.job.job_id
                if run.ended is None and job_id not in busy:
                    self._advance(run, max(run.created, freed.get(job_id, 0.0)))
                if run.ended is None:
                    busy.add(job_id)
                elif run.state == "TERMINATED":
                    freed[job_id] = run.ended

    def _advance(self, run: WorkspaceRun, freed: float) -> None:
        now = self._clock()
        if run.state == "QUEUED":
            run.state, run.pending = "PENDING", freed
        if run.state == "PENDING" and run.pending is not None and run.pending + run.job.startup_seconds <= now:
            run.state, run.started = "RUNNING", run.pending + run.job.startup_seconds
            if self._on_start is not None:
                self._on_start(run)
        if self._on_start is None and run.started is not None and run.started + run.job.run_seconds <= now:
            run.state, run.ended = "TERMINATED", run.started + run.job.run_seconds
