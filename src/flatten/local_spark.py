"""A Spark of our own: one JVM with Delta, in classic Spark or as a Spark Connect server.

The JVM ends when this process does, however that ends: it watches the pipe that is its stdin. What it and
Spark print goes to a log file. All temporary files lie in one folder, removed when the session stops.
"""

import fcntl
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import STDOUT, TimeoutExpired
from typing import TYPE_CHECKING, Any, cast

from flatten.errors import FlattenError
from flatten.jars import DELTA, S3A, Jar, fetch
from flatten.java import find_java

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark.sql import SparkSession

    from flatten.session import SessionSettings

_CHECKOUT = Path(__file__).parents[2]
_SECONDS_TO_END = 30
_NOT_OURS = (
    "MASTER",
    "PYSPARK_GATEWAY_PORT",
    "SPARK_API_MODE",
    "SPARK_AUTH_SOCKET_TIMEOUT",
    "SPARK_BUFFER_SIZE",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_LOCAL_REMOTE",
    "SPARK_REMOTE",
    "SPARK_TESTING",
)
"""Variables that would turn pyspark to another Spark, and those that pyspark itself leaves behind."""


class NoSession(FlattenError):
    """Raised when the local Spark does not start."""


class WarehouseBusy(NoSession):
    """Raised when another process has the warehouse open: Derby, its catalog, serves one at a time."""


def start(settings: "SessionSettings", ending: ExitStack) -> "SparkSession":
    """Start Spark and return its session; `ending` gets what must be undone. Raises a `FlattenError`."""
    java_home = find_java(os.environ, cache_folder() / "java")
    try:
        gateway = _start_jvm(settings, java_home, ending)
    except OSError as error:
        raise NoSession(f"Spark did not start: {error.filename} cannot be used: {error.strerror}.") from error
    return _classic(gateway, ending) if settings.kind == "classic" else _connect(gateway, ending)


def cache_folder() -> Path:
    """Return where `make setup` puts things in a checkout, else a folder of the user."""
    in_checkout = (_CHECKOUT / "pyproject.toml").is_file() and Path(__file__).parent.parent.name == "src"
    return _CHECKOUT / ".cache" if in_checkout else Path.home() / ".cache" / "flatten"


def _linked(jars: Iterable[Jar], folder: Path, scratch: Path) -> list[Path]:
    """Link the jars where no comma, bracket or star is in their paths: Spark would read more into those."""
    links = [scratch / jar.file_name for jar in jars]
    for link in links:
        link.symlink_to((folder / link.name).absolute())
    return links


def _configuration(settings: "SessionSettings", jars: list[Path], scratch: Path) -> dict[str, str]:
    """Return the Spark settings: Delta, UTC, this machine only, small tasks for small data."""
    java_options = [
        f'"-Dlog4j2.configurationFile={Path(__file__).with_name("log4j2.properties")}"',
        f'"-Djava.io.tmpdir={scratch}"',
        f'"-Dderby.stream.error.file={scratch / "derby.log"}"',
        "-XX:-UsePerfData",
    ]
    return {
        "spark.app.name": "flatten",
        "spark.master": f"local[{settings.cores}]",
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(java_options),
        "spark.jars": ",".join(link.as_uri() for link in jars),
        "spark.local.dir": str(scratch),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        **_catalog(settings.warehouse, scratch),
        **_server(settings.kind),
        **settings.extra,
    }


def _catalog(warehouse: Path | None, scratch: Path) -> dict[str, str]:
    if not warehouse:
        return {
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        }
    return {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:{warehouse / '.metastore'};create=true",
        "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
        "spark.hadoop.hive.metastore.schema.verification": "false",
    }


@contextmanager
def _alone_in(warehouse: Path) -> Iterator[None]:
    """Hold the warehouse for this process; the lock goes with the process, however it ends."""
    warehouse.mkdir(parents=True, exist_ok=True)
    with (warehouse / ".lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(
                f"The warehouse {warehouse} is open in another process. Wait for that one to end, "
                "or name the table by its path: paths need no warehouse."
            ) from None
        yield


