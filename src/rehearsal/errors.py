"""What can go wrong in the rehearsal.

```
RehearsalError
├── PayloadTooLargeError       an event is larger than Lambda takes
├── EmulatorError              the local AWS did not start
├── ComputeError               the job's Spark did not start
├── UnsettledError             changes did not come to the end of the pipeline in time
├── MappingSettingsError       an event source mapping that AWS or the deployment would refuse
├── IteratorExpiredError       a place in a stream was kept for longer than 15 minutes
├── TrimmedDataError           a place in a stream is older than the 24 hours that it keeps
├── DeliveryError              the on-failure destination did not take a record
├── ProducerError              a change that the table's items do not allow
├── FleetError                 a fleet that cannot be made
└── RefusedError               the workspace refuses a request, with the status and the code it answers
```
"""


class RehearsalError(Exception):
    """Raised by this package alone."""


class PayloadTooLargeError(RehearsalError):
    """Raised before an invocation: Lambda takes 6 MB from a synchronous caller."""


class EmulatorError(RehearsalError):
    """Raised when an emulator ended or stayed silent instead of answering. The message holds the end of its log."""


class ComputeError(RehearsalError):
    """Raised when the process that runs the job ended before Spark was there. The message holds its last line."""


class UnsettledError(RehearsalError):
    """Raised when changes did not come to the end of the pipeline in time. The message holds what the job said."""


class MappingSettingsError(RehearsalError):
    """Raised for a setting of an event source mapping out of its range."""


class IteratorExpiredError(RehearsalError):
    """Raised by a stream for a shard iterator older than 15 minutes."""


class TrimmedDataError(RehearsalError):
    """Raised by a stream for a place before the oldest record that it still has."""


class DeliveryError(RehearsalError):
    """Raised when the on-failure destination did not take a record: its events are dropped then."""


class ProducerError(RehearsalError):
    """Raised when a change cannot be made to the table, or its record would look like that of another one."""


class FleetError(RehearsalError):
    """Raised for numbers that no fleet can have, and for a folder that is not empty."""


class RefusedError(RehearsalError):
    """Raised for a request that Databricks would refuse."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
