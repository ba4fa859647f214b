"""Run the job and kill it by SIGKILL at given boundaries, in processes that `killed` starts.

The runs of one process have separate folders and share its JVM, because starting a JVM takes ten seconds. Each stops
where it is to be killed; when all have stopped, the process group is killed, with the JVM.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from threading import Barrier, Event, Lock, Semaphore, Thread

from flatten import job
from flatten.local.settings import SessionSettings
from flatten.session import open_session
from support.job_world import World, around
from support.quick_spark import ONE_TASK

NOT_MET = 3
"""The exit code when a run ended instead."""

_AT_ONCE = 2
_SECONDS_AT_MOST = 900
_TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Death:
    """Where a run is killed: its folder, the boundary, reached for the `nth` time, and the files per batch.

    With `held`, another file of those that are moved at the same time has stopped there before, permanently.
    """

    root: Path
    boundary: str
    nth: int
    max_files: int
    held: str = ""


def killed(deaths: Sequence[Death], kind: str = "classic") -> None:
    """Run the job in each folder, kill all runs at their boundaries, and return when they have ended.

    In Spark Connect each has a separate process: there a micro-batch is another process, which must kill this one.
    """
    groups = [deaths] if kind == "classic" else [[death] for death in deaths]
    with ThreadPoolExecutor(_AT_ONCE) as starters:
        for done in starters.map(partial(_killed, kind), groups):
            assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _killed(kind: str, deaths: Sequence[Death]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(kind, deaths),
        env=os.environ | {"PYTHONPATH": str(_TESTS)},
        start_new_session=True,  # a separate process group: it is killed as a whole
        capture_output=True,
        timeout=_SECONDS_AT_MOST,
        check=False,
    )


def command(kind: str, deaths: Sequence[Death]) -> list[str]:
    """Return the command of the process in which the runs are killed."""
    return [sys.executable, __file__, kind, *(str(part) for death in deaths for part in astuple(death))]


@dataclass
class _Kill:
    """Kills the process group of a run at a boundary, from the process that reaches it."""

    boundary: str
    left: int
    group: int

    def __call__(self, boundary: str) -> None:
        self.left -= boundary == self.boundary
        if boundary == self.boundary and self.left == 0:
            os.killpg(self.group, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def _reached(death: Death, arrive: Callable[[], None]) -> Callable[[str], None]:
    lock, left, stopped = Lock(), [death.nth], Event()

    def reached(boundary: str) -> None:
        with lock:
            holds = boundary == death.held and not stopped.is_set()
            if holds:
                stopped.set()
            left[0] -= boundary == death.boundary
            here = boundary == death.boundary and left[0] == 0
        if holds:
            Event().wait()
        if here:
            arrive()

    return reached


def _main(kind: str, deaths: Sequence[Death]) -> None:
    spark = open_session(SessionSettings(kind=kind, extra=ONE_TASK))
    if kind == "connect":
        [death] = deaths
        _live(World(spark, death.root, max_files=death.max_files), _Kill(death.boundary, death.nth, os.getpgrp()))
    turn, all_there = Semaphore(_AT_ONCE), Barrier(len(deaths))

    def arrive() -> None:
        turn.release()
        all_there.wait()
        os.killpg(0, signal.SIGKILL)

    def live(death: Death) -> None:
        with turn:
            _live(World(spark.newSession(), death.root, max_files=death.max_files), _reached(death, arrive))

    threads = [Thread(target=live, args=[death]) for death in deaths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _live(world: World, reached: Callable[[str], None]) -> None:
    """Run the job; when it was not killed, end the process with an exit code."""
    try:
        report = job.run(world.spark, world.settings(), around(reached))
        code = NOT_MET
        print(f"the death in {world.root} was not met: {report}", file=sys.stderr)
    except BaseException:  # noqa: BLE001  # whatever ends a thread must end the process
        code = 1
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _told = zip(*[iter(sys.argv[2:])] * 5, strict=True)
    _main(
        sys.argv[1], [Death(Path(root), where, int(nth), int(files), held) for root, where, nth, files, held in _told]
    )
