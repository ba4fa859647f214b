"""Run a dlt merge, with the Python of `make bench-dlt`: dlt_script.py SOURCE TARGET. Writes said.json."""

import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]  # it is installed in a separate environment
from deltalake import DeltaTable

_NUMBERS = ("body__value", "body__value__v_double", "body__value__v_bigint")
_ODOMETER = "odometer-traveleddistance"


def main() -> None:
    """Merge, then add up the result."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    started = time.perf_counter()
    pipeline = dlt.pipeline(
        pipeline_name="telemetry",
        pipelines_dir=str(target / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=(target / "lake").as_uri()),
        dataset_name="telemetry",
    )
    events = dlt.resource(
        _events(source),
        name="events",
        primary_key="event_id",
        write_disposition={"disposition": "merge", "strategy": "upsert"},
        table_format="delta",
    )
    pipeline.run(events).raise_on_failed_jobs()
    seconds = time.perf_counter() - started
    said = {"seconds": seconds, "total": _total(target / "lake" / "telemetry")}
    (target / "said.json").write_text(json.dumps(said), "utf-8")
    os._exit(0)  # threads that dlt sometimes leaves behind abort an interpreter that ends in the usual way


def _events(source: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(source.rglob("*.ndjson.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            event = json.loads(line)
            for signal in event["signals"]:
                signal["body"] = json.loads(signal["body"])
            yield event


def _total(lake: Path) -> float:
    """Return the sum of the odometers. dlt stores the values of a column by type, in one column for each."""
    signals = DeltaTable(str(lake / "events__signals")).to_pyarrow_table()
    numbers = [name for name in signals.column_names if name in _NUMBERS]
    rows = signals.select(["code", *numbers]).to_pylist()
    return float(sum(row[name] or 0.0 for row in rows if row["code"] == _ODOMETER for name in numbers))


if __name__ == "__main__":
    main()
