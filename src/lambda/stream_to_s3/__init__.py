"""Write the records of a DynamoDB stream to S3: the code of the Lambda.

The data goes `records` (an event's records) -> `dynamodb_json`, `lines` (one line of JSON per record) -> `objects` (one
object per batch) -> `trigger` (starts the Databricks job). `delivery` shows the order; Lambda calls `handler`.
"""

__version__ = "0.1.0"
