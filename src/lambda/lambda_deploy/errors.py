"""What can go wrong in `stream-lambda`.

```
LambdaDeployError          exit code 1
├── BuildError             the zip cannot be made, or would be too large
├── ConfigError            databricks.yml, or a variable of it, cannot be used
├── AwsError               AWS refused or did not answer: the call, its code, and the cure where one is known
│   └── NotReadyError      AWS is not ready yet, or asked for patience: waited out, raised when it takes too long
├── StackError             CloudFormation did not do it, or the stack is in a state in which it cannot be changed
├── UnfitError             what is there cannot be used as it is, and is not changed: a name that is taken, a bucket
├── WorkspaceError         the job is missing, or not as needed
│   └── UnreachableError       the Databricks workspace refused or did not answer
├── RedriveError           an object that is to go through the conversion again cannot
│   └── UnusableObjectError    it is not what its place says; it stays where it is
├── LostOnTheWayError      the item of test-event did not come through in time, or was quarantined
└── MigrationError         the older pipeline is not such that a way from it can be printed
```
A wrong command line is click's UsageError, exit code 64.
"""


class LambdaDeployError(Exception):
    """Whatever a command raises by itself: one sentence for the terminal."""

    exit_code = 1


class BuildError(LambdaDeployError):
    """Raised when the zip cannot be made, or would be larger than its budget; no file is left behind."""


class ConfigError(LambdaDeployError):
    """Raised when databricks.yml cannot be read, or when a variable is missing or out of its range."""


class AwsError(LambdaDeployError):
    """Raised when AWS refused a call or could not be reached. `code` is AWS's own name of the error."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotReadyError(AwsError):
    """Raised when something is still being made, or AWS asks for patience. `Wait` tries again, a bounded time."""


class StackError(LambdaDeployError):
    """Raised when CloudFormation failed, or when the stack's state does not allow what was asked for."""


class UnfitError(LambdaDeployError):
    """Raised when what is there cannot be used as it is, and must not be changed for the user."""


class WorkspaceError(LambdaDeployError):
    """Raised when the job is not as the Lambda needs it."""


class UnreachableError(WorkspaceError):
    """Raised when the workspace cannot be asked."""


class RedriveError(LambdaDeployError):
    """Raised when an object that is to go through the conversion again cannot."""


class MigrationError(LambdaDeployError):
    """Raised when the older pipeline is not such that a way from it can be printed."""


class UnusableObjectError(RedriveError):
    """Raised for an on-failure or quarantine object that cannot be read as one. The message begins with "it"."""


class LostOnTheWayError(LambdaDeployError):
    """Raised when the item of test-event did not reach a place in its time."""
