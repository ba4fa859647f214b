"""The CloudWatch dashboard: the path of the events on one page.

Structure: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from typing import Any, Final

from lambda_deploy.config import Config
from stream_to_s3.metrics import NAMESPACE

_WIDTH: Final = 12
_HEIGHT: Final = 6
_LAMBDA: Final = "AWS/Lambda"
_Metric = tuple[str, str, str, str]


def dashboard_body(config: Config) -> dict[str, Any]:
    """Return the dashboard's body; CloudFormation replaces `${Mapping}` by the id of the mapping."""
    graphs = _graphs(config)
    for number, graph in enumerate(graphs):
        graph |= {"x": number % 2 * _WIDTH, "y": 2 + number // 2 * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
    return {"widgets": [_head(config), *graphs]}


def _head(config: Config) -> dict[str, Any]:
    text = (
        f"# {config.function_name}\n{config.bundle_name}, target {config.target}: {config.dynamodb_table} to "
        f"s3://{config.bucket}/{config.landing_prefix}. Each alarm has a section in docs/troubleshooting.md."
    )
    place = {"x": 0, "y": 0, "width": 2 * _WIDTH, "height": 2}
    return {"type": "text", **place, "properties": {"markdown": text}}


def _graphs(config: Config) -> list[dict[str, Any]]:
    def ours(metric: str) -> _Metric:
        return (NAMESPACE, metric, "FunctionName", config.function_name)

    def of_function(metric: str) -> _Metric:
        return (_LAMBDA, metric, "FunctionName", config.function_name)

    def of_mapping(metric: str) -> _Metric:
        return (_LAMBDA, metric, "EventSourceMappingUUID", "${Mapping}")

    lost = ("OnFailureDestinationDeliveredEventCount", "DroppedEventCount")
    graphs = [
        _graph(config, "Events read", "Sum", [of_mapping("PolledEventCount")]),
        _graph(config, "Age of the last event, milliseconds", "Maximum", [of_function("IteratorAge")]),
        _graph(config, "Failures", "Sum", [*map(of_function, ("Errors", "Throttles")), ours("EventsQuarantined")]),
        _graph(config, "Not delivered", "Sum", [of_mapping(metric) for metric in lost]),
        _graph(config, "Duration, milliseconds", "p99", [of_function("Duration")]),
    ]
    starts = [ours("TriggerStarted"), ours("TriggerFailed")]
    return [*graphs, _graph(config, "Starts of the job", "Sum", starts)] if config.lambda_starts_job else graphs


def _graph(config: Config, title: str, statistic: str, metrics: list[_Metric]) -> dict[str, Any]:
    shown = {"title": title, "region": config.region, "view": "timeSeries", "stat": statistic, "period": 300}
    return {"type": "metric", "properties": {**shown, "metrics": [list(metric) for metric in metrics]}}
