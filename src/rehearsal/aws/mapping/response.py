"""Read the outcome of an invocation, and from which record on the batch must be retried.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.aws.runtime import Function
from rehearsal.errors import PayloadTooLargeError


@dataclass(frozen=True)
class Returned:
    """The function ended and returned a value, which may name failures."""

    value: Any


@dataclass(frozen=True)
class FunctionError:
    """The function raised, crashed or ran out of time; `error` as Lambda reports it (errorType, errorMessage)."""

    error: Mapping[str, Any]


@dataclass(frozen=True)
class NotInvoked:
    """The function did not run: it was throttled, or the invocation was refused. Retried without using a retry."""

    reason: str


Outcome = Returned | FunctionError | NotInvoked
Invoke = Callable[[dict[str, Any]], Outcome]
"""Calls the function with an event and waits for it."""


def failed_from(value: Any, sequence_numbers: Sequence[str]) -> int | None:
    """Return the index in the batch of the first failure that the function named, or None.

    An empty or null response, list or `batchItemFailures` is success. The lowest number named is the checkpoint. An
    identifier that is empty, null, under another key or not of this batch fails the whole batch (not of this batch:
    assumed). So does a response that is not an object (assumed, as
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html says it of invalid JSON).
    """
    failures = value.get("batchItemFailures") if isinstance(value, dict) else value
    if failures is None or failures == [] or value == "":
        return None
    if not isinstance(value, dict) or not isinstance(failures, list):
        return 0
    places = {number: place for place, number in enumerate(sequence_numbers)}
    named = [entry.get("itemIdentifier") if isinstance(entry, dict) else None for entry in failures]
    return min((places.get(name, 0) if isinstance(name, str) else 0) for name in named)


def invoke_of(function: Function) -> Invoke:
    """Return a callable that invokes the zip. An event larger than 6 MB is refused before the function runs."""

    def invoke(event: dict[str, Any]) -> Outcome:
        try:
            invocation = function.invoke(event)
        except PayloadTooLargeError as error:
            return NotInvoked(str(error))
        return Returned(invocation.response) if invocation.error is None else FunctionError(invocation.error)

    return invoke
