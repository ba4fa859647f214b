"""An event source mapping of a DynamoDB stream, by AWS's documented rules (docs/mapping.md).

`poller` shows the way of a record; `stream` and `memory_stream` are where records come from, `invoke` is what is
called, `on_failure` is where the rest goes; `driver` runs it live, `journal` remembers it, `scenarios` shows it.
"""
