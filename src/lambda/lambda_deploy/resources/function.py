"""The function: the zip and how it runs."""

from base64 import b64encode
from hashlib import sha256
from typing import Any, Final

from lambda_deploy.aws import found
from lambda_deploy.errors import AwsError, NotReadyError
from lambda_deploy.resources.base import Resource, State, our_tags

RUNTIME: Final = "python3.13"
HANDLER: Final = "stream_to_s3.handler.handler"
_SETTINGS: Final = (
    "Description",
    "Handler",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
)
_OURS: Final = (
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_HOST",
    "DATABRICKS_JOB_ID",
    "DATABRICKS_SECRET_ID",
    "KMS_KEY_ID",
    "QUARANTINE_PREFIX",
    "TELEMETRY_BUCKET",
    "TELEMETRY_PREFIX",
)


class Function(Resource):
    """All settings that we choose. Those of a VPC, for one, are left alone."""

    kind = "function"

    @property
    def name(self) -> str:
        """As databricks.yml says."""
        return self.config.function_name

    def read(self) -> State | None:
        """As GetFunction tells it."""
        answer = found(self.client("lambda").get_function, FunctionName=self.name)
        if answer is None:
            return None
        settings = answer["Configuration"]
        variables = settings.get("Environment", {}).get("Variables", {})
        return {
            **{name: settings.get(name, "") for name in _SETTINGS},
            "architecture": settings.get("Architectures", ["x86_64"])[0],
            "code": settings["CodeSha256"],
            "dead_letter_target": settings.get("DeadLetterConfig", {}).get("TargetArn", ""),
            "environment": {name: _shown(name, value) for name, value in variables.items()},
            "ephemeral_storage_mb": settings.get("EphemeralStorage", {}).get("Size", 512),
            "layers": [layer["Arn"] for layer in settings.get("Layers", [])],
            "log_format": settings.get("LoggingConfig", {}).get("LogFormat", "Text"),
            "log_group": settings.get("LoggingConfig", {}).get("LogGroup", self.config.log_group),
            "tracing": settings.get("TracingConfig", {}).get("Mode", "PassThrough"),
            "tags": our_tags(answer.get("Tags", {})),
        }

    def desired(self, current: State | None) -> State:
        """Log lines are JSON already, so the format is Text: Lambda would wrap them, and metrics with them."""
        return {
            "Description": f"{self.config.dynamodb_table} to s3://{self.config.bucket}/{self.config.landing_prefix}"[
                :256
            ],
            "Handler": HANDLER,
            "MemorySize": self.config.memory_mb,
            "Role": self.facts.role_arn,
            "Runtime": RUNTIME,
            "Timeout": self.config.timeout_seconds,
            "architecture": "arm64",
            "code": b64encode(sha256(self.site.code).digest()).decode(),
            # It does nothing for streams; the mapping has an on-failure destination instead.
            "dead_letter_target": "",
            "environment": self.config.function_environment(self.facts.job_id),
            "ephemeral_storage_mb": 512,
            "layers": [],
            "log_format": "Text",
            "log_group": self.config.log_group,
            "tracing": "Active",
            "tags": self.site.tags,
        }

    def create(self, desired: State) -> None:
        """One call. Refused for some seconds after the role was made."""
        self.client("lambda").create_function(
            FunctionName=self.name,
            Code={"ZipFile": self.site.code},
            Architectures=[desired["architecture"]],
            PackageType="Zip",
            Tags=desired["tags"],
            **_configuration(desired),
        )

    def update(self, current: State, desired: State) -> None:
        """Settings, then code: never both at once, which Lambda refuses."""
        client = self.client("lambda")
        if _configuration(current) != _configuration(desired):
            client.update_function_configuration(FunctionName=self.name, **_configuration(desired))
            self.site.wait.until(self.check_ready, f"the function {self.name}")
        if any(current[name] != desired[name] for name in ("code", "architecture")):
            client.update_function_code(
                FunctionName=self.name, ZipFile=self.site.code, Architectures=[desired["architecture"]]
            )
        if current["tags"] != desired["tags"]:
            client.tag_resource(Resource=self._arn, Tags=desired["tags"])

    def delete(self) -> None:
        """After its mapping."""
        found(self.client("lambda").delete_function, FunctionName=self.name)

    def check_ready(self) -> None:
        """Until it is active and its last update is through. Raises AwsError when either has failed."""
        settings = self.client("lambda").get_function_configuration(FunctionName=self.name)
        state, update = settings.get("State", "Active"), settings.get("LastUpdateStatus", "Successful")
        if "Failed" in (state, update):
            reason = settings.get("StateReason") or settings.get("LastUpdateStatusReason") or "AWS gives no reason"
            raise AwsError(f"the function {self.name} could not be made ready: {reason}")
        if state == "Pending" or update == "InProgress":
            raise NotReadyError(f"the function {self.name} is {state}, its update {update}")

    @property
    def _arn(self) -> str:
        return self.facts.arn("lambda", f"function:{self.name}")


def _shown(name: str, value: str) -> str:
    """A variable that is not ours may hold a secret, and plans are printed."""
    return value if name in _OURS else "(hidden)"


def _configuration(state: State) -> dict[str, Any]:
    """The settings as Lambda takes them."""
    return {
        **{name: state[name] for name in _SETTINGS},
        "DeadLetterConfig": {"TargetArn": state["dead_letter_target"]},
        "Environment": {"Variables": state["environment"]},
        "EphemeralStorage": {"Size": state["ephemeral_storage_mb"]},
        "Layers": state["layers"],
        "LoggingConfig": {"LogFormat": state["log_format"], "LogGroup": state["log_group"]},
        "TracingConfig": {"Mode": state["tracing"]},
    }
