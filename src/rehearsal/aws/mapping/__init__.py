"""Simulate an event source mapping of a DynamoDB stream by the rules that AWS documents (docs/delivery.md).

A record goes `stream` -> `shard` (reads) -> `lane` (window, batch, invocation, verdict) -> `journal` (one ending for
every record). `poller` steps through it, live or in tests with a clock of the test.
"""
