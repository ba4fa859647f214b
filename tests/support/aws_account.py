"""An AWS account for deployments: moto in this process or an emulator, with a table and a bundle."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import yaml
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from moto import mock_aws

from lambda_deploy.build import packed
from lambda_deploy.cli import run
from lambda_deploy.config import Config
from lambda_deploy.console import Tools
from lambda_deploy.outside.secret import secret_from, set_secret
from lambda_deploy.stack import deploy
from lambda_deploy.stack.deploy import Options
from lambda_deploy.stack.plan import Plan
from lambda_deploy.stack.site import Site, site_of
from lambda_deploy.wait import Wait
from support.clock import Clock
from support.emulator_gaps import bridge_gaps

REGION = "eu-west-1"
TABLE = "chargeminder-car-telemetry"
FUNCTION = "chargeminder-unified-processor"
BUCKET = "chargeminder-telemetry-raw"
HOST = "https://dbc-0a1b2c3d.cloud.databricks.com"
JOB = 620135
UUID = "7949dfe6-4350-45b2-a87f-ccdffaae6393"
# moto checks signatures for S3 only, and making them takes a tenth of the time of the tests.
_MOTO = ClientConfig(retries={"total_max_attempts": 1})
# The zip is the same each time, and takes as long as the rest of a plan.
pack_once = cache(packed)
SECRET = '{"client_id": "client-1", "client_secret": "dose-5ecre7"}'
CODE = b"PK\x05\x06" + bytes(18)

VARIABLES: dict[str, Any] = {
    "catalog": "main",
    "schema": "telemetry",
    "table": "car_telemetry_flattened",
    "warehouse_id": "",
    "bucket": BUCKET,
    "landing_prefix": "telemetry/",
    "archive_prefix": "telemetry-archive/",
    "quarantine_prefix": "telemetry-quarantine/",
    "developer": "shared",
    "dynamodb_table": TABLE,
    "aws_region": REGION,
    "function_name": FUNCTION,
    "batch_size": 1000,
    "batching_window_seconds": 5,
    "lambda_memory_mb": 512,
    "lambda_timeout_seconds": 60,
    "max_record_age_seconds": 82_800,
    "max_retries": -1,
    "log_retention_days": 30,
    "alert_email": "",
    "start": {"periodic": {"interval": 5, "unit": "MINUTES"}},
    "lambda_starts_job": False,
    "lambda_client_id": "",
    "kms_key_id": "",
    "ttl_attribute": "",
    "discovery": "listing",
    "tracing": False,
    "tags": {},
    "permissions_boundary": "",
    "role_arn": "",
    "cloudformation_role_arn": "",
    "subnet_ids": [],
    "security_group_ids": [],
}
# Settings that add a resource to a target.
EVERYTHING: dict[str, Any] = {
    "alert_email": "alerts@example.com",
    "lambda_starts_job": True,
}
OF_DEV = {
    "landing_prefix": "${var.developer}/telemetry/",
    "archive_prefix": "${var.developer}/telemetry-archive/",
    "quarantine_prefix": "${var.developer}/telemetry-quarantine/",
    "function_name": FUNCTION + "-${var.developer}",
}


def write_bundle(folder: Path, **variables: Any) -> Path:
    """Write a bundle with targets dev and prod (the default) and a job, and these values as defaults."""
    values = {**VARIABLES, **variables}
    declared = {name: {"default": value} for name, value in values.items()}
    for name in ("start", "tags", "subnet_ids", "security_group_ids"):
        declared[name]["type"] = "complex"
    content = {
        "bundle": {"name": "chargeminder-telemetry", "uuid": UUID},
        "include": ["resources/*.yml"],
        "variables": declared,
        "targets": {
            "dev": {"mode": "development", "variables": OF_DEV},
            "prod": {"mode": "production", "default": True, "workspace": {"host": HOST}},
        },
    }
    (folder / "resources").mkdir(exist_ok=True)
    (folder / "resources/flatten.job.yml").write_text(
        yaml.safe_dump({"resources": {"jobs": {"flatten": {"name": "flatten"}}}})
    )
    path = folder / "databricks.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def job(name: str = "flatten", job_id: int = JOB, **settings: Any) -> Any:
    """Return a job as databricks-sdk lists it; its schedule is on."""
    none = {"schedule": None, "trigger": SimpleNamespace(pause_status="PauseStatus.UNPAUSED"), "continuous": None}
    return SimpleNamespace(job_id=job_id, settings=SimpleNamespace(name=name, **{**none, **settings}))


def workspaces(*jobs: Any, user: str = "jo.smith@example.com", shown: str = "") -> Callable[[str], Any]:
    """Return workspaces with these jobs. Like the real filter, theirs ignores case."""

    def listed(name: str) -> list[Any]:
        return [each for each in jobs if each.settings.name.lower() == name.lower()]

    me = SimpleNamespace(user_name=user, display_name=shown)
    by_id = {each.job_id: each for each in jobs}
    return lambda host: SimpleNamespace(
        jobs=SimpleNamespace(list=listed, get=by_id.__getitem__), current_user=SimpleNamespace(me=lambda: me)
    )


class Moments(Clock):
    """A clock for an emulator that needs time to make a function: its seconds are a hundredth as long."""

    def sleep(self, seconds: float) -> None:
        """Wait a little."""
        super().sleep(seconds)
        time.sleep(seconds / 100)


@dataclass
class Account:
    """An account and a bundle to deploy. `calls` has the calls of AWS: service.Operation."""

    clients: Callable[[str], Any]
    folder: Path
    calls: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    said: list[str] = field(default_factory=list)
    workspaces: Callable[[str], Any] = field(default_factory=lambda: workspaces(job()))

    def create_table(self, view_type: str | None = None, key: str = "event_id", kms_key: str = "") -> None:
        """Create the table, with or without a stream, encrypted with a customer-managed key if one is given."""
        stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view_type}} if view_type else {}
        self.clients("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **stream,
            **({"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": kms_key}} if kms_key else {}),
        )

    def config(self, target: str | None = None, **variables: Any) -> Config:
        """Return a target of a bundle with these values."""
        return Config.read(write_bundle(self.folder, **variables), target, {"DATABRICKS_HOST": HOST})

    def site(self, config: Config) -> Site:
        """Return where it is deployed."""
        return site_of(config, self.clients, Wait(self.clock, self.clock.sleep, self.said.append))

    def deploy(self, config: Config, secret: str = SECRET) -> Plan:
        """Deploy a target, with its secret if it needs one, and return the plan."""
        if config.needs_secret:
            set_secret(config, self.clients, secret_from(secret))
        self.clock.now += 1
        site, options = self.site(config), Options(CODE, lambda: JOB, create_bucket=True)
        stack = site.cloudformation.read()
        deploy.prepare(site, deploy.look(site, stack, options), self.said.append)
        made = deploy.plan_of(site, stack, deploy.look(site, stack, options), options)
        if not made.is_empty:
            deploy.store(site, stack, made)
            deploy.execute(site, stack, made, self.said.append)
        return made

    def destroy(self, config: Config) -> None:
        """Remove what was deployed."""
        site = self.site(config)
        deploy.destroy(site, site.cloudformation.read(), self.said.append)

    def tools(self, **environment: str) -> Tools:
        """Return the external clients of the commands."""
        return Tools(
            {"DATABRICKS_HOST": HOST, **environment},
            lambda region: self.clients,
            self.workspaces,
            self.clock,
            self.clock.sleep,
            pack=pack_once,
        )

    def run(self, command: str, *arguments: str, **variables: Any) -> int:
        """Run a command for a bundle with these values."""
        path = write_bundle(self.folder, **variables)
        self.clock.now += 1
        return run([command, "--bundle", str(path), *arguments], self.tools())


def make_clients(make: Callable[[str], Any], calls: list[str]) -> Callable[[str], Any]:
    """Return clients that record their calls."""

    @cache
    def client(service: str) -> Any:
        made = make(service)
        made.meta.events.register("before-call", lambda model, **_: calls.append(f"{service}.{model.name}"))
        if service == "cloudformation":
            bridge_gaps(made)
        return made

    return client


@cache
def session() -> boto3.Session:
    """Return one session for all: it caches the service models."""
    return boto3.Session("AKIAEXAMPLE", "made-up", region_name=REGION)


@contextmanager
def moto_clients(calls: list[str]) -> Iterator[Callable[[str], Any]]:
    """Yield clients that moto answers within `mock_aws`."""
    with ExitStack() as opened:

        def make(service: str) -> Any:
            config = _MOTO if service == "s3" else _MOTO.merge(ClientConfig(signature_version=UNSIGNED))
            client: Any = session().client(service, config=config)  # type: ignore[call-overload] # its name is a parameter
            opened.callback(client.close)
            return client

        yield make_clients(make, calls)


@contextmanager
def moto_account(folder: Path) -> Iterator[Account]:
    """Yield an empty moto account in this process."""
    calls: list[str] = []
    with mock_aws(config={"lambda": {"use_docker": False}}), moto_clients(calls) as clients:
        yield Account(clients, folder, calls)
