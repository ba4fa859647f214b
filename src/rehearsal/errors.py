"""What can go wrong in the rehearsal.

```
RehearsalError
├── MissingPackageError        what Lambda's runtime brings along is not installed here
├── PayloadTooLargeError       an event is larger than Lambda takes
└── RefusedError               the workspace does not do what it was asked, with the status and the code it
answers
```
"""


class RehearsalError(Exception):
    """Whatever this package raises by itself."""


class MissingPackageError(RehearsalError):
    """Raised when a package of Lambda's Python runtime is not installed here."""


class PayloadTooLargeError(RehearsalError):
    """Raised before an invocation: Lambda takes 6 MB from a synchronous caller."""


class RefusedError(RehearsalError):
    """Raised for a request that Databricks would refuse."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
