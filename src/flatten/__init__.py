"""Write vehicle telemetry events from S3 as one flat Delta row per event.

The data goes through `events` (bytes -> line -> event -> flat row), `decide` (which change wins) and `tables` (the
statements); `run` has the steps of a run, and `job` shows the order of the commits.
"""

__version__ = "0.1.0"
