"""The values of databricks.yml that the Databricks CLI accepts (also with --strict), and that then do harm.

A prefix without its slash, a discovery that does not exist, a number that is not one, a warehouse id whose leading
zero YAML took away: each passes the vendor's validation, and fails, or is ignored, only where it is used.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from lambda_deploy.bundle_file import BundleFile, shown
from lambda_deploy.errors import ConfigError

_ANY: Final = 1_000_000_000
# The least and the greatest value of each number.
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "max_files": (1, _ANY),
    "lookback_days": (0, _ANY),
    "freshness_minutes": (1, _ANY),
    "archive_retention_days": (0, _ANY),
    "batch_size": (1, 10_000),
    "batching_window_seconds": (0, 300),
    "lambda_memory_mb": (128, 10_240),
    "lambda_timeout_seconds": (1, 900),
    "max_record_age_seconds": (60, 86_400),
    "log_retention_days": (1, 3_653),
}
_CHOICES: Final[Mapping[str, tuple[object, ...]]] = {
    "discovery": ("listing", "file-events"),
    "compaction": ("--compact", "--no-compact"),
    "lambda_starts_job": (True, False, "true", "false"),
}
_is_whole = re.compile(r"-?[0-9]{1,9}").fullmatch
_is_prefix = re.compile(r"(?:[^/]+/)+").fullmatch
_is_warehouse = re.compile(r"[0-9a-f]{16}").fullmatch


def read_variables(bundle: BundleFile) -> dict[str, Any]:
    """Return the values of the variables that are checked here and that the file declares."""
    wanted = (*_NUMBERS, *_CHOICES, "landing_prefix", "archive_prefix", "quarantine_prefix", "warehouse_id")
    values: dict[str, Any] = {"start": bundle.raw("start")} if bundle.declares("start") else {}
    for name in [name for name in wanted if bundle.declares(name)]:
        try:
            values[name] = bundle.value(name)
        except ConfigError:
            # A reference that only the Databricks CLI resolves.
            continue
    return values


def wrong_variables(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with values by the name of their variable: pairs of a reason and a cure."""
    return [*_wrong_numbers(values), *_wrong_choices(values), *_wrong_texts(values), *_wrong_start(values)]


def _wrong_numbers(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{name} is {shown(values[name])}", f"set a whole number from {least:,} to {most:,}")
        for name, (least, most) in _NUMBERS.items()
        if name in values and not _is_number(values[name], least, most)
    ]


def _is_number(value: Any, least: int, most: int) -> bool:
    return not isinstance(value, bool) and bool(_is_whole(str(value))) and least <= int(value) <= most


def _wrong_choices(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{name} is {shown(values[name])}", f"set one of {', '.join([str(one) for one in choices[:2]])}")
        for name, choices in _CHOICES.items()
        if name in values and values[name] not in choices
    ]


def _wrong_texts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    wrong = [
        (f"{name} is {shown(value)}", "end it in one slash, without a slash at the front")
        for name, value in values.items()
        if name.endswith("_prefix") and not (isinstance(value, str) and _is_prefix(value))
    ]
    warehouse = values.get("warehouse_id")
    if warehouse and not isinstance(warehouse, str):
        wrong.append((f"warehouse_id is the number {warehouse}", 'put it in quotes ("0123..."), or YAML drops zeros'))
    elif warehouse and not _is_warehouse(warehouse):
        wrong.append((f"warehouse_id is {shown(warehouse)}", "set the 16 digits (0-9, a-f) of a SQL warehouse"))
    return wrong


def _wrong_start(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    if values.get("lambda_starts_job") not in (True, "true"):
        return []
    start = values.get("start")
    wrong = []
    if not isinstance(start, dict) or "periodic" not in start:
        wrong.append(("lambda_starts_job is true, but `start` is not `periodic`", "set a slow periodic `start`"))
    elif start.get("pause_status") == "PAUSED":
        wrong.append(("lambda_starts_job is true, but `start` is paused", "set pause_status: UNPAUSED in `start`"))
    if values.get("discovery", "listing") != "listing":
        wrong.append(("lambda_starts_job is true, but `discovery` is not listing", "set discovery: listing"))
    return wrong
