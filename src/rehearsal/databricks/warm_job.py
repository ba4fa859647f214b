"""Run `flatten` for each line of standard input, like a running cluster: `python -m rehearsal.databricks.warm_job`.

A line is a JSON array of arguments. The output of the command comes first, then `{"exit": code}`. All runs share one
Spark session. The process ends with its input.
"""

import json
import sys

from flatten.cli import main as flatten
from flatten.session import open_session, stop_session


def main() -> None:
    """Answer each line with the output of the command and its exit code."""
    open_session()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"exit": _run(json.loads(line))}), flush=True)
    stop_session()


def _run(arguments: list[str]) -> int:
    try:
        flatten(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    main()
