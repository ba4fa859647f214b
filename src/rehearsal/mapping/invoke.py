"""The zip under the vendor's runtime client as what a mapping calls."""

from typing import Any

from rehearsal.errors import PayloadTooLargeError
from rehearsal.mapping.response import FunctionError, Invoke, NotInvoked, Outcome, Returned
from rehearsal.runtime import Function


def invoke_of(function: Function) -> Invoke:
    """Calls the function. An event beyond 6 MB is refused before the function runs."""

    def invoke(event: dict[str, Any]) -> Outcome:
        try:
            invocation = function.invoke(event)
        except PayloadTooLargeError as error:
            return NotInvoked(str(error), is_throttle=False)
        return Returned(invocation.response) if invocation.error is None else FunctionError(invocation.error)

    return invoke
