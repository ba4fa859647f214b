"""What becomes of a batch after an invocation: handled, tried again whole or in parts, given up.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: what fails before the function runs is
tried again and uses no retry; a function's error uses one, but splitting does not.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html: with both settings on, a batch
is cut at the number that the function returned and only the rest is tried again; a failed batch is split whatever
ReportBatchItemFailures says.

Not documented, so assumed: a batch is split in the middle, the smaller half first; parts inherit the retries used and
the count of invocations; an answer that names the batch's first record is a failure of the whole batch, which is split
in the middle; without bisect an answer that names failures uses a retry, and progress does not give it back.
"""

from dataclasses import dataclass, replace

from rehearsal.mapping.records import Record
from rehearsal.mapping.response import NotInvoked, Outcome, Returned, failed_from
from rehearsal.mapping.settings import MappingSettings


@dataclass(frozen=True)
class Batch:
    """Records of one lane in stream order, and what they went through. `outcome` is that of the last invocation."""

    records: tuple[Record, ...]
    retries: int = 0
    invocations: int = 0
    outcome: Outcome | None = None

    def of(self, records: tuple[Record, ...]) -> "Batch":
        """Some of the records, with the same history."""
        return replace(self, records=records)


@dataclass(frozen=True)
class Verdict:
    """What is done with the records of a batch: each is in exactly one of the three, and the order is kept."""

    handled: tuple[Record, ...] = ()
    again: tuple[Batch, ...] = ()
    given_up: Batch | None = None


def judge(batch: Batch, outcome: Outcome, settings: MappingSettings) -> Verdict:
    """What an invocation with this batch leads to."""
    if isinstance(outcome, NotInvoked):
        return Verdict(again=(batch,))
    seen = replace(batch, invocations=batch.invocations + 1, outcome=outcome)
    failed = first_failure(batch, outcome, settings)
    if failed is None:
        return Verdict(handled=batch.records)
    handled, rest = batch.records[:failed], seen.of(batch.records[failed:])
    if settings.bisect_batch_on_function_error and len(batch.records) > 1:
        return Verdict(handled, again=(rest,) if failed else _halves(rest))
    if 0 <= settings.maximum_retry_attempts <= rest.retries:
        return Verdict(handled, given_up=rest)
    return Verdict(handled, again=(replace(rest, retries=rest.retries + 1),))


def first_failure(batch: Batch, outcome: Outcome, settings: MappingSettings) -> int | None:
    """Where in the batch the first record stands that the function did not handle; None when it handled all."""
    if not isinstance(outcome, Returned):
        return 0
    if not settings.report_batch_item_failures:
        return None
    return failed_from(outcome.value, [record.sequence_number for record in batch.records])


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch.records) // 2
    return batch.of(batch.records[:middle]), batch.of(batch.records[middle:])
