"""Spark settings of tests: they plan hundreds of small queries and run each once."""

QUICK = {
    # Compiling the queries and their expressions would take most of the time.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # A log of a few commits is read by one task.
    "spark.databricks.delta.snapshotPartitions": "1",
}
