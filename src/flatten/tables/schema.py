"""The columns of the table and of its side tables."""

from flatten.decide.decision import VERDICTS
from flatten.events.event import ATTRIBUTES

EVENT_COLUMNS: dict[str, tuple[str, str]] = {
    "event_id": ("STRING", "Key: one row per event"),
    "event_date": ("DATE", "UTC date of recorded_at; the cluster key; NULL when recorded_at cannot be read"),
    **{attribute.column: (attribute.sql_type, attribute.about) for attribute in ATTRIBUTES},
    "signal_count": ("INT", "Number of signals in the event"),
    "unmapped_signals": ("STRING", "Signals that no column holds completely, unchanged: a JSON array"),
    "unmapped_attributes": ("STRING", "Everything else that was stored with the event: a JSON object by path"),
}
"""The event columns that are not signals: name -> SQL type, comment."""

LINEAGE_COLUMNS: dict[str, tuple[str, str]] = {
    "deleted_at": ("TIMESTAMP", "When the item was removed from the source table; NULL while it exists"),
    "stream": ("STRING", "Label of the DynamoDB stream of the last change"),
    "sequence_number": ("STRING", "Sequence number of the last change in its stream"),
    "changed_at": ("TIMESTAMP", "Approximate time of the last change, from DynamoDB"),
    "source_file": ("STRING", "File of the last change"),
    "catalogue_version": ("STRING", "Version of the signal catalogue that named the columns"),
    "pipeline_version": ("STRING", "Version of the job that wrote the row"),
    "pipeline_processed_at": ("TIMESTAMP", "Start of the run that wrote the row"),
}

COUNTS = ("lines", *VERDICTS, "searched")
"""The verdicts on the lines of a file."""

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
"""The side tables, for the job and its operators only: raw lines contain places and people.

`hour` is the hour in the file's path, NULL if its name has none. `searched` counts the lines whose event was looked up
under all dates. `counts` is JSON text.
"""
