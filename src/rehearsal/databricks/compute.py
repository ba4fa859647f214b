"""Run `flatten` in a process with Spark that starts on demand and stays warm."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

from rehearsal.errors import ComputeError
from rehearsal.loopback import loopback_alone


@dataclass(frozen=True)
class Finished:
    """A finished run. `code` is the exit code, None when the process was killed; `report` is the output of `--json`.

    `stderr` is what the run wrote on its standard error.
    """

    code: int | None
    report: dict[str, Any] | None
    stderr: str


class Compute(AbstractContextManager["Compute"]):
    """Runs one command after the other; `variables` are added to this process's environment, `log` gets stderr.

    `within` is the beginning of a command that runs the rest of it.
    """

    def __init__(self, variables: Mapping[str, str], log: Path, within: Sequence[str] = ()) -> None:
        self._environment = loopback_alone(os.environ) | dict(variables)
        self._log, self._within = log, within
        self._process: subprocess.Popen[str] | None = None
        self._starting = Lock()
        self._is_over = False

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.end()
        self._close()

    def run(self, arguments: Sequence[str]) -> Finished:
        """Run `flatten` with these arguments and wait for it. Raises ComputeError when Spark does not start."""
        process, before = self._running(), self._log.stat().st_size
        answers: list[dict[str, Any]] = []
        with suppress(BrokenPipeError):
            print(json.dumps(list(arguments)), file=process.stdin, flush=True)
            answers = _answers(process)
        stderr = self._log.read_bytes()[before:].decode("utf-8", "replace")
        code = answers[-1]["exit"] if answers else None
        return Finished(code, answers[0] if code == 0 and len(answers) > 1 else None, stderr)

    def kill(self) -> None:
        """Kill the process and its Spark at once, like a lost cluster."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def end(self) -> None:
        """Kill the process, and prevent any run from starting another one."""
        self._is_over = True
        self.kill()

    def _running(self) -> "subprocess.Popen[str]":
        with self._starting:
            process = self._process
            if process is not None and process.poll() is None:
                return process
            if self._is_over:
                raise ComputeError("The rehearsal has ended.")
            self._close()
            process = self._process = self._new()
            # A process that was killed meanwhile is returned, too: the run in it counts as killed.
            if not _answers(process) and process.returncode != -signal.SIGKILL:
                said = self._log.read_text("utf-8", "replace").strip().splitlines()
                raise ComputeError(f"Spark did not start: {said[-1] if said else 'it wrote nothing to its log'}")
            return process

    def _new(self) -> "subprocess.Popen[str]":
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # our own Python and our own module
                [*self._within, sys.executable, "-m", "rehearsal.databricks.warm_job"],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C must not reach it: the caller ends it
            )

    def _close(self) -> None:
        """Close the pipes, which ends the process, and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(BrokenPipeError):
                process.communicate()


def _answers(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """Return the lines up to the one with the exit code; none when the process ended instead."""
    found: list[dict[str, Any]] = []
    for line in cast("IO[str]", process.stdout):
        found.append(json.loads(line))
        if "exit" in found[-1] or "ready" in found[-1]:
            return found
    process.wait()
    return []
