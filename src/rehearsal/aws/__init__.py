"""AWS on one machine: a `cloud` (DynamoDB, its stream, S3), an event source `mapping`, and the Lambda `runtime`."""
