"""Find values in databricks.yml that the Databricks CLI accepts (also with --strict) and that fail later.

An unknown discovery, an invalid number, a warehouse id whose leading zero YAML removed: each passes the CLI's
validation, and fails, or is ignored, only where it is used. `Config.read` checks what the Lambda needs.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from lambda_deploy.bundle_file import BundleFile, shown
from lambda_deploy.errors import ConfigError

# The minimum of each number.
_NUMBERS: Final[Mapping[str, int]] = {"max_files": 1, "lookback_days": 0, "freshness_minutes": 1}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "discovery": ("listing", "file-events"),
    "compaction": ("--compact", "--no-compact"),
}
_WAREHOUSE: Final = "warehouse_id"
_is_whole = re.compile(r"[0-9]{1,9}").fullmatch
_is_warehouse = re.compile(r"[0-9a-f]{16}").fullmatch


def read_variables(bundle: BundleFile) -> dict[str, Any]:
    """Return the values of the variables that are checked here and that the file declares."""
    values = {}
    for name in [name for name in (*_NUMBERS, *_CHOICES, _WAREHOUSE) if bundle.declares(name)]:
        try:
            values[name] = bundle.value(name)
        except ConfigError:
            # A reference that only the Databricks CLI can resolve.
            continue
    return values


def wrong_variables(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with values, by the name of their variable: pairs of a reason and a remedy."""
    cures = {name: cure for name, value in values.items() if (cure := _cure(name, value))}
    return [(f"{name} is {shown(values[name])}", cure) for name, cure in cures.items()]


def _cure(name: str, value: Any) -> str:
    """Return what to set instead of an invalid value, "" when it is valid."""
    if name in _CHOICES:
        return "" if value in _CHOICES[name] else f"set one of {', '.join(_CHOICES[name])}"
    if name in _NUMBERS:
        is_number = not isinstance(value, bool) and _is_whole(str(value)) and int(value) >= _NUMBERS[name]
        return "" if is_number else f"set a whole number of {_NUMBERS[name]} or more"
    if not value or (isinstance(value, str) and _is_warehouse(value)):
        return ""
    return 'set the 16 digits (0-9, a-f) of a SQL warehouse, in quotes ("0123..."), because YAML drops leading zeros'
