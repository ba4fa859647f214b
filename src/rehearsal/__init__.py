"""The whole pipeline on one machine, with real parts where there are any (docs/rehearsal.md).

    producer -> cloud (DynamoDB, its stream, S3) -> mapping -> runtime (the zip) -> workspace -> job, compute -> tables

`fleet` makes up the events that the producer puts, `pipeline` puts the parts together in this order, `check` says
whether anything is lost or double, `observe` makes a `trace` of it, which `picture`, `summary`, `report` and `page`
show; `demo` is `make demo`. Everything listens on the loopback address only.
"""
