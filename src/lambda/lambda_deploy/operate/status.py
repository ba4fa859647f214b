"""Show both clouds on one screen: the state of each part, its lag, and commands for details.

A part that cannot be read is one line with the reason; the others are still shown.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import ClientError

from lambda_deploy import names
from lambda_deploy.aws import Clients
from lambda_deploy.config import Config
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.explain import explained
from lambda_deploy.lakehouse import Job, Lakehouse
from lambda_deploy.mappings import stream_mappings
from lambda_deploy.metrics import iterator_ages, points
from lambda_deploy.operate.redrive import waiting
from stream_to_s3.metrics import NAMESPACE

_SECONDS_OF_METRICS: Final = 3 * 3_600
_NOT_DEPLOYED: Final = "not deployed"


@dataclass(frozen=True)
class Row:
    """A line of the screen: its label, its text, and the time from which its lag is counted, if any."""

    label: str
    text: str
    at: datetime | None = None

    def lag(self, now: float) -> float | None:
        """Return the lag in seconds; `now` is in seconds since the epoch."""
        return None if self.at is None else round(now - self.at.timestamp(), 1)


@dataclass(frozen=True)
class Status:
    """Reads one target; each method returns one line. `lakehouse` is None without a workspace."""

    config: Config
    clients: Clients
    lakehouse: Lakehouse | None
    clock: Callable[[], float]

    def rows(self) -> list[Row]:
        """Return all lines, in the order of the data."""
        looks = {
            "stack": self.stack,
            "mapping": self.mapping,
            "newest record read": self.newest_record,
            "newest object": self.newest_object,
            "newest row": self.newest_row,
            "job": self.job,
            "trigger": self.trigger,
            "failed objects": self.failed,
            "alarms": self.alarms,
            "subscription": self.subscription,
        }
        return [self._row(label, look) for label, look in looks.items()]

    def _row(self, label: str, look: Callable[[], tuple[str, datetime | None]]) -> Row:
        try:
            with explained(f"reading the {label}"):
                return Row(label, *look())
        except LambdaDeployError as error:
            return Row(label, f"unknown: {error}")

    def stack(self) -> tuple[str, datetime | None]:
        """Return the stack's state."""
        name = names.stack_name(self.config)
        try:
            found = self.clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return f"{name} does not exist: run `stream-lambda deploy -t {self.config.target}`", None
            raise
        return f"{name}, {found['StackStatus']}", found.get("LastUpdatedTime", found["CreationTime"])

    def mapping(self) -> tuple[str, datetime | None]:
        """Return the state of the function's mapping, and of one that still reads an older stream of the table."""
        found = stream_mappings(self.clients("lambda"), FunctionName=self.config.function_name)
        said = [f"{one.state}, last result: {one.last_result or 'none yet'}" for one in found]
        return "; ".join(said) or _NOT_DEPLOYED, None

    def newest_record(self) -> tuple[str, datetime | None]:
        """Return when the newest record that the function has read was made."""
        found = iterator_ages(self.clients, self.config, self.clock(), _SECONDS_OF_METRICS)
        if not found:
            return "none in the last 3 hours", None
        read, age = found[-1]
        return f"read at {read:%H:%M} UTC, {age:,.0f} s old", read - timedelta(seconds=age)

    def newest_object(self) -> tuple[str, datetime | None]:
        """Return the newest object of today and yesterday, in landing or the archive."""
        found = [
            entry for prefix in (self.config.landing_prefix, self.config.archive_prefix) for entry in self._day(prefix)
        ]
        if not found:
            return "none today or yesterday", None
        newest = max(found, key=lambda entry: entry["LastModified"])
        return f"s3://{self.config.bucket}/{newest['Key']}", newest["LastModified"]

    def newest_row(self) -> tuple[str, datetime | None]:
        """Return when the newest row of the last day was written."""
        if self.lakehouse is None:
            return "no workspace is set", None
        [[written, changed]] = self.lakehouse.rows(
            "unix_seconds(max(pipeline_processed_at)), unix_seconds(max(changed_at))",
            "pipeline_processed_at >= current_timestamp() - INTERVAL 1 DAY",
        ) or [[None, None]]
        if written is None:
            return "none in the last day", None
        lag = f", {int(written) - int(changed):,} s after its change in DynamoDB" if changed else ""
        return f"{self.lakehouse.table()}{lag}", datetime.fromtimestamp(int(written), UTC)

    @cached_property
    def _job(self) -> Job | None:
        jobs = self.lakehouse.jobs() if self.lakehouse else ()
        return jobs[0] if jobs else None

    def job(self) -> tuple[str, datetime | None]:
        """Return the result of the job's newest run, and whether the job is paused."""
        if self.lakehouse is None:
            return "no workspace is set", None
        if self._job is None:
            return f"the job does not exist: run `databricks bundle deploy -t {self.config.target}`", None
        run = self.lakehouse.last_run(self._job.job_id)
        paused = ", paused" if self._job.paused else ""
        if run is None:
            return f"{self._job.name}{paused}, no run yet", None
        return f"{self._job.name}{paused}, newest run {run.state}", run.began

    def trigger(self) -> tuple[str, datetime | None]:
        """Return the last outcome of the function's attempts to start the job."""
        if not self.config.lambda_starts_job:
            return f"not used: the job is started by {self.config.start}", None
        moments: dict[str, datetime] = {}
        for word, name in (("started", "TriggerStarted"), ("failed", "TriggerFailed")):
            found = points(self.clients, self.config, (NAMESPACE, name), "Sum", self.clock(), _SECONDS_OF_METRICS)
            for at in [at for at, count in found if count]:
                moments[word] = at
        if not moments:
            return "neither a start nor a failure in the last 3 hours", None
        word = max(moments, key=lambda one: moments[one])
        return f"{word} last", moments[word]

    def failed(self) -> tuple[str, datetime | None]:
        """Return how many objects wait for a redrive."""
        count = len(waiting(self.clients("s3"), self.config))
        return f"{count:,} wait for `stream-lambda redrive -t {self.config.target}`" if count else "none", None

    def alarms(self) -> tuple[str, datetime | None]:
        """Return which alarms are on."""
        wanted = self._of_stack("AWS::CloudWatch::Alarm")
        if not wanted:
            return _NOT_DEPLOYED, None
        found = self.clients("cloudwatch").describe_alarms(AlarmNames=wanted, MaxRecords=100)["MetricAlarms"]
        on = sorted([one["AlarmName"] for one in found if one["StateValue"] == "ALARM"])
        return (f"ALARM: {', '.join(on)}" if on else f"none of {len(found)} is on"), None

    def subscription(self) -> tuple[str, datetime | None]:
        """Return whether an address receives the alarms."""
        topics = self._of_stack("AWS::SNS::Topic")
        if not topics:
            return _NOT_DEPLOYED, None
        pages = self.clients("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topics[0])
        found = [one for page in pages for one in page["Subscriptions"]]
        confirmed = [one["Endpoint"] for one in found if one["SubscriptionArn"].startswith("arn:")]
        if not found:
            return "no subscription: nobody receives the alarms, set alert_email", None
        return (", ".join(confirmed) or "not confirmed: nobody receives the alarms, answer the e-mail from AWS"), None

    def commands(self) -> list[str]:
        """Return commands of both clouds for details, filled in."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        function, region = self.config.function_name, self.config.region
        day = f"s3://{self.config.bucket}/{self.config.landing_prefix}{now:%Y/%m/%d}/"
        start, end = now - timedelta(seconds=_SECONDS_OF_METRICS), now
        metrics = (
            "aws cloudwatch get-metric-statistics --namespace AWS/Lambda --metric-name IteratorAge --dimensions "
            f"Name=FunctionName,Value={function} --start-time {start:%Y-%m-%dT%H:%M:%SZ} "
            f"--end-time {end:%Y-%m-%dT%H:%M:%SZ} --period 300 --statistics Maximum --region {region}"
        )
        job = "JOB_ID" if self.lakehouse is None or self._job is None else str(self._job.job_id)
        return [
            f"aws logs tail {names.log_group(self.config)} --since 10m --follow --region {region}",
            f"aws s3 ls {shlex.quote(day)} --recursive --region {region}",
            metrics,
            f"aws cloudformation describe-stack-events --stack-name {names.stack_name(self.config)} --region {region}",
            f"databricks jobs list-runs --job-id {job} --limit 5",
        ]

    def _of_stack(self, kind: str) -> list[str]:
        """Return the physical names of the stack's resources of a type; none without a stack."""
        try:
            pages = list(
                self.clients("cloudformation")
                .get_paginator("list_stack_resources")
                .paginate(StackName=names.stack_name(self.config))
            )
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        found = [one for page in pages for one in page["StackResourceSummaries"] if one["ResourceType"] == kind]
        return [one["PhysicalResourceId"] for one in found if "PhysicalResourceId" in one]

    def _day(self, prefix: str) -> list[Any]:
        """Return the objects of the newest hour of today, or else of yesterday, below a prefix."""
        s3, now = self.clients("s3"), datetime.fromtimestamp(self.clock(), UTC)
        for day in (now, now - timedelta(days=1)):
            listed = s3.list_objects_v2(Bucket=self.config.bucket, Prefix=f"{prefix}{day:%Y/%m/%d}/", Delimiter="/")
            hours = [one["Prefix"] for one in listed.get("CommonPrefixes", [])]
            if hours:
                pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.config.bucket, Prefix=max(hours))
                return [entry for page in pages for entry in page.get("Contents", [])]
        return []
