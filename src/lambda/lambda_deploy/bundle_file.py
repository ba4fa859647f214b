"""Read databricks.yml as far as the Lambda needs it: the values of its variables for one target.

The order of priority is the bundle's (https://docs.databricks.com/aws/en/dev-tools/bundles/variables):
BUNDLE_VAR_<name>, then .databricks/bundle/<target>/variable-overrides.json, then the target, then the default.
`${var.x}` and `${bundle.target}` are resolved. Any other reference would need a workspace.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from lambda_deploy.errors import ConfigError
from lambda_deploy.texts import cut, one_line

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")


class BundleFile:
    """One target of a bundle."""

    def __init__(self, path: Path, target: str | None, environment: Mapping[str, str]) -> None:
        """Read the files. Raises ConfigError when one of them is not part of a bundle, or has no such target."""
        self.path = path
        self._content = _yaml(path)
        self._environment = environment
        targets = _mapping(self._content, "targets", path)
        self.target = _chosen(targets, target, path)
        self._of_target = _mapping(targets, self.target, path)
        self._declared = _mapping(self._content, "variables", path)
        self._overrides = self._read_overrides()

    @property
    def is_development(self) -> bool:
        """Return whether the bundle prefixes the names of this target's jobs with the user's."""
        return self._of_target.get("mode") == "development"

    def declares(self, name: str) -> bool:
        """Return whether the file has such a variable."""
        return name in self._declared

    def value(self, name: str) -> Any:
        """Return the value of a variable with all references resolved; None when it has no value."""
        return self._resolved(self.raw(name), f"the variable {name}", (name,))

    def raw(self, name: str) -> Any:
        """Return the value of a variable as written.

        Raises ConfigError for a variable that the file does not declare.
        """
        if name not in self._declared:
            raise ConfigError(f"{self.path} declares no variable {name!r}: add it under `variables`")
        declared = self._declared[name]
        plain = not isinstance(declared, dict) or declared.get("type") != "complex"
        if plain and f"BUNDLE_VAR_{name}" in self._environment:
            return self._environment[f"BUNDLE_VAR_{name}"]
        if name in self._overrides:
            return self._overrides[name]
        of_target = self._of_target.get("variables") or {}
        if isinstance(of_target, dict) and name in of_target:
            return _default(of_target[name], plain=plain)
        return _default(declared, plain=plain)

    def setting(self, *path: str) -> Any:
        """Return the setting at a path such as ("workspace", "host"), of the target, else of the file, or None."""
        of_target = _at(self._of_target, path)
        found = of_target if of_target is not None else _at(self._content, path)
        return self._resolved(found, ".".join(path), ())

    def job_name(self, key: str) -> str | None:
        """Return the name of a job of the bundle without any prefix; None when no file has such a job."""
        path = ("resources", "jobs", key, "name")
        for content in (self._of_target, self._content, *self._included()):
            found = _at(content, path)
            if isinstance(found, str):
                return str(self._resolved(found, ".".join(path), ()))
        return None

    def _included(self) -> Iterator[Any]:
        patterns = self._content.get("include") or []
        for pattern in patterns if isinstance(patterns, list) else []:
            try:
                found = sorted(self.path.parent.glob(str(pattern)))
            except (ValueError, NotImplementedError) as error:
                raise ConfigError(f"{self.path}: `include` has {shown(pattern)}, expected a pattern of files") from (
                    error
                )
            for path in found:
                yield _yaml(path)

    def _read_overrides(self) -> dict[str, Any]:
        path = self.path.parent / ".databricks" / "bundle" / self.target / "variable-overrides.json"
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise ConfigError(f"{path} is not a JSON object of variables")
        return found

    def _resolved(self, value: Any, what: str, within: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self._resolved(inner, what, within) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._resolved(inner, what, within) for inner in value]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._referred(whole[1], what, within)
        return _REFERENCE.sub(lambda found: str(self._referred(found[1], what, within)), value)

    def _referred(self, reference: str, what: str, within: tuple[str, ...]) -> Any:
        if reference == "bundle.target":
            return self.target
        kind, _, name = reference.partition(".")
        if kind != "var" or not name:
            raise ConfigError(
                f"{self.path}: {what} has {shown('${' + reference + '}')}, which only the Databricks CLI can resolve: "
                "use ${var.x} or ${bundle.target}, or give the value by BUNDLE_VAR_<name>"
            )
        if name in within:
            raise ConfigError(f"{self.path}: {what} refers to itself through ${{var.{name}}}")
        return self._resolved(self.raw(name), what, (*within, name))


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{str(path)!r} cannot be read: {error.strerror}: run this in the "
            "folder of databricks.yml, or give its path as --bundle"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{str(path)!r} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except yaml.MarkedYAMLError as error:  # its text quotes the line, which may be a secret
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{str(path)!r} is not YAML: {line}{one_line(error.problem)}") from error
    except Exception as error:  # PyYAML lets Python's own pass: the 40th of May, `!!int ""` or so
        raise ConfigError(f"{str(path)!r} is not YAML: {one_line(error) or type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{str(path)!r} is not a bundle: expected `bundle`, `variables` and `targets` at its top")
    return found


def _mapping(content: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    found = content.get(key)
    if found is None:
        found = {}
    if not isinstance(found, dict):
        raise ConfigError(f"{str(path)!r}: {shown(key)} holds {shown(found)}, expected names with values below")
    return found


def _chosen(targets: Mapping[str, Any], target: str | None, path: Path) -> str:
    names = ", ".join([str(name) for name in targets]) or "none"
    if target is not None:
        if target not in targets:
            raise ConfigError(f"{str(path)!r} has no target {shown(target)}; it has: {names}")
        return target
    defaults = [name for name, found in targets.items() if isinstance(found, dict) and found.get("default") is True]
    if len(defaults) != 1 and len(targets) != 1:
        raise ConfigError(f"{str(path)!r} has no default target: name a target with --target ({names})")
    return str((defaults or list(targets))[0])


def _default(declared: Any, *, plain: bool) -> Any:
    """Return the value of a declaration or an override, which may be given directly or under `default`."""
    if isinstance(declared, dict) and ("default" in declared or plain):
        return declared.get("default")
    return declared


def _at(content: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def shown(value: object) -> str:
    """Return a value for an error message: quoted, and shortened when it is long."""
    return cut(repr(value), 80)
