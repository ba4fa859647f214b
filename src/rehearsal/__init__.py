"""The pipeline on one machine, with real parts where there are any.

`runtime` runs the Lambda's zip under the vendor's own runtime client; `workspace` stands in for the
Databricks endpoints that the Lambda calls, and is strict about what they take. Everything listens on the
loopback address only.
"""
