"""Start Spark on this machine. Databricks has Spark, so this is not in the wheel."""
