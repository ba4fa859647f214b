"""The kinds of resource, a module each, in the order in which they are made; they are removed in the reverse.

What a later one names must be there: the policy names the stream and the secret, the function takes the role, the
mapping needs the policy, the alarms name the mapping and the topic.
"""

from lambda_deploy.resources.alarms import ALARMS, MetricAlarm
from lambda_deploy.resources.base import Resource, Site
from lambda_deploy.resources.bucket import Bucket
from lambda_deploy.resources.dashboard import Dashboard
from lambda_deploy.resources.function import Function
from lambda_deploy.resources.lifecycle import ArchiveLifecycle
from lambda_deploy.resources.log_group import LogGroup
from lambda_deploy.resources.mapping import Mapping
from lambda_deploy.resources.notice import OnFailureNotice
from lambda_deploy.resources.role import Role, RolePolicy
from lambda_deploy.resources.secret import DatabricksSecret
from lambda_deploy.resources.stream import Stream
from lambda_deploy.resources.topic import Topic


def resources(site: Site) -> list[Resource]:
    """All that a target has, in the order in which it is made."""
    return [
        Bucket(site),
        ArchiveLifecycle(site),
        Stream(site),
        DatabricksSecret(site),
        Role(site),
        RolePolicy(site),
        LogGroup(site),
        Function(site),
        Mapping(site),
        Topic(site),
        *[MetricAlarm(site, alarm) for alarm in ALARMS],
        Dashboard(site),
        OnFailureNotice(site),
    ]
