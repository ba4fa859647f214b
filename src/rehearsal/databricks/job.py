"""The job of the workspace: each run that starts really runs `flatten run`, one after the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Final, Self

from rehearsal.databricks.compute import Compute, Finished
from rehearsal.databricks.workspace import Job, Run, Workspace
from rehearsal.report.trace import JobRun, RunOutcome

JOB_ID: Final = 620135
_VERDICTS: Final = ("applied", "superseded", "repeated", "ignored", "quarantined")


class FlattenJob:
    """A workspace with this one job, queue on and max_concurrent_runs 1, as resources/flatten.job.yml has it.

    `done` are the runs that are over, in order; `said` what failed ones wrote. `clock` is in seconds since the epoch.
    """

    def __init__(self, compute: Compute, arguments: Sequence[str], clock: Callable[[], float]) -> None:
        self.done: list[JobRun] = []
        self.said: list[str] = []
        self.workspace = Workspace(clock, on_start=self._start)
        self.job = Job(JOB_ID)
        self.workspace.jobs[JOB_ID] = self.job
        self._compute = compute
        self._arguments = ["run", *arguments, "--json"]
        self._clock = clock
        self._worker = ThreadPoolExecutor(1, "job")
        self._under_way: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._compute.end()
        self._worker.shutdown(cancel_futures=True)

    @property
    def is_busy(self) -> bool:
        """Whether a run waits or is at work."""
        return bool(self.workspace.active_runs(self.job))

    def start(self) -> None:
        """Starts a run as a schedule does: with default parameters; behind one that is at work it is queued."""
        self.workspace.run_now(self.job, {})

    def wait(self) -> None:
        """Waits until no run waits or is at work. Raises what a run raised here."""
        while self._under_way:
            self._under_way.pop(0).result()

    def lines(self) -> int:
        """How many lines all runs together are done with."""
        return sum(sum(run.lines.values()) for run in self.done)

    def _start(self, run: Run) -> None:
        self._under_way.append(self._worker.submit(self._work, run))

    def _work(self, run: Run) -> None:
        try:
            self._note(run, self._clock(), self._compute.run(self._arguments))
        finally:
            self.workspace.finish(run)

    def _note(self, run: Run, began: float, finished: Finished) -> None:
        counts = (finished.report or {}).get("counts", {})
        self.done.append(
            JobRun(
                called=run.created,
                began=began,
                ended=self._clock(),
                outcome=_outcome(finished),
                files=counts.get("files", 0),
                lines={verdict: counts.get(verdict, 0) for verdict in _VERDICTS} if counts else {},
            )
        )
        if finished.code != 0:
            self.said.append(finished.said.strip())


class Schedule:
    """Starts the job every so many seconds for as long as a `with` lasts: the trigger of Option B, and the fallback."""

    def __init__(self, job: FlattenJob, seconds: float) -> None:
        self._job = job
        self._seconds = seconds
        self._stop = Event()
        self._clockwork = ThreadPoolExecutor(1, "schedule")

    def __enter__(self) -> Self:
        self._clockwork.submit(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._clockwork.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._job.start()


def _outcome(finished: Finished) -> RunOutcome:
    if finished.code is None:
        return "killed"
    return "succeeded" if finished.code == 0 else "failed"
