"""Simulate the endpoints of a workspace that the operations use, strictly, for the real databricks-sdk.

https://docs.databricks.com/api/workspace/introduction: what the service would refuse is refused; unused endpoints do
not exist. `refusals` has, per path, a status and a code to answer instead.
"""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

from rehearsal.databricks.server import json_answer
from rehearsal.errors import RefusedError
from rehearsal.loopback import Answer, HttpRequest, LoopbackServer

TOKEN: Final = "dapi-5ecre7"
_UPDATED: Final = {"schedule", "trigger", "continuous", "max_concurrent_runs", "queue"}
_RENAME: Final = re.compile(r"ALTER TABLE ((?:`[^`]+`\.?)+) RENAME TO ((?:`[^`]+`\.?)+)")
_SELECT: Final = re.compile(r"SELECT (.+) FROM ((?:`[^`]+`\.?)+) WHERE (.+)")

Json = dict[str, Any]


def job_settings(*options: str) -> Json:
    """Return the service's settings of a job that runs the wheel with these options every five minutes."""
    wheel = {"package_name": "flatten", "entry_point": "flatten", "parameters": ["run", *options]}
    return {
        "name": "flatten",
        "trigger": {"pause_status": "UNPAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}},
        "max_concurrent_runs": 1,
        "tasks": [{"task_key": "run", "python_wheel_task": wheel}],
    }


@dataclass
class DatabricksApi(LoopbackServer):
    """A workspace. `tables` are by full name; each has `id`, `columns` and `events`, the ids of its rows.

    `charging` is Charge_IsCharging of each of these rows, None when no event had it yet; `newest` when the newest of
    them was written and changed, in seconds since the epoch; `is_starting` whether the warehouse is starting. `runs`
    are the newest runs of the jobs, as the API has them. `on_run` does what a run of a job does, while its caller
    waits: the run has ended when it returns.
    """

    user: str = "jo.smith@example.com"
    shown: str = "Jo Smith"
    token: str = TOKEN
    jobs: dict[int, Json] = field(default_factory=dict)
    permissions: dict[int, dict[str, str]] = field(default_factory=dict)
    active: dict[int, int] = field(default_factory=dict)
    runs: dict[int, list[Json]] = field(default_factory=dict)
    charging: str | None = "true"
    is_starting: bool = False
    newest: list[str | None] = field(default_factory=lambda: [None, None])
    tables: dict[str, Json] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    on_run: Callable[[int], None] = lambda job_id: None
    skipped: int = 0
    asked: list[str] = field(default_factory=list)
    patience_seconds: int = 2

    def __post_init__(self) -> None:
        self._lock = RLock()
        super().__init__(self._respond)

    def client(self, host: str = "") -> WorkspaceClient:
        """Return a client of the real SDK, for any host."""
        return WorkspaceClient(config=Config(host=self.url, token=TOKEN, retry_timeout_seconds=self.patience_seconds))

    def _respond(self, request: HttpRequest) -> Answer:
        path = urlsplit(request.target).path
        try:
            with self._lock:
                self.asked.append(f"{request.method} {path}")
                body = self._answer(path, request)
            return json_answer(200, body)
        except RefusedError as error:
            return json_answer(error.status, {"error_code": error.code, "message": str(error)})

    def _answer(self, path: str, request: HttpRequest) -> object:
        if path == "/.well-known/databricks-config":
            return {"oidc_endpoint": f"{self.url}/oidc", "account_id": "", "workspace_id": ""}
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "UNAUTHENTICATED", "the token is unknown or has expired")
        if path in self.refusals:
            raise RefusedError(*self.refusals[path], "refused")
        query = dict(parse_qsl(urlsplit(request.target).query))
        match (request.method, path):
            case ("GET", "/api/2.0/preview/scim/v2/Me"):
                return {"userName": self.user, "displayName": self.shown}
            case ("GET", "/api/2.2/jobs/list"):
                named = {number: job for number, job in self.jobs.items() if _same(job["name"], query["name"])}
                return {
                    "jobs": [{"job_id": number, "settings": {"name": job["name"]}} for number, job in named.items()]
                }
            case ("GET", "/api/2.2/jobs/get"):
                return {"job_id": int(query["job_id"]), "settings": self._job(int(query["job_id"]))}
            case ("POST", "/api/2.2/jobs/update"):
                return self._update(json.loads(request.body))
            case ("POST", "/api/2.2/jobs/run-now"):
                return self._run_now(json.loads(request.body)["job_id"])
            case ("GET", "/api/2.2/jobs/runs/list"):
                count = self.active.get(int(query["job_id"]), 0)
                listed = self.runs.get(int(query["job_id"]), [])
                return {"runs": [{"run_id": number} for number in range(count)] or listed}
            case ("POST", "/api/2.0/sql/statements"):
                return self._sql(json.loads(request.body))
        if path.startswith("/api/2.0/permissions/jobs/"):
            return self._permissions(int(path.rpartition("/")[2]))
        if path.startswith("/api/2.1/unity-catalog/tables/"):
            return self._table(path.rpartition("/")[2])
        raise RefusedError(404, "ENDPOINT_NOT_FOUND", f"no API found for {request.method} {path}")

    def _job(self, number: int) -> Json:
        if number not in self.jobs:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", f"Job {number} does not exist.")
        return copy.deepcopy(self.jobs[number])

    def _update(self, body: Json) -> object:
        job, changes = self._job(body["job_id"]), body["new_settings"]
        starts = {"schedule", "trigger", "continuous"} & (job.keys() | changes.keys())
        if changes.keys() - _UPDATED or len(starts) > 1:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", f"cannot set {sorted(changes)}")
        self.jobs[body["job_id"]] = {**job, **changes}
        return {}

    def _run_now(self, number: int) -> object:
        if self._job(number).get("max_concurrent_runs", 1) == 0:
            self.skipped += 1
        else:
            self.on_run(number)
        return {"run_id": 1, "number_in_job": 1}

    def _permissions(self, number: int) -> object:
        entries = [
            {"service_principal_name": who, "all_permissions": [{"permission_level": level}]}
            for who, level in self.permissions.get(number, {}).items()
        ]
        return {"access_control_list": [*entries, {"user_name": self.user, "all_permissions": []}]}

    def _table(self, name: str) -> object:
        if name not in self.tables:
            raise RefusedError(404, "TABLE_DOES_NOT_EXIST", f"Table '{name}' does not exist.")
        table = self.tables[name]
        return {"full_name": name, "table_id": table["id"], "columns": [{"name": one} for one in table["columns"]]}

    def _sql(self, body: Json) -> object:
        if self.is_starting:
            return {"statement_id": "s", "status": {"state": "PENDING"}}
        rename, select = _RENAME.fullmatch(body["statement"]), _SELECT.fullmatch(body["statement"])
        try:
            if rename is not None:
                self._rename(_plain(rename[1]), _plain(rename[2]))
                return {"statement_id": "s", "status": {"state": "SUCCEEDED"}}
            if select is not None:
                rows = self._selected(select[1], select[2], select[3], body.get("parameters", []))
                return {"statement_id": "s", "status": {"state": "SUCCEEDED"}, "result": {"data_array": rows}}
        except KeyError as error:
            message = f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {error} cannot be found."
            if self.charging is None:
                message = (
                    "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `Charge_IsCharging` cannot be resolved."
                )
            return {"statement_id": "s", "status": {"state": "FAILED", "error": {"message": message}}}
        raise RefusedError(400, "BAD_REQUEST", f"cannot run {body['statement']}")

    def _selected(self, columns: str, table: str, where: str, parameters: list[Json]) -> list[list[str | None]]:
        events = self.tables[_plain(table)]["events"]
        match (columns, where):
            case ("cast(Charge_IsCharging AS STRING)", "event_id = :event_id"):
                [parameter] = parameters
                if self.charging is None:
                    raise KeyError(columns)
                return [[self.charging]] if parameter["value"] in events else []
            case ("unix_seconds(max(pipeline_processed_at)), unix_seconds(max(changed_at))", _):
                return [self.newest]
        raise RefusedError(400, "BAD_REQUEST", f"cannot select {columns} where {where}")

    def _rename(self, name: str, new_name: str) -> None:
        if new_name in self.tables:
            raise KeyError(f"the free name {new_name}")
        self.tables[new_name] = self.tables.pop(name)


def _plain(name: str) -> str:
    return name.replace("`", "")


def _same(name: str, asked: str) -> bool:
    # Like the service's filter.
    return name.lower() == asked.lower()