def _server(kind: str) -> dict[str, str]:
    """Return what makes the JVM a Spark Connect server, on a free port of the loopback."""
    if kind == "classic":
        return {}
    return {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.sql.artifact.isolation.enabled": "true",
        "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
    }


def _variables(settings: "SessionSettings", java_home: Path) -> dict[str, str | None]:
    """Return the environment of Spark and of the Python processes that it starts; None means: not set."""
    import pyspark

    variables: dict[str, str | None] = {
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LAUNCHER_OPTS": "-XX:-UsePerfData",
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON") or sys.executable,
        **dict.fromkeys(_NOT_OURS),
    }
    if settings.kind == "connect":
        variables["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = str(uuid.uuid4())
    return variables


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set the process's environment variables for a time: pyspark reads nothing else."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _start_jvm(settings: "SessionSettings", java_home: Path, ending: ExitStack) -> "JavaGateway":
    """Lay ready what the JVM needs and start it."""
    wanted = DELTA + S3A if settings.s3a else DELTA
    folder = settings.jars or cache_folder() / "jars"
    fetch(wanted, folder, java_home)
    if settings.warehouse:
        ending.enter_context(_alone_in(settings.warehouse))
    scratch = Path(tempfile.mkdtemp(prefix="flatten-spark-"))
    ending.callback(shutil.rmtree, scratch, ignore_errors=True)
    ending.enter_context(_environment(_variables(settings, java_home)))
    configuration = _configuration(settings, _linked(wanted, folder, scratch), scratch)
    gateway = _launch(configuration, settings.log or scratch / "spark.log")
    ending.callback(_end_jvm, gateway)
    return gateway


def _launch(configuration: Mapping[str, str], log: Path) -> "JavaGateway":
    from pyspark import SparkConf
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf(loadDefaults=False).setAll(list(configuration.items()))
    with log.open("ab") as output:
        began = output.tell()
        try:
            gateway = launch_gateway(  # type: ignore[no-untyped-call]  # pyspark gives it no types
                conf, {"stdout": output, "stderr": STDOUT}
            )
        except PySparkRuntimeError as error:
            raise NoSession(f"Spark did not start: {_complaint(log, began)}") from error
    return cast("JavaGateway", gateway)


def _complaint(log: Path, began: int) -> str:
    """Return the first two lines of the log that are neither notes nor warnings nor parts of a stack trace."""
    lines = log.read_bytes()[began:].decode(errors="replace").splitlines()
    telling = [line for line in lines if re.match(r"(?!Picked up |WARNING|.* WARN )\S", line)]
    return "; ".join(telling[:2]) or "it said nothing"


def _end_jvm(gateway: "JavaGateway") -> None:
    gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_SECONDS_TO_END)
    except TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()


def _classic(gateway: "JavaGateway", ending: ExitStack) -> "SparkSession":
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    def forget() -> None:
        SparkContext._gateway = SparkContext._jvm = None

    ending.callback(forget)
    SparkContext._ensure_initialized(gateway=gateway)
    interrupt = signal.getsignal(signal.SIGINT)
    spark = SparkSession.builder.getOrCreate()
    if interrupt and threading.current_thread() is threading.main_thread():
        # pyspark's own handler calls the JVM in the middle of another call to it.
        signal.signal(signal.SIGINT, interrupt)
    ending.callback(spark.stop)
    return spark


def _connect(gateway: "JavaGateway", ending: ExitStack) -> "SparkSession":
    """Start the server inside the JVM alone, so that this process has no classic Spark to fall back on."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    jvm: Any = gateway.jvm
    jvm.org.apache.spark.sql.classic.SparkSession.builder().getOrCreate()
    service = getattr(jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
    ending.enter_context(_environment({"SPARK_CONNECT_MODE_ENABLED": "1"}))
    spark = ConnectSession.builder.remote(f"sc://localhost:{service.__getattr__('MODULE$').localPort()}").getOrCreate()
    ending.callback(spark.stop)
    return cast("SparkSession", spark)
