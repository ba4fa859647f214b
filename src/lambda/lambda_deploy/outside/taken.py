"""Check that the names of new resources are free, because CloudFormation finds a conflict only half-way.

Only a log group may exist: every earlier version of the function made it, and the stack adopts it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from lambda_deploy.aws import Clients, found
from lambda_deploy.errors import UnfitError
from lambda_deploy.explain import explained


def _role(clients: Clients, name: str, _: str) -> bool:
    return found(clients("iam").get_role, RoleName=name) is not None


def _function(clients: Clients, name: str, _: str) -> bool:
    return found(clients("lambda").get_function_configuration, FunctionName=name) is not None


def _topic(clients: Clients, name: str, arn: str) -> bool:
    return found(clients("sns").get_topic_attributes, TopicArn=f"{arn.replace('SERVICE', 'sns')}:{name}") is not None


def _alarm(clients: Clients, name: str, _: str) -> bool:
    return bool(clients("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])


def _dashboard(clients: Clients, name: str, _: str) -> bool:
    return found(clients("cloudwatch").get_dashboard, DashboardName=name) is not None


_LOOK_UPS: Final[Mapping[str, tuple[str, str, Callable[[Clients, str, str], bool]]]] = {
    "AWS::IAM::Role": ("role", "RoleName", _role),
    "AWS::Lambda::Function": ("function", "FunctionName", _function),
    "AWS::SNS::Topic": ("topic", "TopicName", _topic),
    "AWS::CloudWatch::Alarm": ("alarm", "AlarmName", _alarm),
    "AWS::CloudWatch::Dashboard": ("dashboard", "DashboardName", _dashboard),
}
Resources = Mapping[str, dict[str, Any]]


def check_names(clients: Clients, old: Resources, new: Resources, arn: str) -> None:
    """Raise UnfitError for names of new resources that exist in the account.

    `arn` is the beginning of ARNs in this region, with SERVICE instead of the service.
    """
    ours, taken = _names(old), []
    for kind, name in sorted(_names(new) - ours):
        what, _, exists = _LOOK_UPS[kind]
        with explained(f"checking the {what} {name}"):
            if exists(clients, name, arn):
                taken.append(f"the {what} {name!r}")
    if taken:
        verb, them = ("exists", "it") if len(taken) == 1 else ("exist", "them")
        raise UnfitError(
            f"{', '.join(taken)} already {verb} and not in this stack: set another function_name, or remove {them} "
            "first (an earlier version of this function: stream-lambda migrate)"
        )


def _names(resources: Resources) -> set[tuple[str, str]]:
    found_names = set()
    for resource in resources.values():
        if resource["Type"] in _LOOK_UPS:
            found_names.add((resource["Type"], resource["Properties"][_LOOK_UPS[resource["Type"]][1]]))
    return found_names
