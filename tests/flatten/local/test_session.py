"""The session, in separate processes: this one may have Spark running for other tests."""

import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest

from flatten.errors import SessionError, UsageError
from flatten.local.jars import DELTA
from flatten.local.settings import SessionSettings
from flatten.local.spark import cache_folder, require_pyspark, require_user, start
from flatten.session import on_databricks
from support.processes import lasting

pytestmark = pytest.mark.process

WORK = """
import json, os, sys
from contextlib import suppress
from pathlib import Path
from pyspark.errors import PySparkException
from flatten.session import spark_session
from flatten.local.settings import SessionSettings

def work(kind):
    settings = SessionSettings.from_environment(os.environ | {"FLATTEN_SESSION": kind})
    with spark_session(settings) as spark:
        with spark_session() as same:
            assert same is spark
        spark.sql("CREATE SCHEMA IF NOT EXISTS telemetry")
        spark.range(3).write.format("delta").mode("append").saveAsTable("telemetry.rows")
        rows = spark.table("telemetry.rows").count()
        for refused in ("SELECT nothing", "SELECT cast('x' AS INT)"):
            with suppress(PySparkException):
                spark.sql(refused).collect()
        letters = Path("\u00e9t\u00e9 \U0001f697 i.txt")
        letters.write_text(letters.name)
        [[read]] = spark.read.text(str(letters.absolute()).replace("[", "\\\\[")).collect()
        [[upper]] = spark.range(1).mapInPandas(lambda frames: frames, "id INT").selectExpr("upper('i')").collect()
        assert (read, upper) == (letters.name, "I")
        letters.unlink()
        moment = spark.sql("SELECT current_timezone() zone, cast(0 AS TIMESTAMP)::STRING start").first()
        return [type(spark).__module__, rows, *moment]

before = dict(os.environ)
seen = [work(kind) for kind in sys.argv[1:]]
assert dict(os.environ) == before, set(os.environ) ^ set(before)
json.dump(seen, sys.stdout)
"""
HOLD = """
import os, sys
from pathlib import Path
from flatten.session import open_session

open_session().sql("SHOW TABLES").collect()
print(Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)
sys.stdin.read()
"""
INTERRUPTED = """
import os, signal
import pyspark.java_gateway
from flatten.session import spark_session

start = pyspark.java_gateway.Popen
def interrupted(*arguments, **named):
    started = start(*arguments, **named)
    os.kill(os.getpid(), signal.SIGINT)
    return started

pyspark.java_gateway.Popen = interrupted
try:
    with spark_session() as spark:
        print("it was ignored")
except KeyboardInterrupt:
    print("it was handled")
"""
THERE = """
class SparkSession:
    class builder:
        getOrCreate = staticmethod(lambda: "the one that is there")
"""
TWICE = """
from flatten.session import spark_session
for _ in range(2):
    with spark_session() as spark:
        print(spark)
"""
REFUSED = """
import sys
from flatten.errors import FlattenError
from flatten.session import open_session
try:
    open_session()
except FlattenError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process whose temporary files go to a separate folder."""
    (tmp_path / "temporary files").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLATTEN_", "SPARK_"))}
    return kept | {"TMPDIR": str(tmp_path / "temporary files")}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def another_spark(folder: Path) -> dict[str, str]:
    """Return the variables of other tools on this machine, none of which may reach our Spark."""
    (folder / "spark-defaults.conf").write_text("spark.master spark://nowhere.invalid:7077\n")
    (folder / "core-site.xml").write_text("<not xml")
    (folder / "exit").write_text("exit 7\n")
    here = str(folder)
    places = ("SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "HADOOP_HOME", "YARN_CONF_DIR", "HIVE_CONF_DIR")
    python = ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
    java = ("_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "HADOOP_OPTS", "SPARK_LAUNCHER_OPTS", "SPARK_DAEMON_JAVA_OPTS")
    proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "grpc_proxy")
    return {
        **dict.fromkeys(places, here),
        **dict.fromkeys(python, "/usr/bin/false"),
        **dict.fromkeys(java, "-XX:+NoSuchOption"),
        **dict.fromkeys(proxies, "http://127.0.0.1:9"),
        "SPARK_DIST_CLASSPATH": str(folder / "*"),
        "PYSPARK_SUBMIT_ARGS": "--master spark://nowhere.invalid:7077 pyspark-shell",
        "SPARK_SUBMIT_OPTS": "-Dspark.master=spark://nowhere.invalid:7077",
        "SPARK_LOCAL_DIRS": "/proc/none",
        "SPARK_LOCAL_HOSTNAME": "nowhere.invalid",
        "SPARK_REMOTE": "sc://nowhere.invalid",
        "SPARK_PUBLIC_DNS": "nowhere.invalid",
        "SPARK_SCALA_VERSION": "2.11",
        "SPARK_ANSI_SQL_MODE": "false",
        "SPARK_PREFER_IPV6": "true",
        "PYTHON_WORKER_FACTORY_SECRET": "odd",
        "MASTER": "spark://nowhere.invalid:7077",
        "HADOOP_USER_NAME": "nobody",
        "HADOOP_JAAS_DEBUG": "true",
        "ARROW_PRE_0_15_IPC_FORMAT": "1",
        "CLASSPATH": here,
        "BASH_ENV": str(folder / "exit"),
        "CDPATH": here,
        "LC_ALL": "C",
        "LANG": "tr_TR.UTF-8",
        "PYTHONOPTIMIZE": "2",
        "AWS_PROFILE": "none",
        "AWS_CONFIG_FILE": here,
    }


def test_a_user_without_an_entry_in_passwd_is_refused_with_a_remedy() -> None:
    with pytest.raises(SessionError, match=r"the user 54321, who has no entry in /etc/passwd: add one"):
        require_user(54321)
    require_user(os.geteuid())


@pytest.mark.spark
def test_consecutive_sessions_are_quiet_and_leave_only_their_warehouse(
    tmp_path: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment |= another_spark(tmp_path_factory.mktemp("another"))
    jars = tmp_path / "jars, [a-z]* of 'ours' 100%"
    jars.mkdir()
    for jar in DELTA:
        (jars / jar.file_name).symlink_to(cache_folder() / "jars" / jar.file_name)
    environment |= {"TZ": "Asia/Tokyo", "FLATTEN_JARS": str(jars), "FLATTEN_WAREHOUSE": "my tables"}
    (tmp_path / "pickle.py").write_text("raise SystemExit(7)")
    command = [sys.executable, "-P", "-W", "error", "-c", WORK, "connect", "classic"]
    done = run(["sh", "-c", 'umask 077; exec "$@"', "sh", *command], tmp_path, environment)
    assert done.stderr == ""
    epoch = "1970-01-01 00:00:00"
    assert json.loads(done.stdout) == [
        ["pyspark.sql.connect.session", 3, "UTC", epoch],
        ["pyspark.sql.session", 6, "UTC", epoch],
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"my tables", jars.name, "temporary files", "pickle.py"}
    assert not list((tmp_path / "temporary files").iterdir())


def test_a_warehouse_serves_one_process_at_a_time(tmp_path: Path, environment: dict[str, str]) -> None:
    with (tmp_path / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run([sys.executable, "-c", REFUSED], tmp_path, environment | {"FLATTEN_WAREHOUSE": str(tmp_path)})
    assert done.stderr.startswith(f"The warehouse {tmp_path} is open in another process. Wait until that one ends, ")
    assert done.stderr.count("\n") == 1


def test_on_databricks_the_session_is_the_existing_one(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").touch()
    (tmp_path / "pyspark" / "sql.py").write_text(THERE)
    environment |= {"DATABRICKS_RUNTIME_VERSION": "client.5.1", "PYTHONPATH": str(tmp_path)}
    done = run([sys.executable, "-c", TWICE], tmp_path, environment)
    assert (done.stdout, done.stderr) == ("the one that is there\nthe one that is there\n", "")


REMOVED = """
import os
from pathlib import Path
folder = Path("gone").absolute()
folder.mkdir()
os.chdir(folder)
folder.rmdir()
from flatten.session import spark_session
with spark_session() as spark:
    print(spark.range(3).mapInPandas(lambda frames: frames, "id LONG").count())
"""


@pytest.mark.spark
def test_a_session_starts_without_a_home_and_in_a_folder_that_has_been_removed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    environment["JAVA_TOOL_OPTIONS"] = f"{environment.get('JAVA_TOOL_OPTIONS', '')} -Duser.language=tr"
    environment |= {"TMPDIR": "/no/such/folder", "HOME": "/proc/none"}
    done = run([sys.executable, "-c", REMOVED], tmp_path, environment)
    assert (done.stdout, done.stderr) == ("3\n", "")


SURROUNDINGS: dict[str, tuple[dict[str, str], str]] = {
    "names that are no UTF-8": (
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "The names of files are not read as UTF-8 here: set LC_ALL=C.UTF-8, or PYTHONUTF8=1.",
    ),
    "an option that Java does not know": (
        {"JAVA_TOOL_OPTIONS": "-XX:+NoSuchOption"},
        "which downloads one; check JAVA_TOOL_OPTIONS, which is set.",
    ),
    "another pyspark": ({"PYTHONPATH": "another"}, "unset it and run again."),
}


@pytest.mark.parametrize(("given", "message"), SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_surroundings_in_which_spark_cannot_start_are_one_sentence(
    tmp_path: Path, environment: dict[str, str], given: dict[str, str], message: str
) -> None:
    (tmp_path / "another" / "pyspark").mkdir(parents=True)
    (tmp_path / "another" / "pyspark" / "__init__.py").write_text("raise SystemExit(7)")
    done = run([sys.executable, "-c", REFUSED], tmp_path, environment | given)
    assert (done.stderr.endswith(message + "\n"), done.stderr.count("\n")) == (True, 1), done.stderr


def test_without_a_folder_for_temporary_files_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['x']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with (
        pytest.raises(SessionError, match=r"temporary files \(TMPDIR\) cannot be used: No usable"),
        ExitStack() as ending,
    ):
        start(SessionSettings(), ending)


@pytest.mark.parametrize("origin", [None, "/opt/spark/python/lib/pyspark.zip/pyspark/__init__.py"])
def test_another_spark_than_the_one_installed_is_refused(origin: str | None) -> None:
    with pytest.raises(SessionError, match="unset it and run again" if origin else "install pyspark and delta-spark"):
        require_pyspark(ModuleSpec("pyspark", None, origin=origin))
    require_pyspark(find_spec("pyspark"))


@pytest.mark.spark
@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd to wait for a process of another parent")
def test_after_a_kill_the_jvm_ends_and_the_next_start_cleans_up(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", HOLD]
    environment |= {"FLATTEN_SESSION": "connect"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        jvm = os.pidfd_open(int(holder.stdout.readline()))
        holder.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([jvm], [], [], 60)
    os.close(jvm)
    assert ended
    assert len(list((tmp_path / "temporary files").iterdir())) == 1
    run([sys.executable, "-c", REFUSED], tmp_path, environment | {"FLATTEN_DRIVER_MEMORY": "1m"})
    assert not list((tmp_path / "temporary files").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["temporary files"]


@pytest.mark.spark
def test_an_interrupt_while_the_jvm_starts_ends_it(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], env=environment, start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as starting:
        out, _ = starting.communicate(timeout=120)
    assert (out, lasting(starting.pid)) == ("it was handled\n", [])
    assert not list((tmp_path / "temporary files").iterdir())


@pytest.mark.spark
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "FLATTEN_DRIVER_MEMORY",
            "1m",
            r"^Spark did not start: Error occurred during init.* of VM; Too small",
        ),
        ("FLATTEN_SPARK_LOG", "/dev/null/log", r"^Spark did not start: /dev/null/log cannot be used: Not a dir"),
        ("FLATTEN_WAREHOUSE", "/dev/null/tables", r"^Spark did not start: /dev/null.* cannot be used: Not a dir"),
        ("FLATTEN_SESSION", "serverless", r"^FLATTEN_SESSION is 'serverless'; it must be one of"),
        ("FLATTEN_JARS", "/dev/null", r"^The jars of Spark cannot be written to /dev/null: File exists\. Set FLATTEN"),
    ],
    ids=["too little memory", "no folder for the log", "no folder for tables", "unknown kind", "jars not in a folder"],
)
def test_a_session_that_cannot_start_is_one_sentence(
    variable: str, value: str, message: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    done = run([sys.executable, "-c", REFUSED], tmp_path, environment | {variable: value})
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "temporary files").iterdir())


def test_a_bare_environment_gives_classic_spark_without_a_lasting_catalog() -> None:
    assert SessionSettings.from_environment({}) == SessionSettings(kind="classic", cores=2, warehouse=None)


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "FLATTEN_SESSION": "connect",
        "FLATTEN_CORES": "8",
        "FLATTEN_DRIVER_MEMORY": "6g",
        "FLATTEN_JARS": str(tmp_path / "jars"),
        "FLATTEN_S3A": "1",
        "FLATTEN_WAREHOUSE": str(tmp_path / "tables"),
        "FLATTEN_SPARK_LOG": str(tmp_path / "spark.log"),
    }
    assert SessionSettings.from_environment(environment) == SessionSettings(
        kind="connect",
        cores=8,
        driver_memory="6g",
        jars=tmp_path / "jars",
        s3a=True,
        warehouse=tmp_path / "tables",
        log=tmp_path / "spark.log",
    )


@pytest.mark.parametrize("cores", ["0", "-1", "two", "1.5", "٣", "*"])
def test_invalid_cores_are_refused(cores: str) -> None:
    with pytest.raises(UsageError, match=r"FLATTEN_CORES is '.+'; it must be a whole number of 1 or more\."):
        SessionSettings.from_environment({"FLATTEN_CORES": cores})


@pytest.mark.parametrize("memory", ["much", "0g", "2", "2g -XX:+Odd", "2g\n", "-1g"])
def test_an_invalid_memory_is_refused(memory: str) -> None:
    with pytest.raises(
        UsageError, match=r"FLATTEN_DRIVER_MEMORY is '.+'; it must have Java's form, such as 512m or 4g\."
    ):
        SessionSettings.from_environment({"FLATTEN_DRIVER_MEMORY": memory})


@pytest.mark.parametrize("kind", ["Connect", "serverless", "classic\n"])
def test_an_unknown_kind_of_session_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"must be one of: classic, connect\.$"):
        SessionSettings.from_environment({"FLATTEN_SESSION": kind})


def test_databricks_is_known_by_its_runtime_version() -> None:
    assert on_databricks({"DATABRICKS_RUNTIME_VERSION": "client.5.1"})
    assert not on_databricks({"DATABRICKS_HOST": "https://example.com"})
