"""`python -m rehearsal.databricks.warm_job`: a cluster that is up. Runs `flatten` with each line of its standard input.

A line is a JSON array of arguments. What the command prints comes first, then `{"exit": code}`. The Spark session
stays between the runs, as on a cluster that is warm; the process ends with its input.
"""

import json
import sys

from flatten.cli import main as flatten
from flatten.session import open_session, stop_session


def main() -> None:
    """Answer each line with what the command prints and its exit code."""
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
