"""The Lambda between a DynamoDB stream and S3.

The way of the data: `records` (an event's records) -> `dynamodb_json`, `lines` (a line of JSON each) ->
`objects` (one object a batch) -> `trigger` (the Databricks job starts). `delivery` shows the order;
`handler` is what Lambda calls.
"""

__version__ = "0.1.0"
