"""Read variables of a bundle as typed values."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from lambda_deploy.bundle_file import BundleFile, shown
from lambda_deploy.errors import ConfigError

StartMode = Literal["schedule", "lambda", "file_arrival"]


_is_tag_name = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}", re.IGNORECASE).fullmatch
_is_tag_value = re.compile(r"[\w .:/=+@-]{0,256}").fullmatch


class Variables:
    """Variables of a bundle. Each method reads one type and raises ConfigError for another."""

    def __init__(self, bundle: BundleFile) -> None:
        self._bundle = bundle

    def text(self, name: str, is_right: Callable[[str], object] = bool, expected: str = "text") -> str:
        """Return a text for which `is_right` is true."""
        value = self._bundle.value(name)
        if not isinstance(value, str) or not is_right(value):
            raise self._error(name, value, expected)
        return value

    def optional_text(self, name: str, is_right: Callable[[str], object] = bool, expected: str = "text") -> str:
        """Return the same, or "" when the variable has no value."""
        if not self._bundle.declares(name) or self._bundle.value(name) in ("", None):
            return ""
        return self.text(name, is_right, f"{expected}, or nothing")

    def number(self, name: str, least: int, most: int) -> int:
        """Return a whole number in a range, also from text, as the environment has it."""
        value = self._bundle.value(name)
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._error(name, value, f"a whole number from {least:,} to {most:,}")
        return value

    def yes(self, name: str) -> bool:
        """Return true or false."""
        value = self._bundle.value(name)
        if value not in (True, False, "true", "false"):
            raise self._error(name, value, "true or false")
        return value in (True, "true")

    def ids(self, name: str, is_right: Callable[[str], object], expected: str) -> tuple[str, ...]:
        """Return a list of texts for each of which `is_right` is true; often empty."""
        value = self._bundle.value(name) or []
        if not isinstance(value, list) or not all(isinstance(each, str) and is_right(each) for each in value):
            raise self._error(name, value, expected)
        return tuple(value)

    def tags(self, name: str, taken: Sequence[str]) -> dict[str, str]:
        """Return tags as name -> value, without the names in `taken`.

        Rules: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
        """
        value = self._bundle.value(name) or {}
        if not isinstance(value, dict) or not all(_is_tag(key, text) for key, text in value.items()):
            raise self._error(
                name, value, "names with texts (letters, digits, spaces and _.:/=+@-), no name that begins with aws:"
            )
        for key in value:
            if key in taken:
                raise self._error(name, value, f"no tag {key!r}, which is reserved for the stack's owner")
        return value

    def start(self) -> StartMode:
        """Return what starts the job: the schedule, the Lambda, or the arrival of files."""
        kinds = [kind for kind in ("periodic", "file_arrival") if kind in self._start()]
        if len(kinds) != 1:
            raise self._error("start", self._bundle.raw("start"), "one of `periodic` and `file_arrival`")
        if not self.yes("lambda_starts_job"):
            return "schedule" if kinds == ["periodic"] else "file_arrival"
        if kinds == ["file_arrival"]:
            raise self._error(
                "start",
                self._bundle.raw("start"),
                "`periodic`, because lambda_starts_job is true and both would start the job for each object",
            )
        return "lambda"

    def start_is_paused(self) -> bool:
        """Return whether the job's trigger is paused. The bundle pauses a developer's by default."""
        status = self._start().get("pause_status", "PAUSED" if self._bundle.is_development else "UNPAUSED")
        if status not in ("PAUSED", "UNPAUSED"):
            raise self._error("start", status, "pause_status PAUSED or UNPAUSED")
        return bool(status == "PAUSED")

    def _start(self) -> dict[str, Any]:
        # Not resolved: deeper values may name volumes, which only the Databricks CLI resolves.
        value = self._bundle.raw("start")
        if not isinstance(value, dict):
            raise self._error("start", value, "one of `periodic` and `file_arrival` with its settings")
        return value

    def _error(self, name: str, value: object, expected: str) -> ConfigError:
        found = "missing" if value is None else shown(value)
        return ConfigError(f"{self._bundle.path}, target {self._bundle.target}: {name} is {found}, expected {expected}")


def _is_tag(name: object, value: object) -> bool:
    texts = isinstance(name, str) and isinstance(value, str)
    return texts and bool(_is_tag_name(str(name)) and _is_tag_value(str(value)))
