"""Start the Databricks job after the write, unless a waiting run will list the object.

A run lists the files when it starts to run. So a run that is still QUEUED or PENDING after the object is written will
list the object; a RUNNING one may have listed before. If the runs were read before the write, a run could start in
between and miss the object. Two functions that check at the same moment may both start a run: one run too many that
finds nothing, never one too few.

A failure is an outcome, not an error, and for a minute after it no start is attempted: an outage of Databricks must not
slow the stream. The job's schedule reads the files that were missed.
https://docs.databricks.com/api/workspace/jobs/runnow, https://docs.databricks.com/api/workspace/jobs/listruns
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Final

from stream_to_s3.auth import CachedToken
from stream_to_s3.errors import StreamToS3Error, TriggerError
from stream_to_s3.outcome import Outcome
from stream_to_s3.rest import ApiCall, WorkspaceApi

PAUSE_SECONDS: Final = 60.0
_MOST_SECONDS: Final = 20.0
_RESERVE_SECONDS: Final = 2.0
_WAITING: Final = ("QUEUED", "PENDING")


class Trigger:
    """Starts one job. `clock` returns seconds since the epoch."""

    def __init__(
        self,
        api: WorkspaceApi,
        credentials: CachedToken,
        job_id: int,
        clock: Callable[[], float],
        thread: Executor | None = None,
    ) -> None:
        self._api = api
        self._credentials = credentials
        self._job_id = job_id
        self._clock = clock
        self._paused_until = 0.0
        # A thread, because neither a name look-up nor a slow answer has a time limit.
        self._thread = thread or ThreadPoolExecutor(1, "trigger")
        self._attempt: Future[Outcome] | None = None

    def after_write(self, key: str, seconds_left: float) -> Outcome:
        """Ensure that a run will list the object with this key. Raises nothing."""
        pause = self._paused_until - self._clock()
        if pause > 0:
            return Outcome("skipped", f"paused for another {pause:.0f} s after a failure")
        outcome = self._within(min(_MOST_SECONDS, seconds_left - _RESERVE_SECONDS), key)
        if outcome.what == "failed":
            self._credentials.forget()
            self._paused_until = self._clock() + PAUSE_SECONDS
        return outcome

    def _within(self, seconds: float, key: str) -> Outcome:
        if seconds <= 0:
            return Outcome("failed", "the write left no time for it")
        if self._attempt is not None and not self._attempt.done():
            return Outcome("failed", "an earlier attempt has not ended")
        try:
            self._attempt = self._thread.submit(self._start, key, self._clock() + seconds)
            error = self._attempt.exception(timeout=seconds)
        except TimeoutError:
            return Outcome("failed", f"no answer within {seconds:.1f} s")
        except RuntimeError:
            return Outcome("failed", "no thread could be started")
        if error is None:
            return self._attempt.result()
        # An exception of another library may hold a token.
        return Outcome("failed", str(error) if isinstance(error, StreamToS3Error) else type(error).__name__)

    def _start(self, key: str, deadline: float) -> Outcome:
        query = {"job_id": str(self._job_id), "active_only": "true", "limit": "24"}
        token = hashlib.sha256(key.encode()).hexdigest()
        body = {"job_id": self._job_id, "idempotency_token": token, "queue": {"enabled": True}}
        with self._api:
            authorization = self._credentials.authorization(deadline)
            listing = ApiCall("runs/list", "GET", "/api/2.2/jobs/runs/list", authorization, query=query)
            waiting = waiting_run(self._api.call(listing, deadline))
            if waiting is not None:
                return Outcome("skipped", f"run {waiting} waits to start")
            request = ApiCall("run-now", "POST", "/api/2.2/jobs/run-now", authorization, body=body)
            run_id = self._api.call(request, deadline).get("run_id")
        if not isinstance(run_id, int):
            raise TriggerError("run-now: the answer has no run_id")
        return Outcome("started", f"run {run_id}")


def waiting_run(answer: dict[str, Any]) -> int | None:
    """Return the id of a run that waits to start with the job's default parameters, from an answer of runs/list."""
    runs = answer.get("runs", [])
    if not isinstance(runs, list):
        raise TriggerError("runs/list: the answer has no list of runs")
    for run in runs:
        if isinstance(run, dict) and _waits(run) and _has_default_parameters(run):
            run_id = run.get("run_id")
            if isinstance(run_id, int):
                return run_id
    return None


def _waits(run: dict[str, Any]) -> bool:
    status = run.get("status")
    return isinstance(status, dict) and status.get("state") in _WAITING


def _has_default_parameters(run: dict[str, Any]) -> bool:
    """Return whether the run has default parameters: a run with others may read other files."""
    parameters = run.get("job_parameters") or []
    return not run.get("overriding_parameters") and all(
        isinstance(parameter, dict) and parameter.get("value", parameter.get("default")) == parameter.get("default")
        for parameter in parameters
    )
