"""Simulate Databricks: a `workspace` behind a `server`, its `job`, and the `compute` that really runs it."""
