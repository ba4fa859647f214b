"""The settings of a local Spark, and the environment of its processes."""

import os
import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from flatten.local.settings import SessionSettings

_is_foreign = re.compile(
    r"(?:PY)?SPARK_|HADOOP_|HDFS_|YARN_|MAPRED_|HIVE_|DELTA_|ARROW_PRE_|PYTHON_|MASTER$|CLASSPATH$"
    r"|(?:_|JDK_|IBM_|OPENJ9_)JAVA_OPTIONS$|BASH_ENV$|BASHOPTS$|SHELLOPTS$|CDPATH$|POSIXLY_CORRECT$"
).match


def foreign(environment: Iterable[str]) -> set[str]:
    """Return the variables of another Spark, Hadoop, Java or shell on this machine, and those that pyspark leaves.

    JAVA_TOOL_OPTIONS is the user's own word to every Java, such as where certificates are: it stays.
    """
    return set(filter(_is_foreign, environment))


def without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without them."""
    return {name: environment[name] for name in environment.keys() - foreign(environment)}


_NO_HISTORY = {
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.retainedTasks": "100",
    "spark.sql.ui.retainedExecutions": "2",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.maxPlanStringLength": "10000",
}
"""Spark records each query's plan for its web page, even if the page is off."""


_NO_STACK_TRACES = {
    "spark.sql.dataFrameQueryContext.enabled": "false",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
"""Spark records the caller of each column and each call, also inside Delta, and pyspark logs an error with all of them.
"""


def configuration(settings: SessionSettings, jars: list[Path], scratch: Path) -> dict[str, str]:
    """Return the Spark settings: Delta, UTC, this machine only, small tasks for small data."""
    java_options = [
        f'"-Dlog4j2.configurationFile={Path(__file__).with_name("log4j2.properties")}"',
        f'"-Djava.io.tmpdir={scratch}"',
        f'"-Duser.home={scratch}"',  # Java has no home for a user without an entry in passwd
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
        **_NO_HISTORY,
        **_NO_STACK_TRACES,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # The default, INT96, counts nanoseconds in other readers, which overflow in the year 9999.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # The default is one task per file of a micro-batch, which takes longer than reading them.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
        "spark.databricks.delta.snapshotPartitions": "2",
        **_catalog(settings.warehouse, scratch),
        **_server(settings.kind),
        **(_s3a(settings.s3_endpoint) if settings.s3a else {}),
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


def _server(kind: str) -> dict[str, str]:
    """Return the settings of a Spark Connect server on a free port of the loopback address."""
    if kind == "classic":
        return {}
    return {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.sql.artifact.isolation.enabled": "true",
        "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
    }


def _s3a(endpoint: str | None) -> dict[str, str]:
    """Return the settings of Hadoop's S3 client; it reads credentials and region from the environment, like boto3.

    https://hadoop.apache.org/docs/r3.5.0/hadoop-aws/tools/hadoop-aws/index.html
    """
    given = {
        "spark.hadoop.fs.s3a.endpoint.region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    }
    if endpoint:
        given["spark.hadoop.fs.s3a.endpoint"] = endpoint
        given["spark.hadoop.fs.s3a.path.style.access"] = "true"
        given["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https://")).lower()
    return {name: value for name, value in given.items() if value}


def variables(settings: SessionSettings, java_home: Path, scratch: Path) -> dict[str, str | None]:
    """Return the environment of Spark and of the Python processes that it starts; None means unset."""
    import pyspark

    given: dict[str, str | None] = {
        **dict.fromkeys(foreign(os.environ)),
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LAUNCHER_OPTS": "-XX:-UsePerfData",
        "SPARK_CONF_DIR": str(scratch),
        "PYSPARK_PYTHON": sys.executable,
        "LC_ALL": "C.UTF-8",  # how Java reads the names of files, and in which language it counts
    }
    if "PYTHONPATH" in os.environ:  # Spark and its Pythons run in another folder
        given["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep)))
    if settings.kind == "connect":
        given["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = str(uuid.uuid4())
        given["no_grpc_proxy"] = "localhost"
    return given
