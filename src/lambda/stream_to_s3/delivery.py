"""Process a batch, in this order: records -> lines -> quarantine object -> object -> trigger -> log."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stream_to_s3.errors import StorageError
from stream_to_s3.lines import Lines, to_lines
from stream_to_s3.metrics import Log
from stream_to_s3.objects import Batch, ObjectWriter, Stored
from stream_to_s3.outcome import AfterWrite, Outcome
from stream_to_s3.records import stream_records
from stream_to_s3.settings import FunctionSettings


class Context(Protocol):
    """The fields used of https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


class Delivery:
    """The handler; everything external is a parameter. `clock` returns seconds since the epoch."""

    def __init__(
        self,
        settings: FunctionSettings,
        writer: ObjectWriter,
        after_write: AfterWrite,
        log: Log,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._after_write = after_write
        self._log = log
        self._clock = clock

    def __call__(self, event: object, context: Context) -> dict[str, list[Any]]:
        """Store a batch and answer that none of its records failed.

        Raises NotAStreamEventError for anything but a batch of a DynamoDB stream, and StorageError when S3 did not
        store an object: the mapping then delivers the batch again. Nothing is raised after both objects are written, or
        the mapping would deliver the batch again in halves, under other keys.
        """
        records = stream_records(event)
        if records:
            self._deliver(Batch.of(records), to_lines(records, self._settings.ttl_attribute), context)
        return {"batchItemFailures": []}

    def _deliver(self, batch: Batch, lines: Lines, context: Context) -> None:
        started, owner = self._clock(), _account(context)
        about: dict[str, Any] = {"batch": batch.name, "request_id": context.aws_request_id}
        try:
            quarantined = self._writer.put(batch, self._settings.quarantine_prefix, lines.quarantined, owner)
            stored = self._writer.put(batch, self._settings.prefix, lines.converted, owner)
        except StorageError as error:
            self._log.line("ERROR", "batch not stored, it will be delivered again", **about, error=str(error))
            raise
        written = self._clock()
        outcome = Outcome("off", "all records were quarantined")
        if stored:
            outcome = self._after_write(stored.key, context.get_remaining_time_in_millis() / 1000)
        self._log.line(
            "WARNING" if quarantined or outcome.what == "failed" else "INFO",
            "batch stored",
            _metrics(lines, outcome),
            **about,
            **_fields(lines, quarantined, stored, outcome),
            write_milliseconds=round((written - started) * 1000, 1),
            milliseconds=round((self._clock() - started) * 1000, 1),
        )


def _account(context: Context) -> str | None:
    """Return the account of the function's ARN, which owns the bucket; None when the context has no ARN."""
    account = getattr(context, "invoked_function_arn", "").split(":")[4:5]
    return account[0] if account and account[0].isdigit() else None


def _metrics(lines: Lines, outcome: Outcome) -> Mapping[str, int]:
    return {
        "EventsQuarantined": len(lines.quarantined),
        "TriggerFailed": int(outcome.what == "failed"),
        "TriggerStarted": int(outcome.what == "started"),
    }


def _fields(lines: Lines, quarantined: Stored | None, stored: Stored | None, outcome: Outcome) -> dict[str, Any]:
    return {
        "records": len(lines.converted) + len(lines.quarantined),
        "written": len(lines.converted),
        "bytes": sum([found.size for found in (quarantined, stored) if found]),
        "key": stored and stored.key,
        "quarantine_key": quarantined and quarantined.key,
        "already_stored": bool(stored and stored.was_there),
        "trigger": outcome.what,
        "trigger_detail": outcome.detail,
    }
