"""Calculate the pipeline's monthly cost from one dated file of prices (prices.json) and named assumptions.

The number of calls follows from the batching rule: a batch is delivered when it is full, when it has 6 MB, or when the
window ends that its first record opened (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html). Option A starts a
run for each object, but one run at a time (max_concurrent_runs is 1), so runs follow one another without a pause once
objects arrive faster than runs end. File arrival is checked about once a minute:
https://docs.aws.amazon.com/databricks/jobs/triggers
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final, Literal

Start = Literal["Option A", "Option B", "file arrival"]
STARTS: Final[tuple[Start, ...]] = ("Option A", "Option B", "file arrival")
WINDOWS: Final = (5, 60)
MOST_BYTES_A_CALL: Final = 6 * 1024 * 1024
SECONDS_A_MONTH: Final = 30 * 86_400
FIXED_MILLISECONDS: Final = 40.0
MILLISECONDS_AN_EVENT: Final = 0.088
MB_OF_A_WHOLE_CPU: Final = 1_769
# The part of the bill in the older guide, for a million events a month, in US dollars.
OLDER_GUIDE: Final = "requests $0.20, compute $0.50, S3 $1 to 5; about $1 a month in all"

ASSUMED: Final[Mapping[str, float]] = {
    "milliseconds of a call": FIXED_MILLISECONDS,
    "milliseconds of an event on a whole CPU": MILLISECONDS_AN_EVENT,
    "stored bytes of an event": 300,
    "log bytes of a call": 1_500,
    "seconds of a run": 60,
    "DBU of a run": 0.15,
    "DBU of a check": 0.05,
    "checks a month": 720,
    "minutes between runs of Option B": 5,
    "minutes between runs of the schedule behind Option A": 30,
    "S3 listings of a run": 3,
    "minutes that a warehouse stays awake for the alerts of an hour": 10,
    "DBU an hour of a 2X-Small warehouse": 4,
}
_LINES: Final = (
    "requests", "compute", "objects written", "archive copies and listings", "storage added", "logs", "tracing",
    "alarms", "own metrics", "dashboard", "secret",
)  # fmt: skip
_ALWAYS_FREE_LINES: Final = ("requests", "compute", "logs", "alarms", "own metrics", "dashboard")


@dataclass(frozen=True)
class Prices:
    """Unit prices in US dollars; `dated` and `region` say when and where they applied."""

    dated: str
    region: str
    sources: tuple[str, ...]
    lambda_million_requests: float
    lambda_gb_second_arm64: float
    s3_thousand_puts: float
    s3_thousand_gets: float
    s3_gb_month: float
    logs_gb: float
    metric_month: float
    alarm_month: float
    dashboard_month: float
    xray_million_traces: float
    secret_month: float
    jobs_serverless_dbu: float
    sql_serverless_dbu: float


def packaged_prices() -> Prices:
    """Return the prices of prices.json."""
    content = json.loads(files(__package__).joinpath("prices.json").read_text("utf-8"))
    return Prices(**{**content, "sources": tuple(content["sources"])})


@dataclass(frozen=True)
class Usage:
    """The input of the calculation. `event_bytes` is a record as the function gets it; `shards` are the stream's.

    An alarm costs by the number of its metrics: `alarms` are those of each target; Option A adds the alarm of failed
    starts, which has two.
    """

    events_a_month: int
    start: Start = "Option B"
    window_seconds: int = 5
    batch_size: int = 1_000
    memory_mb: int = 512
    shards: int = 4
    event_bytes: int = 2_950
    alarms: int = 7
    metrics: int = 3
    tracing: bool = False
    secret: bool = False


@dataclass(frozen=True)
class Bill:
    """US dollars a month by line; `alerts` is the warehouse for the SQL alerts, if they are switched on."""

    usage: Usage
    objects: float
    aws: Mapping[str, float]
    runs: float
    databricks: Mapping[str, float]
    alerts: float

    @property
    def aws_total(self) -> float:
        """Return the payment to AWS."""
        return sum(self.aws.values())

    @property
    def aws_beyond_free(self) -> float:
        """Return the payment to AWS if nothing else in the account uses the permanently free amounts.

        A million requests, 400,000 GB-seconds, 5 GB of logs, 10 alarms, 10 metrics, 3 dashboards:
        https://aws.amazon.com/free/
        """
        return sum([dollars for line, dollars in self.aws.items() if line not in _ALWAYS_FREE_LINES])

    @property
    def databricks_total(self) -> float:
        """Return the payment to Databricks without alerts."""
        return sum(self.databricks.values())


def events_a_call(usage: Usage) -> float:
    """Return the average number of events in a batch when they arrive evenly over the month and the shards."""
    a_second = usage.events_a_month / SECONDS_A_MONTH / usage.shards
    fits = max(1, MOST_BYTES_A_CALL // usage.event_bytes)
    return min(usage.batch_size, fits, 1 + a_second * usage.window_seconds)


def runs_a_month(usage: Usage, objects: float) -> float:
    """Return how many runs of the job a month has."""
    run = ASSUMED["seconds of a run"]
    if usage.start == "Option B":
        return SECONDS_A_MONTH / (60 * ASSUMED["minutes between runs of Option B"])
    if usage.start == "file arrival":
        return min(objects, SECONDS_A_MONTH / max(60, run))
    behind = SECONDS_A_MONTH / (60 * ASSUMED["minutes between runs of the schedule behind Option A"])
    return min(objects + behind, SECONDS_A_MONTH / run)


def bill(usage: Usage, prices: Prices) -> Bill:
    """Return the cost of a month."""
    objects = usage.events_a_month / events_a_call(usage)
    runs = runs_a_month(usage, objects)
    dbu = prices.jobs_serverless_dbu
    databricks = {
        "runs": runs * ASSUMED["DBU of a run"] * dbu,
        "checks": ASSUMED["checks a month"] * ASSUMED["DBU of a check"] * dbu,
    }
    awake = SECONDS_A_MONTH / 3_600 * ASSUMED["minutes that a warehouse stays awake for the alerts of an hour"] / 60
    alerts = awake * ASSUMED["DBU an hour of a 2X-Small warehouse"] * prices.sql_serverless_dbu
    amounts = _aws(usage, prices, objects, runs)
    return Bill(usage, objects, dict(zip(_LINES, amounts, strict=True)), runs, databricks, alerts)


def compute_milliseconds(calls: float, events: float, memory_mb: int) -> float:
    """Return the duration of this many calls with this many events in total."""
    share = min(1.0, memory_mb / MB_OF_A_WHOLE_CPU)
    return FIXED_MILLISECONDS * calls + MILLISECONDS_AN_EVENT / share * events


def _aws(usage: Usage, prices: Prices, objects: float, runs: float) -> tuple[float, ...]:
    """Return the dollars of each of `_LINES`. An object is copied to the archive: read twice, written once."""
    milliseconds = compute_milliseconds(objects, usage.events_a_month, usage.memory_mb)
    copies = objects * (prices.s3_thousand_puts + 2 * prices.s3_thousand_gets)
    listings = runs * ASSUMED["S3 listings of a run"] * prices.s3_thousand_puts
    return (
        objects / 1e6 * prices.lambda_million_requests,
        milliseconds / 1_000 * usage.memory_mb / 1_024 * prices.lambda_gb_second_arm64,
        objects / 1e3 * prices.s3_thousand_puts,
        (copies + listings) / 1e3,
        usage.events_a_month * ASSUMED["stored bytes of an event"] / 1e9 * prices.s3_gb_month,
        objects * ASSUMED["log bytes of a call"] / 1e9 * prices.logs_gb,
        objects / 1e6 * prices.xray_million_traces if usage.tracing else 0.0,
        (usage.alarms + (2 if usage.start == "Option A" else 0)) * prices.alarm_month,
        usage.metrics * prices.metric_month,
        prices.dashboard_month,
        prices.secret_month if usage.secret else 0.0,
    )


def all_bills(usage: Usage, prices: Prices) -> list[Bill]:
    """Return one bill for each way to start the job and each window of WINDOWS."""
    return [bill(replace(usage, start=start, window_seconds=window), prices) for start in STARTS for window in WINDOWS]


def nearest_to_a_dollar(usage: Usage, prices: Prices) -> Bill:
    """Return the bill of a million events whose AWS part beyond the free allowance is nearest to one dollar.

    Only the window changes it much: it decides how many objects are written.
    """
    million = replace(usage, events_a_month=1_000_000)
    bills = [bill(replace(million, window_seconds=window), prices) for window in range(5, 301, 5)]
    return min(bills, key=lambda one: abs(one.aws_beyond_free - 1))


def table(bills: list[Bill]) -> list[tuple[str, list[str]]]:
    """Return the rows of the table: a label and one cell for each bill."""
    lines = [(line, [f"{one.aws[line]:,.2f}" for one in bills]) for line in _LINES]
    databricks = [(line, [f"{one.databricks[line]:,.2f}" for one in bills]) for line in bills[0].databricks]
    return [
        ("start of the job", [one.usage.start for one in bills]),
        ("batching_window_seconds", [f"{one.usage.window_seconds}" for one in bills]),
        ("objects", [f"{one.objects:,.0f}" for one in bills]),
        *[(f"AWS: {line}", cells) for line, cells in lines],
        ("AWS in all", [f"{one.aws_total:,.2f}" for one in bills]),
        ("AWS beyond what is always free", [f"{one.aws_beyond_free:,.2f}" for one in bills]),
        ("runs", [f"{one.runs:,.0f}" for one in bills]),
        *[(f"Databricks: {line}", cells) for line, cells in databricks],
        ("Databricks in all", [f"{one.databricks_total:,.2f}" for one in bills]),
        ("SQL alerts, if switched on", [f"{one.alerts:,.2f}" for one in bills]),
    ]
