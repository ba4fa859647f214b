"""An event source mapping of a DynamoDB stream, by AWS's documented rules (docs/mapping.md).

The way of a record: `stream` -> `shard` (reads) -> `lane` (window, batch, invocation, verdict) ->
`journal` (an ending for every record). `poller` steps through it, live or in tests on a clock of their own.
"""
