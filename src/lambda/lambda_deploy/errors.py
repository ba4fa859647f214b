"""The errors of `stream-lambda`.

```
LambdaDeployError          exit code 1
├── BuildError             the zip cannot be built, or would be too large
├── ConfigError            databricks.yml, or a variable of it, is invalid
├── AwsError               AWS refused a call or did not answer: the call, its code, and a remedy if known
│   └── NotReadyError      AWS is not ready yet: retried, and raised when it takes too long
├── StackError             CloudFormation failed, or the stack's state does not allow the change
├── UnfitError             something that exists cannot be used and is not changed: a name, a bucket
├── WorkspaceError         the job is missing, or is not as required
│   └── UnreachableError       the Databricks workspace refused or did not answer
├── RedriveError           an object cannot be redriven
│   └── UnusableObjectError    the object is not an on-failure or quarantine object; it stays
├── ItemLostError          the item of test-event did not arrive in time, or was quarantined
└── MigrationError         the older pipeline cannot be migrated
```
A wrong command line is click's UsageError, exit code 64.
"""


class LambdaDeployError(Exception):
    """The base of the package's errors: one sentence for the terminal."""

    exit_code = 1


class BuildError(LambdaDeployError):
    """Raised when the zip cannot be built, or would be larger than its budget; no file remains."""


class ConfigError(LambdaDeployError):
    """Raised when databricks.yml cannot be read, or when a variable is missing or invalid."""


class AwsError(LambdaDeployError):
    """Raised when AWS refused a call or could not be reached. `code` is AWS's name of the error."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotReadyError(AwsError):
    """Raised when something is not ready yet, or AWS throttles. `Wait` retries for a limited time."""


class StackError(LambdaDeployError):
    """Raised when CloudFormation failed, or when the stack's state does not allow the request."""


class UnfitError(LambdaDeployError):
    """Raised when something that exists cannot be used and must not be changed for the user."""


class WorkspaceError(LambdaDeployError):
    """Raised when the job is not as the Lambda requires it."""


class UnreachableError(WorkspaceError):
    """Raised when the workspace refuses or does not answer."""


class RedriveError(LambdaDeployError):
    """Raised when an object cannot be redriven."""


class MigrationError(LambdaDeployError):
    """Raised when the older pipeline cannot be migrated with printed commands."""


class UnusableObjectError(RedriveError):
    """Raised for an on-failure or quarantine object that cannot be read as one. The message begins with "it"."""


class ItemLostError(LambdaDeployError):
    """Raised when the item of test-event did not reach a place in time."""
