"""The columns of the table and of its side tables."""

from flatten.decide.decision import VERDICTS
from flatten.events.event import ATTRIBUTES

EVENT_COLUMNS: dict[str, tuple[str, str]] = {
    "event_id": ("STRING", "Key: one row per event"),
    "event_date": ("DATE", "UTC date of recorded_at; the cluster key; NULL when recorded_at cannot be read"),
    **{attribute.column: (attribute.sql_type, attribute.about) for attribute in ATTRIBUTES},
    "signal_count": ("INT", "Signals that the event carries"),
    "unmapped_signals": ("STRING", "Signals that no column holds whole, as they came: a JSON array"),
    "unmapped_attributes": ("STRING", "Whatever else was stored with the event: a JSON object by path"),
}
"""The columns that an event fills beside its signals: name -> SQL type, comment."""

LINEAGE_COLUMNS: dict[str, tuple[str, str]] = {
    "deleted_at": ("TIMESTAMP", "When the item was removed from the source table; NULL while it lives"),
    "stream": ("STRING", "Label of the DynamoDB stream of the last change"),
    "sequence_number": ("STRING", "Sequence number of the last change in its stream"),
    "changed_at": ("TIMESTAMP", "Approximate time of the last change, by DynamoDB"),
    "source_file": ("STRING", "File in which the last change came"),
    "catalogue_version": ("STRING", "Version of the signal catalogue that named the columns"),
    "pipeline_version": ("STRING", "Version of the job that wrote the row"),
    "pipeline_processed_at": ("TIMESTAMP", "Start of the run that wrote the row"),
}

COUNTS = ("lines", *VERDICTS, "searched")
"""Of the lines of a file."""

SIDE_TABLES: dict[str, dict[str, str]] = {
    "quarantine": {
        "raw": "STRING",
        "raw_base64": "STRING",
        "reason": "STRING",
        "detail": "STRING",
        "source_file": "STRING",
        "line_number": "INT",
        "hour": "TIMESTAMP",
        "quarantined_at": "TIMESTAMP",
        "redriven_at": "TIMESTAMP",
    },
    "files": {
        "path": "STRING",
        "hour": "TIMESTAMP",
        "size": "BIGINT",
        "modified_at": "TIMESTAMP",
        "sha256": "STRING",
        **dict.fromkeys(COUNTS, "INT"),
        "run_id": "STRING",
        "batch_id": "BIGINT",
        "committed_at": "TIMESTAMP",
        "outcome": "STRING",
    },
    "runs": {
        "run_id": "STRING",
        "command": "STRING",
        "started_at": "TIMESTAMP",
        "finished_at": "TIMESTAMP",
        "outcome": "STRING",
        "error": "STRING",
        "counts": "STRING",
    },
}
"""The tables beside the flat one, for the job and its operators only: raw lines hold places and people.

`hour` is that of the file's path, NULL where its name has none. `searched` counts the lines whose event was looked
for under all dates. `counts` is JSON text.
"""
