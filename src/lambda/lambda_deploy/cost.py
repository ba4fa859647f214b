"""What the pipeline costs a month: the model, with the prices of one dated file (prices.json).

Free allowances are left out, so a small pipeline costs less than is said. How often the function is called follows
from the batching rule: a batch is handed over when it is full, when it has 6 MB, or when the window ends that its first
record opened (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html). Milliseconds were measured once, on one core
of a machine of ours: reading, converting and compressing an event, and a fixed part for the call and the put.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

SECONDS_A_MONTH: Final = 30 * 86_400
FIXED_MILLISECONDS: Final = 40.0
MILLISECONDS_AN_EVENT: Final = 0.088
MB_OF_A_WHOLE_CPU: Final = 1769
MOST_BYTES_A_CALL: Final = 6 * 1024 * 1024
GZIPPED_BYTES_AN_EVENT: Final = 300
LOG_BYTES_A_CALL: Final = 1_500
BATCH_SIZES: Final = (1, 10, 100, 500, 1000, 2000)


@dataclass(frozen=True)
class Prices:
    """Unit prices in US dollars; `dated` and `region` say when and where they were so."""

    dated: str
    region: str
    currency: str
    sources: tuple[str, ...]
    lambda_million_requests: float
    lambda_gb_second_arm64: float
    s3_thousand_puts: float
    s3_thousand_gets: float
    s3_gb_month: float
    logs_gb: float
    metric_month: float
    alarm_month: float
    xray_million_traces: float
    secret_month: float
    databricks_serverless_jobs_dbu: float
    databricks_dbu_a_run_assumed: float


def packaged_prices() -> Prices:
    """The prices of prices.json."""
    content = json.loads(files("lambda_deploy").joinpath("prices.json").read_text("utf-8"))
    return Prices(**{**content, "sources": tuple(content["sources"])})


@dataclass(frozen=True)
class Usage:
    """What is asked about. `event_bytes` is a record as the function gets it; `shards` are the stream's.

    `schedule_seconds` is the time between two runs of the job, None when no schedule starts it.
    """

    events_a_month: int
    batch_size: int = 1000
    window_seconds: int = 5
    memory_mb: int = 512
    shards: int = 4
    event_bytes: int = 2_950
    alarms: int = 7
    metrics: int = 7
    secret: bool = False
    schedule_seconds: int | None = 300


@dataclass(frozen=True)
class PerMillion:
    """What a million events cost in calls, objects and computing when each batch has `batch` events; US dollars."""

    batch: int
    objects: int
    requests: float
    puts: float
    compute: float
    milliseconds: float

    @property
    def total(self) -> float:
        """The three together."""
        return self.requests + self.puts + self.compute


@dataclass(frozen=True)
class Position:
    """A line of the bill: what, how much of it a month, and US dollars. `paid_to` is AWS or Databricks."""

    paid_to: str
    what: str
    amount: str
    dollars: float


def per_million(batch: int, memory_mb: int, prices: Prices) -> PerMillion:
    """The model for batches of this size."""
    calls = 1_000_000 / batch
    milliseconds = FIXED_MILLISECONDS + batch * _milliseconds_an_event(memory_mb)
    return PerMillion(
        batch,
        round(calls),
        calls / 1e6 * prices.lambda_million_requests,
        calls / 1e3 * prices.s3_thousand_puts,
        calls * _gb_seconds(milliseconds, memory_mb) * prices.lambda_gb_second_arm64,
        milliseconds,
    )


def _milliseconds_an_event(memory_mb: int) -> float:
    return MILLISECONDS_AN_EVENT / min(1.0, memory_mb / MB_OF_A_WHOLE_CPU)


def _gb_seconds(milliseconds: float, memory_mb: int) -> float:
    return milliseconds / 1000 * memory_mb / 1024


def events_a_call(usage: Usage) -> float:
    """How many events a batch has on the average, when they come evenly over the month and the shards."""
    a_second = usage.events_a_month / SECONDS_A_MONTH / usage.shards
    fits = max(1, MOST_BYTES_A_CALL // usage.event_bytes)
    return min(usage.batch_size, fits, 1 + a_second * usage.window_seconds)


def bill(usage: Usage, prices: Prices) -> list[Position]:
    """What a month costs, AWS first."""
    return [*_pipeline(usage, prices), *_watching(usage, prices), *_databricks(usage, prices)]


def _pipeline(usage: Usage, prices: Prices) -> list[Position]:
    calls = usage.events_a_month / events_a_call(usage)
    milliseconds = FIXED_MILLISECONDS + events_a_call(usage) * _milliseconds_an_event(usage.memory_mb)
    gb_seconds = calls * _gb_seconds(milliseconds, usage.memory_mb)
    stored = usage.events_a_month * GZIPPED_BYTES_AN_EVENT / 1e9
    return [
        Position("AWS", "Lambda calls", f"{calls:,.0f}", calls / 1e6 * prices.lambda_million_requests),
        Position("AWS", "Lambda computing", f"{gb_seconds:,.0f} GB-s", gb_seconds * prices.lambda_gb_second_arm64),
        Position("AWS", "S3 objects written", f"{calls:,.0f}", calls / 1e3 * prices.s3_thousand_puts),
        Position(
            "AWS",
            "S3 objects read and copied to the archive",
            f"{calls:,.0f}",
            calls / 1e3 * (2 * prices.s3_thousand_gets + prices.s3_thousand_puts),
        ),
        Position("AWS", "S3 storage that each month adds", f"{stored:,.2f} GB", stored * prices.s3_gb_month),
    ]


def _watching(usage: Usage, prices: Prices) -> list[Position]:
    calls = usage.events_a_month / events_a_call(usage)
    logs = calls * LOG_BYTES_A_CALL / 1e9
    positions = [
        Position("AWS", "Logs", f"{logs:,.2f} GB", logs * prices.logs_gb),
        # X-Ray samples the first request of a second and 5 % of the others.
        Position("AWS", "Traces, at most", f"{calls:,.0f}", calls / 1e6 * prices.xray_million_traces),
        Position("AWS", "Metrics of the function's own", f"{usage.metrics}", usage.metrics * prices.metric_month),
        Position("AWS", "Alarms", f"{usage.alarms}", usage.alarms * prices.alarm_month),
    ]
    if usage.secret:
        positions.append(Position("AWS", "Secret of the trigger", "1", prices.secret_month))
    return positions


def _databricks(usage: Usage, prices: Prices) -> list[Position]:
    if usage.schedule_seconds is None:
        return []
    runs = SECONDS_A_MONTH / usage.schedule_seconds
    used = runs * prices.databricks_dbu_a_run_assumed
    amount = f"{runs:,.0f} runs, {used:,.0f} DBU assumed"
    return [Position("Databricks", "Runs of the schedule", amount, used * prices.databricks_serverless_jobs_dbu)]


def total(positions: Sequence[Position], paid_to: str) -> float:
    """What one of the two gets, in US dollars."""
    return sum([position.dollars for position in positions if position.paid_to == paid_to])
