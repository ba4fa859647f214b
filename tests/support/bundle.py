"""Resolve the bundle as a target deploys it: includes, the target's settings, presets and references.

A small substitute for what Databricks' command line does with databricks.yml before it calls a workspace
(https://docs.databricks.com/aws/en/dev-tools/bundles/variables and .../deployment-modes). `WHO` replaces the answers of
the workspace.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TARGETS = ("dev", "prod")
WHO = {"userName": "tester@example.com", "short_name": "tester"}
GIVEN = {"warehouse_id": "abcdef0123456789", "alert_email": "oncall@example.com"}
PRINCIPAL = "11111111-2222-4333-8444-555555555555"

Documents = dict[str, Any]
"""Path below the root -> what the file holds."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_MERGED_BY = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}


class BundleError(Exception):
    """A bundle from which no target can be made."""


@dataclass(frozen=True)
class Bundle:
    """One target. `settings` is the whole, `files` what a deployment finds below the root, with the built wheel."""

    target: str
    settings: dict[str, Any]
    variables: dict[str, Any]
    files: frozenset[str] = field(default_factory=frozenset)

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a kind by key."""
        return dict(self.settings["resources"].get(kind, {}))

    def job(self, key: str = "flatten") -> dict[str, Any]:
        """Return a job."""
        return self.resources("jobs")[key]

    def parameters(self, job: str, task: str) -> list[str]:
        """Return the parameters that a wheel task gives its entry point."""
        found = next(each for each in self.job(job)["tasks"] if each["task_key"] == task)
        return [str(each) for each in found["python_wheel_task"]["parameters"]]


def read_documents(root: Path = ROOT, text: str | None = None) -> Documents:
    """Read databricks.yml, or `text` instead, and what it includes."""
    main = yaml.safe_load(text or (root / "databricks.yml").read_text("utf-8"))
    paths = sorted(path for pattern in main["include"] for path in root.glob(pattern))
    included = {str(path.relative_to(root)): yaml.safe_load(path.read_text("utf-8")) for path in paths}
    return {"databricks.yml": main, **included}


def load(
    target: str,
    documents: Documents | None = None,
    variables: Mapping[str, Any] | None = None,
    files: frozenset[str] = frozenset(),
    volumes: str = "/Volumes",
    who: Mapping[str, str] = WHO,
) -> Bundle:
    """Return a target of the bundle, for the user `who`.

    `variables` override, as BUNDLE_VAR_<name> does; `volumes` is the root folder of the volumes.

    Raises BundleError for an unknown target, a variable without a value, and a reference to nothing.
    """
    documents = copy.deepcopy(documents or read_documents())
    main = documents["databricks.yml"]
    if target not in main["targets"]:
        raise BundleError(f"no such target: {target}")
    whole: dict[str, Any] = {}
    for document in documents.values():
        whole = _merged(whole, document)
    whole = _merged(whole, {key: value for key, value in main["targets"][target].items() if key != "variables"})
    given = _variables(whole, main["targets"][target].get("variables") or {}, variables or {})
    _preset(whole, who["short_name"])
    resolver = _Resolver(target, whole, given, volumes, who)
    settings = resolver.resolved({key: value for key, value in whole.items() if key not in ("targets", "variables")})
    return Bundle(target, settings, {name: resolver.resolved(value) for name, value in given.items()}, files)


def given_for(target: str) -> dict[str, str]:
    """Return values for the variables that have none in the files, for this target."""
    return GIVEN if target == "dev" else GIVEN | {"service_principal": PRINCIPAL, "operators": "telemetry-operators"}


def _merged(base: Any, over: Any, key: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {
            name: _merged(base[name], value, name) if name in base else value for name, value in over.items()
        }
    if isinstance(base, list) and isinstance(over, list):
        return _merged_lists(base, over, _MERGED_BY.get(key))
    return over


def _merged_lists(base: list[Any], over: list[Any], by: str | None) -> list[Any]:
    if by is None:
        return [*base, *over]
    later = {each.get(by): each for each in over}
    known = {each.get(by) for each in base}
    changed = [_merged(each, later[each.get(by)]) if each.get(by) in later else each for each in base]
    return changed + [each for each in over if each.get(by) not in known]


def _variables(whole: dict[str, Any], of_target: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = whole.get("variables") or {}
    unknown = sorted({*of_target, *given} - declared.keys())
    if unknown:
        raise BundleError(f"variables that are not defined: {', '.join(unknown)}")
    values = {name: each["default"] for name, each in declared.items() if "default" in each} | of_target | dict(given)
    missing = sorted(declared.keys() - values.keys())
    if missing:
        raise BundleError(f"no value assigned to required variables: {', '.join(missing)}")
    return values


def _preset(whole: dict[str, Any], short_name: str) -> None:
    """Apply what mode development does to schemas, jobs and their triggers."""
    if whole.get("mode") != "development":
        return
    for schema in whole["resources"]["schemas"].values():
        schema["name"] = f"dev_{short_name}_{schema['name']}"
    for job in whole["resources"]["jobs"].values():
        job["name"] = f"[dev {short_name}] {job['name']}"
        job.setdefault("max_concurrent_runs", 4)


class _Resolver:
    def __init__(
        self, target: str, whole: dict[str, Any], variables: dict[str, Any], volumes: str, who: Mapping[str, str]
    ) -> None:
        self._whole = whole | {"bundle": {**whole["bundle"], "target": target}}
        self._variables = variables
        self._volumes = volumes
        self._who = who

    def resolved(self, value: Any, seen: tuple[str, ...] = ()) -> Any:
        """Return a value with its references replaced; a value that is one reference keeps its type."""
        if isinstance(value, dict):
            return {name: self.resolved(each, seen) for name, each in value.items()}
        if isinstance(value, list):
            return [self.resolved(each, seen) for each in value]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._found(whole[1], seen)
        return _REFERENCE.sub(lambda met: str(self._found(met[1], seen)), value)

    def _found(self, reference: str, seen: tuple[str, ...]) -> Any:
        if reference in seen:
            raise BundleError(f"${{{reference}}} refers to itself")
        seen = (*seen, reference)
        head, *parts = reference.split(".")
        if head == "var":
            return self.resolved(self._at(self._variables, parts, reference), seen)
        if reference.startswith("workspace.current_user."):
            return self._at(self._who, parts[1:], reference)
        if parts[:1] == ["volumes"] and parts[2:] == ["volume_path"]:
            volume = self.resolved(self._at(self._whole, ["resources", *parts[:2]], reference), seen)
            return "/".join((self._volumes, volume["catalog_name"], volume["schema_name"], volume["name"]))
        return self.resolved(self._at(self._whole, [head, *parts], reference), seen)

    @staticmethod
    def _at(found: Any, parts: list[str], reference: str) -> Any:
        for part in parts:
            if not isinstance(found, Mapping) or part not in found:
                raise BundleError(f"${{{reference}}} refers to nothing")
            found = found[part]
        return found
