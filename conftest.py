"""Fixtures of all tests: no cloud is reachable, and all tests share one Spark session."""

import os
import signal
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from support.quick_spark import QUICK

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")

_FOREIGN = ("AWS_", "DATABRICKS_", "FLATTEN_")
_KEPT = ("AWS_CA_BUNDLE", "FLATTEN_SESSION", "FLATTEN_JARS", "FLATTEN_DRIVER_MEMORY")


def pytest_configure() -> None:
    """Restore Ctrl-C if a shell has started the tests in the background, also for their processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _no_cloud() -> Iterator[None]:
    """Drop credentials and settings from the environment, and refuse every address except the loopback address."""
    patch = pytest.MonkeyPatch()
    for name in os.environ:
        if name.startswith(_FOREIGN) and name not in _KEPT:
            patch.delenv(name)
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise PermissionError(f"a test tried to reach {address}")
        connect(self, address)

    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    """Yield one session for all tests: classic, or Spark Connect with FLATTEN_SESSION=connect."""
    from flatten.local.settings import SessionSettings
    from flatten.session import spark_session

    chosen = SessionSettings.from_environment(os.environ)
    with spark_session(SessionSettings(kind=chosen.kind, driver_memory="3g", extra=QUICK)) as session:
        yield session


@pytest.fixture(scope="session")
def blank(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the empty tables of a job, to be copied."""
    from flatten.tables import create
    from support.job_world import World

    world = World(spark, tmp_path_factory.mktemp("blank"))
    create.ensure(spark, world.table, exists=False)
    return world.root
