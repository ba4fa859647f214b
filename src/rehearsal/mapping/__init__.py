"""An event source mapping of a DynamoDB stream, by AWS's documented rules (docs/mapping.md).

The way of a record: `stream` or `memory_stream` -> `shard` (reads) -> `lane` (window, batch, invocation, verdict) ->
`journal` (an ending for every record). `poller` steps through it and `driver` runs it live; `scenarios` and `outages`
play it on a clock of their own.
"""
