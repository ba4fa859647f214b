"""Run ministack, an AWS emulator with a DynamoDB stream and an S3 API, on the loopback address.

It listens on a free port of 127.0.0.1 and ends with the `with`, also when this process is killed (`supervisor`).
docs/delivery.md lists where it differs from AWS.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from rehearsal.errors import EmulatorError

REGION: Final = "eu-west-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": REGION}
_LOG: Final = "emulator.log"
_START_SECONDS: Final = 60
_PORTS_TRIED: Final = 3


def client(service: str, endpoint: str, **config: Any) -> Any:
    """Return a boto3 client for an emulator, or for a proxy in front of it."""
    return boto3.client(
        service,  # type: ignore[call-overload] # its name is a parameter
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(**config),
    )


class Cloud:
    """A running emulator. It makes each client once and closes them when it ends."""

    def __init__(self, endpoint: str, opened: ExitStack) -> None:
        self.endpoint = endpoint
        self._opened = opened
        self._clients: dict[str, Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables with which another process reaches it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def client(self, service: str, **config: Any) -> Any:
        """Return a boto3 client; `config` is botocore's."""
        asked = f"{service} {sorted(config.items())}"
        if asked not in self._clients:
            self._clients[asked] = client(service, self.endpoint, **config)
            self._opened.callback(self._clients[asked].close)
        return self._clients[asked]

    def create_table(self, name: str) -> str:
        """Create a table of telemetry events, with its stream, and return the stream's ARN."""
        made = self.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "event_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "event_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return str(made["TableDescription"]["LatestStreamArn"])

    def create_bucket(self, name: str) -> None:
        """Create a bucket."""
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


@contextmanager
def cloud(within: Path | None = None) -> Iterator[Cloud]:
    """Start an emulator. It keeps its files in a new folder `within` this one, or in the temporary folder.

    Raises EmulatorError when it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-cloud-", dir=within))
    try:
        with ministack(folder, remove=True) as endpoint, ExitStack() as opened:
            yield Cloud(endpoint, opened)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ministack(folder: Path, *, remove: bool = False, **variables: str) -> Iterator[str]:
    """Yield the URL of a ministack that keeps its files in the folder; `variables` are added to its environment.

    Raises EmulatorError when it does not start.
    """

    def environment(port: int) -> dict[str, str]:
        own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
        return {**own, **variables}

    with running(lambda port: ["-m", "ministack"], environment, folder, "/_ministack/health", remove=remove) as url:
        yield url


@contextmanager
def running(
    arguments: Callable[[int], Sequence[str]],
    variables: Callable[[int], Mapping[str, str]],
    folder: Path,
    health: str,
    *,
    remove: bool = False,
) -> Iterator[str]:
    """Yield the URL of a Python program that serves HTTP on the port it gets, once its path `health` answers 200.

    Another program may take a free port before this one listens on it: then the next port is tried. The program ends
    with the `with`, and the folder is removed if `remove` is set. Raises EmulatorError.
    """
    said = ""
    for _ in range(_PORTS_TRIED):
        port = _free_port()
        with _supervised(arguments(port), variables(port), folder, remove=remove) as process:
            if _is_ready(port, health, process):
                yield f"http://127.0.0.1:{port}"
                return
            said = (folder / _LOG).read_text(errors="replace")[-1000:].strip()
            if process.poll() is None:
                break
    raise EmulatorError(f"the emulator did not start; the end of its log: {said or '(empty)'}")


@contextmanager
def _supervised(
    arguments: Sequence[str], variables: Mapping[str, str], folder: Path, *, remove: bool
) -> Iterator["subprocess.Popen[bytes]"]:
    places = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.defpath}
    supervisor = [sys.executable, "-m", "rehearsal.aws.supervisor", str(folder) if remove else "-"]
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 # our own supervisor and our own Python
            [*supervisor, sys.executable, *arguments],
            env={**places, **variables},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.communicate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: int = listener.getsockname()[1]
        return found


def _is_ready(port: int, path: str, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return True
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    return False
