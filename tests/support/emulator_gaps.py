"""List what the emulators' CloudFormation does not do, and bridge these gaps for the tests.

moto 5.2.5 and ministack 1.5.33 show that the resources are created with these properties and that the zip works.
effects.py, from AWS's schemas, and fake_cloudformation.py show what CloudFormation does.
"""

import json
from types import SimpleNamespace
from typing import Any, Final

GAPS: Final = {
    "moto": {
        "AWS::CloudWatch::Alarm": "not made",
        "AWS::SNS::Subscription": "not made",
        "Fn::If with AWS::NoValue in a list": "leaves a null, so a policy is not JSON",
        "Architectures, LoggingConfig and TracingConfig of a function": "lost",
        "changed tags of the stack alone": "are no change",
        "RetainExceptOnCreate": "is not known: the log group is removed with the stack",
        "a changed log group": "is lost, and so is every look at the stack's resources",
        "a changed function_name": "fails half-way: the role of the new name is not found",
        "UpdateTerminationProtection": "not implemented; answered here",
        "events": "of the stack alone, not of its resources",
        "change sets": "say nothing of replacement",
    },
    "ministack": {
        "Metrics of an alarm": "refused; the alarm is made of its first metric alone",
        "MetricsConfig of a mapping": "lost",
        "DeploymentMode": "not taken: drift is not looked at",
        "ClientRequestToken of an update": "not in the events",
        "change sets": "whatever refers to a changed resource may be replaced",
    },
}


def bridge_gaps(cloudformation: Any) -> None:
    """Make a client answer what moto does not implement, and remove from templates what an emulator refuses."""
    is_moto = "amazonaws.com" in cloudformation.meta.endpoint_url
    given: dict[str, str] = {}

    def simplify(params: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["TemplateBody"])
        (_without_unknown_types if is_moto else _without_metric_math)(body["Resources"])
        simple = json.dumps(body, separators=(",", ":"))
        given[simple] = params["TemplateBody"]
        params["TemplateBody"] = simple

    def restore(parsed: dict[str, Any], **_: Any) -> None:
        body = json.dumps(parsed.get("TemplateBody"), separators=(",", ":"))
        if body in given:
            parsed["TemplateBody"] = json.loads(given[body])

    def protect(**_: Any) -> Any:
        return SimpleNamespace(status_code=200), {"StackId": "", "ResponseMetadata": {}}

    events = cloudformation.meta.events
    events.register("provide-client-params.cloudformation.CreateChangeSet", simplify)
    events.register("after-call.cloudformation.GetTemplate", restore)
    if is_moto:
        events.register("before-call.cloudformation.UpdateTerminationProtection", protect)


def _without_unknown_types(resources: dict[str, Any]) -> None:
    for name in [name for name, each in resources.items() if each["Type"] in GAPS["moto"]]:
        del resources[name]


def _without_metric_math(resources: dict[str, Any]) -> None:
    alarm = resources.get("TriggerFailedAlarm")
    if alarm is not None:
        metric = alarm["Properties"].pop("Metrics")[1]["MetricStat"]
        alarm["Properties"] |= {**metric["Metric"], "Statistic": metric["Stat"], "Period": metric["Period"]}
