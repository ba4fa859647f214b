"""Run a command until standard input closes: `python -m rehearsal.aws.supervisor FOLDER COMMAND...`.

An emulator must end when the process that started it ends. A killed process cleans up nothing, but the system closes
its end of the pipe. The supervisor, in a separate session that Ctrl-C does not reach, then ends the command and removes
the folder (`-` for none). When the command ends first, the folder stays.
"""

import shutil
import subprocess
import sys
from contextlib import suppress
from select import select

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 5


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input closes, and return its exit code."""
    folder, *command = arguments
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 # our own caller's command
    while child.poll() is None:
        if select([sys.stdin], [], [], _POLL_SECONDS)[0]:
            _end(child)
            if folder != "-":
                shutil.rmtree(folder, ignore_errors=True)
    return child.returncode


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE_SECONDS)
    child.kill()
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
