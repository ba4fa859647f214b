"""Run `flatten run` for each run of the workspace's job, one after the other."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from typing import Final, Literal

from rehearsal.databricks.compute import Compute, Finished
from rehearsal.databricks.workspace import Workspace, WorkspaceJob, WorkspaceRun

JOB_ID: Final = 620135
_VERDICTS: Final = ("applied", "superseded", "repeated", "ignored", "quarantined")


@dataclass(frozen=True)
class JobRun:
    """A run, with its times in seconds since the epoch. `lines` by verdict, empty if it failed."""

    called: float
    began: float
    ended: float
    outcome: Literal["succeeded", "failed", "killed"]
    files: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)


class FlattenJob(AbstractContextManager["FlattenJob"]):
    """A workspace with this one job, queue on and max_concurrent_runs 1, as resources/flatten.job.yml has it.

    `done` has the finished runs, in order; `errors` what failed ones wrote. `clock` returns seconds since the epoch.
    """

    def __init__(self, compute: Compute, arguments: Sequence[str], clock: Callable[[], float]) -> None:
        self.done: list[JobRun] = []
        self.errors: list[str] = []
        self.workspace = Workspace(clock, on_start=self._start)
        self.job = self.workspace.jobs[JOB_ID] = WorkspaceJob(JOB_ID)
        self._compute = compute
        self._arguments = ["run", *arguments, "--json"]
        self._clock = clock
        self._worker = ThreadPoolExecutor(1, "job")
        self._under_way: list[Future[None]] = []

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._compute.end()
        self._worker.shutdown(cancel_futures=True)

    def start(self) -> None:
        """Start a run with default parameters, as a schedule does; it is queued behind a run at work."""
        self.workspace.run_now(self.job, {})

    def wait(self) -> None:
        """Wait until no run is queued or at work. Raises what a run raised here."""
        while self._under_way:
            self._under_way.pop(0).result()

    def lines(self) -> int:
        """Return how many lines all runs together have finished."""
        return sum(sum(run.lines.values()) for run in self.done)

    def _start(self, run: WorkspaceRun) -> None:
        self._under_way.append(self._worker.submit(self._work, run))

    def _work(self, run: WorkspaceRun) -> None:
        try:
            began, finished = self._clock(), self._compute.run(self._arguments)
            counts = (finished.report or {}).get("counts", {})
            lines = {verdict: counts.get(verdict, 0) for verdict in _VERDICTS} if counts else {}
            over = JobRun(run.created, began, self._clock(), _outcome(finished), counts.get("files", 0), lines)
            self.done.append(over)
            if finished.code != 0:
                self.errors.append(finished.stderr.strip())
        finally:
            self.workspace.finish(run)


class Schedule(AbstractContextManager["Schedule"]):
    """Starts the job at this interval for as long as a `with` lasts: the trigger of Option B, and the fallback."""

    def __init__(self, job: FlattenJob, seconds: float) -> None:
        self._job = job
        self._seconds = seconds
        self._stop = Event()
        self._clockwork = ThreadPoolExecutor(1, "schedule")
        self._clockwork.submit(self._run)

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._clockwork.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._job.start()


def _outcome(finished: Finished) -> Literal["succeeded", "failed", "killed"]:
    if finished.code is None:
        return "killed"
    return "succeeded" if finished.code == 0 else "failed"
