"""What can go wrong in `stream-lambda`.

```
LambdaDeployError          exit code 1
└── BuildError             the zip cannot be made, or would be too large
```
A wrong command line is click's UsageError, exit code 64.
"""


class LambdaDeployError(Exception):
    """Whatever a command raises by itself: one sentence for the terminal."""

    exit_code = 1


class BuildError(LambdaDeployError):
    """Raised when the zip cannot be made, or would be larger than its budget; no file is left behind."""
