"""`python -m rehearsal.aws.keeper FOLDER COMMAND...`: run a command for as long as its own standard input is open.

An emulator must not outlive whoever started it, and a program that is killed cleans up nothing. Its end of a pipe is
closed by the system all the same, whatever killed it; the keeper, in a session of its own that no Ctrl-C reaches, sees
that, ends the command and removes the folder (none with `-`). When the command ends first the folder stays.
"""

import shutil
import subprocess
import sys
from contextlib import suppress
from select import select

_GLANCE_SECONDS = 0.1
_PATIENCE_SECONDS = 5


def main(arguments: list[str]) -> int:
    """Run the command to its end, or to the end of the input, and return its exit code."""
    folder, *command = arguments
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 # our own caller's command
    while child.poll() is None:
        if select([sys.stdin], [], [], _GLANCE_SECONDS)[0]:
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
