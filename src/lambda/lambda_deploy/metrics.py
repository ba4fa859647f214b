"""Read a metric of the function, minute by minute.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html; docs/reference/lambda.md has our own.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from lambda_deploy.aws import Clients
from lambda_deploy.config import Config
from stream_to_s3.metrics import DIMENSION

OF_LAMBDA = "AWS/Lambda"


def points(
    clients: Clients,
    config: Config,
    metric: tuple[str, str],
    statistic: Literal["Maximum", "Sum"],
    now: float,
    seconds: float,
) -> list[tuple[datetime, float]]:
    """Return the values of a metric (namespace, name) of the last seconds, the newest last.

    `now` is in seconds since the epoch; minutes without a value are left out. Errors of the SDK pass through.
    """
    end = datetime.fromtimestamp(now, UTC)
    answer = clients("cloudwatch").get_metric_statistics(
        Namespace=metric[0],
        MetricName=metric[1],
        Dimensions=[{"Name": DIMENSION, "Value": config.function_name}],
        StartTime=end - timedelta(seconds=seconds),
        EndTime=end,
        Period=60,
        Statistics=[statistic],
    )
    return sorted([(point["Timestamp"], float(point[statistic])) for point in answer["Datapoints"]])


def iterator_ages(clients: Clients, config: Config, now: float, seconds: float) -> list[tuple[datetime, float]]:
    """Return when the function read records, and how many seconds old the oldest of them was then, the newest last."""
    found = points(clients, config, (OF_LAMBDA, "IteratorAge"), "Maximum", now, seconds)
    return [(read, milliseconds / 1_000) for read, milliseconds in found]
