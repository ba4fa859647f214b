"""A pipeline with hooks that make parts fail, one scenario at a time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.aws.mapping.response import FunctionError, Invoke, NotInvoked, Outcome
from rehearsal.fleet.events import Item
from rehearsal.pipeline import Hooks, Pipeline, Setup, pipeline
from rehearsal.producer import Action
from support.fault_proxy import FaultProxy, fault_proxy

Event = dict[str, Any]
Meddle = Callable[[Event, Invoke], Outcome]


def straight(event: Event, invoke: Invoke) -> Outcome:
    """Call without a fault."""
    return invoke(event)


def throttled(times: int) -> Meddle:
    """Refuse this many calls of the function."""
    left = [times]

    def meddle(event: Event, invoke: Invoke) -> Outcome:
        left[0] -= 1
        return NotInvoked("TooManyRequestsException") if left[0] >= 0 else invoke(event)

    return meddle


def three_times(event: Event, invoke: Invoke) -> Outcome:
    """Deliver the same batch three times."""
    return [invoke(event) for _ in range(3)][-1]


def later_half_first(event: Event, invoke: Invoke) -> Outcome:
    """Deliver the later half first, in a separate object, as from two shards."""
    middle = len(event["Records"]) // 2
    for records in (event["Records"][middle:], event["Records"][:middle]):
        if records:
            outcome = invoke({"Records": records})
    return outcome


def skewed(seconds: int) -> Meddle:
    """Shift the clock that stamps the records by this many seconds."""

    def meddle(event: Event, invoke: Invoke) -> Outcome:
        for record in event["Records"]:
            record["dynamodb"]["ApproximateCreationDateTime"] += seconds
        return invoke(event)

    return meddle


def dies_on(event_id: str) -> Meddle:
    """Make the function crash whenever a batch has this item."""

    def meddle(event: Event, invoke: Invoke) -> Outcome:
        if any(record["dynamodb"]["Keys"]["event_id"]["S"] == event_id for record in event["Records"]):
            return FunctionError({"errorType": "Runtime.ExitError", "errorMessage": "simulated"})
        return invoke(event)

    return meddle


@dataclass
class Stage:
    """A running pipeline whose faults a test sets. `meddle` replaces the call from the mapping to the function."""

    pipeline: Pipeline
    s3: FaultProxy
    hooks: "_Hooks"

    def play(self, changes: Iterable[Action], meddle: Meddle = straight) -> None:
        """Make changes, and wait until the mapping has finished them."""
        self.hooks.meddle = meddle
        self.pipeline.producer.play(changes)
        assert self.pipeline.driver.wait(120)
        self.hooks.meddle = straight


@dataclass
class _Hooks:
    meddle: Meddle = straight
    opened: list[FaultProxy] = field(default_factory=list)


@contextmanager
def stage(folder: Path, setup: Setup) -> Iterator[Stage]:
    """Start the pipeline without failures."""
    hooks = _Hooks()
    with ExitStack() as ending:

        def s3(url: str) -> str:
            proxy, own = ending.enter_context(fault_proxy(url))
            hooks.opened.append(proxy)
            return own

        def invoke(inner: Invoke) -> Invoke:
            return lambda event: hooks.meddle(event, inner)

        chosen = Hooks(s3=s3, invoke=invoke, back_off=lambda _: 0.05)
        with pipeline(folder, setup, hooks=chosen) as running:
            yield Stage(running, hooks.opened[0], hooks)


def item(event_id: str, km: float = 1) -> Item:
    """Return a telemetry event."""
    return {
        "event_id": event_id,
        "recorded_at": "2026-01-05 10:00:00",
        "meta": {"deliveryId": f"{event_id}-{km}", "deliveredAt": 1_767_600_000_000},
        "vehicle": {"id": "v1"},
        "signals": [{"code": "odometer-traveleddistance", "body": {"value": km}}],
    }


def puts(prefix: str, count: int, km: float = 1) -> list[Action]:
    """Return this many puts of distinct events."""
    return [Action("put", f"{prefix}-{number}", item(f"{prefix}-{number}", km)) for number in range(count)]
