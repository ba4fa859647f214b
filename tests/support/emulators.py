"""S3 emulators on the loopback address, each in a separate process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.aws.cloud import CREDENTIALS, client, ministack, running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["CREDENTIALS", "client", "clients_of", "ministack", "moto", "s3_client"]


@contextmanager
def s3_client(endpoint: str, **config: Any) -> Iterator["S3Client"]:
    """Yield a client for S3 and close it at the end."""
    made = client("s3", endpoint, **config)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def clients_of(endpoint: str) -> Iterator[Callable[[str], Any]]:
    """Yield a function that makes clients by service, one of each, all closed at the end."""
    with ExitStack() as opened:

        @cache
        def clients(service: str) -> Any:
            made = client(service, endpoint)
            opened.callback(made.close)
            return made

        yield clients


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Yield the URL of moto's server."""

    def arguments(port: int) -> list[str]:
        return ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    with running(arguments, lambda port: {}, folder, "/moto-api/data.json") as url:
        yield url
