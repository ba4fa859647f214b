"""The whole pipeline on one machine, with real parts where there are any (docs/rehearsal.md).

    producer -> aws (DynamoDB, its stream, S3; the mapping; the zip) -> databricks (workspace, job, compute) -> tables

`fleet` makes up the events that the producer puts, `pipeline` puts the parts together in this order, `check` finds what
is lost or there twice, `report` shows what a run did; `demo` is `make demo`. All listens on the loopback address.
"""
