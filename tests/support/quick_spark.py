"""Spark settings of tests: they plan hundreds of small queries, run each once and make thousands of small files."""

from flatten.local.spark import cache_folder

JAVA_OPTIONS = "spark.driver.defaultJavaOptions"
_ARCHIVE = cache_folder() / "classes.jsa"
"""Classes of Spark that Java maps into memory: tools/class_archive.py."""

PLAIN = {
    **({JAVA_OPTIONS: f'"-XX:SharedArchiveFile={_ARCHIVE}"'} if _ARCHIVE.exists() and _ARCHIVE.stat().st_size else {}),
    # Compiling the queries and their expressions would take most of the time.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # A log of a few commits is read by one task.
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""With these Spark does the same as for users, at another speed."""

ONE_TASK = PLAIN | {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.files.minPartitionNum": "1",
}
"""A few lines need no second task. Where a run is killed or interrupted inside a query, use `PLAIN`."""

QUICK = ONE_TASK | {
    # The default ways to write logs go through Hadoop's FileContext, which starts /bin/readlink 136 times a run.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}
