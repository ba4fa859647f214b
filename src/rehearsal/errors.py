"""The errors of the rehearsal.

```
RehearsalError
├── PayloadTooLargeError       an event is larger than Lambda accepts
├── EmulatorError              the local AWS did not start
├── ComputeError               the job's Spark did not start
├── UnsettledError             changes did not reach the table in time
├── MappingSettingsError       AWS or the deployment would refuse a setting of the event source mapping
├── IteratorExpiredError       a shard iterator is older than 15 minutes
├── TrimmedDataError           a place in a stream is older than its 24 hours
├── DeliveryError              the on-failure destination did not accept a record
├── ProducerError              an item's state does not allow the change
├── FleetError                 a fleet cannot be generated
└── RefusedError               the workspace refuses a request, with the status and the code of the answer
```
"""


class RehearsalError(Exception):
    """The base of the package's errors."""


class PayloadTooLargeError(RehearsalError):
    """Raised before an invocation: Lambda accepts 6 MB from a synchronous caller."""


class EmulatorError(RehearsalError):
    """Raised when an emulator ended or did not answer. The message has the end of its log."""


class ComputeError(RehearsalError):
    """Raised when the process that runs the job ended before Spark had started. The message has its last line."""


class UnsettledError(RehearsalError):
    """Raised when changes did not reach the table in time. The message has what the job wrote."""


class MappingSettingsError(RehearsalError):
    """Raised for a setting of an event source mapping outside its range."""


class IteratorExpiredError(RehearsalError):
    """Raised by a stream for a shard iterator older than 15 minutes."""


class TrimmedDataError(RehearsalError):
    """Raised by a stream for a place before its oldest record."""


class DeliveryError(RehearsalError):
    """Raised when the on-failure destination did not accept a record: its events are dropped."""


class ProducerError(RehearsalError):
    """Raised when a change cannot be made to the table, or when two removals would have the same record."""


class FleetError(RehearsalError):
    """Raised for impossible numbers of a fleet, and for a folder that is not empty."""


class RefusedError(RehearsalError):
    """Raised for a request that Databricks would refuse."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
