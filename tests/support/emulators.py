"""S3 APIs of other makers on the loopback address, each in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "eu-west-1"}


def client(service: str, endpoint: str, **config: Any) -> Any:
    """A boto3 client of an emulator, or of what stands before it."""
    return boto3.client(
        service,  # type: ignore[call-overload] # its name is a parameter
        endpoint_url=endpoint,
        region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(**config),
    )


@contextmanager
def s3_client(endpoint: str, **config: Any) -> Iterator["S3Client"]:
    """A client for S3 that is closed in the end."""
    made = client("s3", endpoint, **config)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The URL of moto's server."""
    port = _free_port()
    command = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, {}, folder, port) as url:
        yield url


@contextmanager
def ministack(folder: Path, **variables: str) -> Iterator[str]:
    """The URL of ministack; what it leaves behind is in the folder."""
    port = _free_port()
    own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
    with _running(["-m", "ministack"], {**own, **variables}, folder, port) as url:
        yield url


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: int = listener.getsockname()[1]
        return found


@contextmanager
def _running(command: Sequence[str], variables: Mapping[str, str], folder: Path, port: int) -> Iterator[str]:
    places = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.defpath}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], env={**places, **variables}, cwd=folder, stdout=log, stderr=log
        )
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the emulator ended before it listened"
        time.sleep(0.05)
    raise TimeoutError("the emulator did not listen within 30 s")
