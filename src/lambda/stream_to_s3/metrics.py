"""Write log lines and metrics as JSON objects to standard output, without a call to CloudWatch.

Format of the metrics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

NAMESPACE: Final = "StreamToS3"
DIMENSION: Final = "FunctionName"
UNITS: Final[dict[str, str]] = {"EventsQuarantined": "Count", "TriggerFailed": "Count", "TriggerStarted": "Count"}
"""What an operator must act on or is billed for. Each metric costs; everything else is a field of the log line."""


@dataclass(frozen=True)
class Log:
    """Writes lines with `write`. `clock` returns seconds since the epoch; `function_name` is the metrics' dimension."""

    write: Callable[[str], None]
    clock: Callable[[], float]
    function_name: str

    def line(self, level: str, message: str, metrics: Mapping[str, int] | None = None, **fields: Any) -> None:
        """Write one line; `metrics` holds values by their name in UNITS, and the others count as 0."""
        now = self.clock()
        head = {"timestamp": _iso(now), "level": level, "message": message}
        values = {} if metrics is None else self._embedded(now, metrics)
        self.write(json.dumps({**head, **fields, **values}) + "\n")

    def _embedded(self, now: float, metrics: Mapping[str, int]) -> dict[str, Any]:
        described = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in UNITS.items()],
        }
        return {
            "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [described]},
            DIMENSION: self.function_name,
            **{name: metrics.get(name, 0) for name in UNITS},
        }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
