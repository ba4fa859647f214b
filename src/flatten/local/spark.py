"""Start a local Spark: one JVM with Delta, as classic Spark or as a Spark Connect server.

The JVM ends when this process ends, in any way: it watches the pipe that is its stdin. Its output and Spark's go to a
log file. All temporary files are in one folder, which is removed when the session stops.
"""

import fcntl
import os
import pwd
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from subprocess import STDOUT, TimeoutExpired
from typing import TYPE_CHECKING, Any, cast

from flatten.errors import SessionError, WarehouseError
from flatten.local.interrupts import interrupts_later
from flatten.local.jars import DELTA, S3A, Jar, fetch
from flatten.local.java import find_java, java_options
from flatten.local.settings import SessionSettings
from flatten.local.spark_settings import configuration, foreign, variables

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark.sql import SparkSession


_CHECKOUT = Path(__file__).parents[3]
_SECONDS_TO_END = 30
_SCRATCH = "flatten-spark-"
_LOCK = ".lock"


def start(settings: SessionSettings, ending: ExitStack) -> "SparkSession":
    """Start Spark and return its session; `ending` gets what must be undone. Raises a `FlattenError`."""
    require_user(os.geteuid())
    require_pyspark(find_spec("pyspark"))
    if sys.getfilesystemencoding() != "utf-8":
        raise SessionError("The names of files are not read as UTF-8 here: set LC_ALL=C.UTF-8, or PYTHONUTF8=1.")
    java_home = find_java(os.environ, cache_folder() / "java")
    try:
        gateway = _start_jvm(settings, java_home, ending)
    except OSError as error:
        where = error.filename or "the folder for temporary files (TMPDIR)"
        raise SessionError(f"Spark did not start: {where} cannot be used: {error.strerror}.") from error
    ending.enter_context(_errors_told_once())
    with interrupts_later():
        return _classic(gateway, ending) if settings.kind == "classic" else _connect(gateway, ending)


def require_user(uid: int) -> None:
    """Raise SessionError when a user has no entry in passwd: Hadoop's log-in asks Java for the name and fails."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise SessionError(
            f"Spark does not start for the user {uid}, who has no entry in /etc/passwd: add one "
            f"(user:x:{uid}:{uid}::/tmp:/bin/sh), or run as a user who has one."
        ) from None


def require_pyspark(found: ModuleSpec | None) -> None:
    """Raise SessionError when `import pyspark` finds none, or another than the one that is installed here."""
    if found is None or found.origin is None:
        raise SessionError("Spark is not installed here: install pyspark and delta-spark.")
    with suppress(PackageNotFoundError):
        ours = Path(str(distribution("pyspark").locate_file("pyspark")))
        if Path(found.origin).parent.resolve() != ours.resolve():
            raise SessionError(f"PYTHONPATH leads to another Spark, {found.origin}: unset it and run again.")


def cache_folder() -> Path:
    """Return where `make setup` stores downloads in a checkout, else a folder of the user."""
    in_checkout = (_CHECKOUT / "pyproject.toml").is_file() and _CHECKOUT / "src" in Path(__file__).parents
    return _CHECKOUT / ".cache" if in_checkout else Path.home() / ".cache" / "flatten"


@contextmanager
def _scratch() -> Iterator[Path]:
    """Create the folder of all temporary files, and remove those of killed processes.

    A lock shows that the process of a folder lives. It is taken before the folder gets its name: a process that finds
    the name and can lock it has found the folder of a dead process.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*/{_LOCK}"):
        with suppress(OSError), left.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH))
    with (scratch / "unnamed").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (scratch / "unnamed").rename(scratch / _LOCK)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _linked(jars: Iterable[Jar], folder: Path, scratch: Path) -> list[Path]:
    """Link the jars under paths without comma, bracket or star: Spark would interpret these."""
    links = [scratch / jar.file_name for jar in jars]
    for link in links:
        link.symlink_to((folder / link.name).absolute())
    return links


