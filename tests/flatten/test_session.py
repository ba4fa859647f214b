"""The session, in processes of its own: this one may have Spark running for other tests."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flatten.errors import UsageError
from flatten.session import SessionSettings, on_databricks

WORK = """
import json, os, sys
from flatten.session import open_session, spark_session, stop_session

before = dict(os.environ)
with spark_session() as spark:
    with spark_session() as same:
        assert same is spark
    spark.range(3).write.format("delta").save("{table}")
    rows = spark.read.format("delta").load("{table}").count()
again = open_session()
moment = again.sql("SELECT current_timezone() zone, cast(0 AS TIMESTAMP)::STRING start").first()
stop_session()
assert dict(os.environ) == before, set(os.environ) ^ set(before)
json.dump([type(again).__module__, rows, *moment], sys.stdout)
"""
HOLD = """
import os, sys
from pathlib import Path
from flatten.session import open_session

open_session()
print(Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)
sys.stdin.read()
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
    """The environment of a process whose temporary files go to tmp_path/temporary."""
    (tmp_path / "temporary").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLATTEN_", "SPARK_"))}
    return kept | {"TMPDIR": str(tmp_path / "temporary")}


def run(script: str, folder: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.spark
@pytest.mark.parametrize(
    ("kind", "module"),
    [("classic", "pyspark.sql.session"), ("connect", "pyspark.sql.connect.session")],
)
def test_a_session_is_quiet_and_leaves_nothing_and_can_be_opened_again(
    kind: str, module: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    script = WORK.replace("{table}", str(tmp_path / "table"))
    done = run(script, tmp_path, environment | {"FLATTEN_SESSION": kind, "TZ": "Asia/Tokyo"}, "-W", "error")
    assert done.stderr == ""
    assert json.loads(done.stdout) == [module, 3, "UTC", "1970-01-01 00:00:00"]
    assert {path.name for path in tmp_path.iterdir()} == {"table", "temporary"}
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.spark
@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd to wait for a process of another parent")
def test_the_jvm_ends_with_a_killed_process(tmp_path: Path, environment: dict[str, str]) -> None:
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


@pytest.mark.spark
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "FLATTEN_DRIVER_MEMORY",
            "1m",
            r"^Spark did not start: Error occurred during init.* of VM; Too small",
        ),
        ("JAVA_HOME", "/no/java", r"^Spark needs Java 17 or newer, but JAVA_HOME .* does not start"),
        ("FLATTEN_SESSION", "serverless", r"^FLATTEN_SESSION is 'serverless'; it must be one of"),
        ("FLATTEN_JARS", "/dev/null", r"^The jars of Spark cannot be put into /dev/null: File exists\.$"),
    ],
    ids=["too little memory", "no java", "unknown kind", "jars not in a folder"],
)
def test_a_session_that_cannot_start_is_one_sentence(
    variable: str, value: str, message: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    no_other_java = {"PATH": "/nowhere", "HOME": str(tmp_path)} if variable == "JAVA_HOME" else {}
    done = run(REFUSED, tmp_path, environment | no_other_java | {variable: value})
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "temporary").iterdir())


def test_a_bare_environment_gives_classic_spark_without_a_lasting_catalog() -> None:
    assert SessionSettings.from_environment({}) == SessionSettings(kind="classic", cores=2, warehouse=None)


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "FLATTEN_SESSION": "connect",
        "FLATTEN_CORES": "8",
        "FLATTEN_DRIVER_MEMORY": "6g",
        "FLATTEN_JARS": str(tmp_path / "jars"),
        "FLATTEN_WAREHOUSE": str(tmp_path / "tables"),
        "FLATTEN_SPARK_LOG": str(tmp_path / "spark.log"),
    }
    assert SessionSettings.from_environment(environment) == SessionSettings(
        kind="connect",
        cores=8,
        driver_memory="6g",
        jars=tmp_path / "jars",
        warehouse=tmp_path / "tables",
        log=tmp_path / "spark.log",
    )


@pytest.mark.parametrize("cores", ["0", "-1", "two", "1.5", "٣", "*"])
def test_cores_that_are_no_positive_number_are_refused(cores: str) -> None:
    with pytest.raises(UsageError, match=r"FLATTEN_CORES is '.+'; it must be a whole number of 1 or more\."):
        SessionSettings.from_environment({"FLATTEN_CORES": cores})


@pytest.mark.parametrize("memory", ["much", "0g", "2", "2g -XX:+Odd", "2g\n", "-1g"])
def test_a_memory_that_java_would_not_take_is_refused(memory: str) -> None:
    with pytest.raises(UsageError, match=r"FLATTEN_DRIVER_MEMORY is '.+'; write it as Java does: 512m or 4g\."):
        SessionSettings.from_environment({"FLATTEN_DRIVER_MEMORY": memory})


@pytest.mark.parametrize("kind", ["Connect", "serverless", "classic\n"])
def test_an_unknown_kind_of_session_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"must be one of: classic, connect\.$"):
        SessionSettings.from_environment({"FLATTEN_SESSION": kind})


def test_databricks_is_known_by_its_runtime_version() -> None:
    assert on_databricks({"DATABRICKS_RUNTIME_VERSION": "client.5.1"})
    assert not on_databricks({"DATABRICKS_HOST": "https://example.com"})
