"""Run a zip as Lambda does: AWS's runtime client in a clean process, over the Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. The process sees the zip, the packages of Lambda's
Python runtime and Lambda's environment variables, and nothing of this process. Not simulated: Lambda's share of a
processor, its memory limit, arm64, and the versions of Python and boto3 that AWS currently has.
"""

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final
from uuid import uuid4

from rehearsal.errors import PayloadTooLargeError
from rehearsal.loopback import Answer, HttpRequest, LoopbackServer

MOST_BYTES: Final = 6 * 1024 * 1024
RUNTIME_PACKAGES: Final = (
    "awslambdaric",
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot-restore-py",
    "urllib3",
)
_NAME: Final = "chargeminder-unified-processor"
_ARN: Final = f"arn:aws:lambda:eu-west-1:123456789012:function:{_NAME}"
_API: Final = "/2018-06-01/runtime"
_POSTED: Final = re.compile(rf"{_API}/(?:(init)|invocation/([0-9a-f-]+))/(response|error)")


def link_runtime_packages(folder: Path) -> Path:
    """Fill a folder with links to the packages of Lambda's Python runtime, as installed here, and return it.

    Raises PackageNotFoundError on any system but Linux: awslambdaric exists for Linux only.
    """
    folder.mkdir()
    for name in RUNTIME_PACKAGES:
        package = distribution(name)
        for top in {path.parts[0] for path in package.files or [] if path.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(Path(str(package.locate_file(top))))
    return folder


@dataclass(frozen=True)
class Invocation:
    """The result of a call: a response, or an error as Lambda reports it (errorType, errorMessage, ...)."""

    response: Any
    error: dict[str, Any] | None
    printed: str
    was_cold: bool

    def logged(self) -> list[dict[str, Any]]:
        """Return the printed lines that are JSON objects."""
        return [json.loads(line) for line in self.printed.splitlines() if line.startswith("{")]


class Function(AbstractContextManager["Function"]):
    """A deployed zip. `environment` holds the function's variables and the credentials of its role.

    `folder` gets the unpacked zip and the log. The process starts with the first call, and again after a crash or a
    timeout.
    """

    def __init__(
        self, archive: Path, handler: str, environment: Mapping[str, str], folder: Path, timeout: float = 60
    ) -> None:
        self._handler = handler
        self._timeout = timeout
        self._task = folder / "task"
        self._log = folder / "log"
        with zipfile.ZipFile(archive) as content:
            content.extractall(self._task)
        self._log.touch()
        packages = link_runtime_packages(folder / "runtime")
        self._environment = _environment(self._task, packages, handler) | dict(environment)
        self._sandbox: _Sandbox | None = None

    def __exit__(self, *error: object) -> None:
        self._end()

    def invoke(self, event: object) -> Invocation:
        """Call the function and wait for it, as a synchronous caller does; an event in bytes is sent unchanged.

        Raises PayloadTooLargeError when the event is larger than Lambda accepts.
        """
        payload = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
        if len(payload) > MOST_BYTES:
            raise PayloadTooLargeError(f"the event has {len(payload):,} bytes, Lambda accepts {MOST_BYTES:,}")
        was_cold = self._sandbox is None
        if self._sandbox is None:
            self._sandbox = _Sandbox(self._handler, self._environment, self._task, self._log)
        printed_before = self._log.stat().st_size
        outcome = self._sandbox.call(payload, self._timeout)
        if outcome.is_fatal:
            self._end()
        printed = self._log.read_bytes()[printed_before:].decode("utf-8", "replace")
        return Invocation(outcome.response, outcome.error, printed, was_cold)

    def kill(self) -> None:
        """Kill the process at once, from any thread, as Lambda does when memory runs out."""
        if self._sandbox is not None:
            self._sandbox.kill()

    def _end(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None


def _environment(task: Path, packages: Path, handler: str) -> dict[str, str]:
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": _NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "HOME": str(task),
        "LAMBDA_TASK_ROOT": str(task),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": f"{task}{os.pathsep}{packages}",
        "TZ": ":UTC",
        "_HANDLER": handler,
    }


@dataclass(frozen=True)
class _Outcome:
    response: Any = None
    error: dict[str, Any] | None = None
    is_fatal: bool = False


class _Sandbox:
    """One process and its Runtime API; both end together."""

    def __init__(self, handler: str, environment: Mapping[str, str], task: Path, log: Path) -> None:
        self._invocations: Queue[Answer] = Queue()
        self._outcomes: Queue[_Outcome] = Queue()
        with ExitStack() as opened:
            api = opened.enter_context(LoopbackServer(self._respond))
            output = opened.enter_context(log.open("ab"))
            self._process = subprocess.Popen(  # noqa: S603 # our Python, AWS's client, our zip
                [sys.executable, "-S", "-m", "awslambdaric", handler],
                cwd=task,
                env={**environment, "AWS_LAMBDA_RUNTIME_API": api.address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            self._opened = opened.pop_all()
        Thread(target=self._watch, daemon=True).start()

    def call(self, payload: bytes, timeout: float) -> _Outcome:
        request_id = str(uuid4())
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
        }
        self._invocations.put(Answer(200, payload, headers))
        try:
            return self._outcomes.get(timeout=timeout)
        except Empty:
            message = f"{request_id} Task timed out after {timeout:.2f} seconds"
            return _Outcome(error={"errorType": "Sandbox.Timedout", "errorMessage": message}, is_fatal=True)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._invocations.put(Answer(None))
        self._opened.close()

    def _watch(self) -> None:
        code = self._process.wait()
        message = f"Runtime exited with error: exit status {code}"
        error = {"errorType": "Runtime.ExitError", "errorMessage": message}
        self._outcomes.put(_Outcome(error=error, is_fatal=True))

    def _respond(self, request: HttpRequest) -> Answer:
        if (request.method, request.target) == ("GET", f"{_API}/invocation/next"):
            return self._invocations.get()
        posted = _POSTED.fullmatch(request.target)
        if request.method != "POST" or posted is None:
            return Answer(404, b'{"errorType":"NotFound"}')
        body = json.loads(request.body)
        if posted[3] == "error":
            self._outcomes.put(_Outcome(error=body, is_fatal=posted[1] is not None))
        else:
            self._outcomes.put(_Outcome(response=body))
        return Answer(202, b'{"status":"OK"}')
