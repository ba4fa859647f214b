"""Vehicle telemetry events from S3 as one flat Delta row per event.

The way of the data: `source` (files) -> `lines` -> `envelope` -> `signals` -> `merge` -> `ledger` -> `archive`;
`job` shows the order of the commits.
"""

__version__ = "0.1.0"
