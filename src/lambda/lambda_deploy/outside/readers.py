"""List the other readers of the stream, and the function's mappings of older streams.

A stream serves two readers; more are throttled. Readers of other accounts are not visible.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import UnfitError
from lambda_deploy.explain import explained
from lambda_deploy.mappings import StreamMapping, stream_mappings
from lambda_deploy.migrate import OLD_STREAM_FUNCTION, UNIFIED_FUNCTION

# The functions that `migrate` replaces: they stop reading when the migration is done.
REPLACED: Final = (OLD_STREAM_FUNCTION, UNIFIED_FUNCTION)
_MOST: Final = 2
_DAY: Final = 86_400


def check_readers(config: Config, clients: Clients, stream_arn: str) -> None:
    """Raise UnfitError when the function would be a third reader of the stream."""
    with explained("listing the readers of the stream"):
        readers = {mapping.function for mapping in stream_mappings(clients("lambda"), EventSourceArn=stream_arn)}
    others = sorted(readers - {*REPLACED})
    if config.function_name not in readers and len(others) >= _MOST:
        raise UnfitError(
            f"the stream already has {len(others)} readers ({', '.join(others)}), and more than {_MOST} are "
            "throttled: remove one, or deploy with --third-reader"
        )


def older_mappings(clients: Clients, function: str, current: str) -> list[StreamMapping]:
    """Return a function's mappings except the stack's, whose UUID is `current`."""
    with explained(f"listing the mappings of {function}"):
        every = stream_mappings(clients("lambda"), FunctionName=function)
    return [mapping for mapping in every if mapping.uuid != current and mapping.state != "Deleting"]


def finished(older: Sequence[StreamMapping], table: str, stream_arn: str, now: float) -> list[StreamMapping]:
    """Return the older mappings that can be removed: everything in their streams has expired, or is of another table.

    The name of a stream is the time when it was made, so the older one was written to until then, and kept that for 24
    hours.
    """

    def is_over() -> bool:
        return datetime.fromisoformat(stream_arn.rsplit("/", 1)[-1] + "+00:00").timestamp() < now - _DAY

    return [mapping for mapping in older if mapping.table != table or is_over()]


def remove_mappings(clients: Clients, mappings: Sequence[StreamMapping]) -> None:
    """Remove mappings; this function no longer reads what their streams still hold."""
    for mapping in mappings:
        with explained(f"removing the mapping {mapping.uuid}"):
            found(clients("lambda").delete_event_source_mapping, UUID=mapping.uuid)
