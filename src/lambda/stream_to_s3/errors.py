"""The errors of the Lambda.

```
UnconvertibleError (dynamodb_json)   a value is not DynamoDB JSON
StreamToS3Error
├── SettingsError                    an environment variable is invalid or missing
├── NotAStreamEventError             the event is not a batch of a DynamoDB stream
├── RecordError                      a record cannot become a line: it is quarantined
├── StorageError                     S3 did not store an object: the mapping delivers the batch again
└── TriggerError                     the Databricks job could not be started: logged and counted, never raised
    └── TooBusyError                 Databricks answered 429 or 5xx
```
"""


class StreamToS3Error(Exception):
    """The base of the package's errors."""


class SettingsError(StreamToS3Error):
    """Raised at the start when an environment variable is invalid or missing. The message begins with its name."""


class NotAStreamEventError(StreamToS3Error):
    """Raised when the event is not a batch of a DynamoDB stream, before anything is written."""


class RecordError(StreamToS3Error):
    """Raised when a record cannot become a line.

    `reason` is one word for machines (docs/reference/lambda.md lists them); the message says what is wrong.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StorageError(StreamToS3Error):
    """Raised when S3 did not store an object. The mapping then delivers the batch again."""


class TriggerError(StreamToS3Error):
    """Raised when the job could not be started. The message has no token, no secret and no text of an answer."""


class TooBusyError(TriggerError):
    """Raised on 429 and 5xx. `retry_after` is the wait that the answer requests, in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
