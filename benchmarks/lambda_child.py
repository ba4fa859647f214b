"""Measure the handler in a Python that sees what Lambda's does: python lambda_child.py EVENT ROUNDS.

Prints one JSON object. Time is processor time, including the parsing of the event, which the runtime does before it
calls the handler.
"""

import json
import sys
import time
from pathlib import Path


class _Context:
    aws_request_id = "benchmark"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:stream-to-s3"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main() -> None:
    """Call the handler this often, and print what it used."""
    from stream_to_s3.handler import handler

    payload = Path(sys.argv[1]).read_bytes()
    sys.stdout = sys.stderr  # the handler's log
    times = []
    for _ in range(int(sys.argv[2])):
        begun = time.process_time()
        handler(json.loads(payload), _Context())
        times.append(time.process_time() - begun)
    print(json.dumps({"milliseconds": min(times) * 1000, "peak_bytes": _peak_bytes()}), file=sys.__stdout__)


def _peak_bytes() -> int:
    """Return the peak memory of this process; getrusage would include that of its parent."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