@contextmanager
def _alone_in(warehouse: Path) -> Iterator[None]:
    """Lock the warehouse for this process; the system releases the lock when the process ends."""
    warehouse.mkdir(parents=True, exist_ok=True)
    with (warehouse / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseError(
                f"The warehouse {warehouse} is open in another process. Wait until that one ends, or name the table "
                "by its path: paths need no warehouse."
            ) from None
        yield


@contextmanager
def _environment(wanted: Mapping[str, str | None]) -> Iterator[None]:
    """Set the process's environment variables for a time: pyspark reads nothing else, and sets variables, too."""
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        _set(dict.fromkeys(foreign(os.environ)) | before)


def _set(wanted: Mapping[str, str | None]) -> None:
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _errors_told_once() -> Iterator[None]:
    """Keep pyspark from logging an error of a query to stderr, as JSON with its stack, before it is raised."""
    from pyspark.logger import PySparkLogger

    loggers = [PySparkLogger.getLogger(f"{kind}QueryContextLogger") for kind in ("DataFrame", "SQL")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _start_jvm(settings: SessionSettings, java_home: Path, ending: ExitStack) -> "JavaGateway":
    """Prepare what the JVM needs and start it."""
    wanted = DELTA + S3A if settings.s3a else DELTA
    folder = settings.jars or cache_folder() / "jars"
    fetch(wanted, folder, java_home)
    if settings.warehouse:
        ending.enter_context(_alone_in(settings.warehouse))
    scratch = ending.enter_context(_scratch())
    ending.enter_context(_environment(variables(settings, java_home, scratch)))
    given = configuration(settings, _linked(wanted, folder, scratch), scratch)
    with interrupts_later():
        gateway = _launch(given, settings.log or scratch / "spark.log", scratch)
        ending.callback(_end_jvm, gateway)
    return gateway


def _launch(given: Mapping[str, str], log: Path, folder: Path) -> "JavaGateway":
    from pyspark import SparkConf
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf(loadDefaults=False).setAll(list(given.items()))
    with log.open("ab") as output:
        began = output.tell()
        try:
            gateway = launch_gateway(  # type: ignore[no-untyped-call]  # pyspark gives it no types
                conf, {"stdout": output, "stderr": STDOUT, "cwd": folder}
            )
        except PySparkRuntimeError as error:
            raise SessionError(f"Spark did not start: {_complaint(log, began)}{java_options(os.environ)}") from error
    return cast("JavaGateway", gateway)


def _complaint(log: Path, began: int) -> str:
    """Return the first two lines of the log that are not notes, warnings or parts of a stack trace."""
    lines = log.read_bytes()[began:].decode(errors="replace").splitlines()
    telling = [line for line in lines if re.match(r"(?!Picked up |WARNING|.* WARN |.*setlocale)\S", line)]
    return "; ".join(telling[:2]) or "its log is empty"


def _end_jvm(gateway: "JavaGateway") -> None:
    """End the JVM, then its connections: one on which a thread waits can only be closed after the JVM."""
    # py4j reports collected objects to the JVM; to one that ends, that would be an error in the log.
    gateway._gateway_client.is_connected = False
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_SECONDS_TO_END)
    except TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
    gateway.shutdown()


def _classic(gateway: "JavaGateway", ending: ExitStack) -> "SparkSession":
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    def forget() -> None:
        SparkContext._gateway = SparkContext._jvm = None

    ending.callback(forget)
    SparkContext._ensure_initialized(gateway=gateway)
    spark = SparkSession.builder.getOrCreate()
    ending.callback(spark.stop)
    return spark


def _connect(gateway: "JavaGateway", ending: ExitStack) -> "SparkSession":
    """Start the server only inside the JVM, so that this process cannot fall back on classic Spark."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    jvm: Any = gateway.jvm
    jvm.org.apache.spark.sql.classic.SparkSession.builder().getOrCreate()
    service = getattr(jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
    ending.enter_context(_environment({"SPARK_CONNECT_MODE_ENABLED": "1"}))
    spark = ConnectSession.builder.remote(f"sc://localhost:{service.__getattr__('MODULE$').localPort()}").getOrCreate()
    ending.callback(spark.stop)
    return cast("SparkSession", spark)
