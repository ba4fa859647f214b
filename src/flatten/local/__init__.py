"""Spark on this machine; Databricks has its own, so this is not in the wheel."""
