"""Run the whole pipeline on one machine, with real parts where possible (docs/rehearsal.md).

    producer -> aws (DynamoDB, its stream, S3; the mapping; the zip) -> databricks (workspace, job, compute) -> tables

`fleet` generates the events that the producer puts, `pipeline` connects the parts, `check` finds lost and duplicate
events, `report` shows what a run did, `demo` is `make demo`. Every server listens on the loopback address.
"""
