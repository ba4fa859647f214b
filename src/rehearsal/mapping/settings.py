"""What can be set at an event source mapping of a DynamoDB stream.

Ranges and defaults: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html and
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rehearsal.errors import MappingSettingsError
from rehearsal.mapping.filters import Filters

StartingPosition = Literal["TRIM_HORIZON", "LATEST"]

_DAY: Final = 86_400
_FOR_EVER: Final = -1
_RANGES: Final = {
    "batch_size": ("BatchSize", 1, 10_000),
    "batching_window": ("MaximumBatchingWindowInSeconds", 0, 300),
    "parallelization_factor": ("ParallelizationFactor", 1, 10),
    "maximum_retry_attempts": ("MaximumRetryAttempts", _FOR_EVER, 10_000),
    "maximum_record_age": ("MaximumRecordAgeInSeconds", _FOR_EVER, 7 * _DAY),
}


@dataclass(frozen=True)
class MappingSettings:
    """Times are in whole seconds; -1 stands for no limit. The defaults are those of AWS."""

    batch_size: int = 100
    batching_window: int = 0
    parallelization_factor: int = 1
    starting_position: StartingPosition = "TRIM_HORIZON"
    maximum_retry_attempts: int = _FOR_EVER
    maximum_record_age: int = _FOR_EVER
    bisect_batch_on_function_error: bool = False
    report_batch_item_failures: bool = False
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        for name, (parameter, least, most) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise MappingSettingsError(
                    f"{parameter} is {value!r}, expected a whole number from {least} to {most:,}"
                )
        if 0 <= self.maximum_record_age < 60:
            # https://docs.aws.amazon.com/cli/latest/reference/lambda/create-event-source-mapping.html
            raise MappingSettingsError(
                f"MaximumRecordAgeInSeconds is {self.maximum_record_age}, expected -1 or at least 60"
            )
        if self.starting_position not in ("TRIM_HORIZON", "LATEST"):
            raise MappingSettingsError(
                f"StartingPosition is {self.starting_position!r}, expected TRIM_HORIZON or LATEST: "
                "AT_TIMESTAMP is not for DynamoDB"
            )

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "MappingSettings":
        """The settings that CreateEventSourceMapping's parameters stand for; what is not about them is passed over.

        Raises MappingSettingsError.
        """
        numbers = {name: parameters[key] for name, (key, _, _) in _RANGES.items() if key in parameters}
        criteria = parameters.get("FilterCriteria") or {}
        patterns = [entry["Pattern"] for entry in criteria.get("Filters") or []]
        return cls(
            **numbers,
            starting_position=parameters.get("StartingPosition", "TRIM_HORIZON"),
            bisect_batch_on_function_error=parameters.get("BisectBatchOnFunctionError", False),
            report_batch_item_failures="ReportBatchItemFailures" in (parameters.get("FunctionResponseTypes") or []),
            filters=Filters.of(patterns),
        )

    def described(self) -> str:
        """The settings that are not the defaults, by AWS's names, as one line."""
        default = MappingSettings()
        changed = {key: getattr(self, name) for name, (key, _, _) in _RANGES.items() if self._differs(name, default)}
        flags = {
            "BisectBatchOnFunctionError": self.bisect_batch_on_function_error,
            "ReportBatchItemFailures": self.report_batch_item_failures,
            "StartingPosition LATEST": self.starting_position == "LATEST",
        }
        texts = [f"{key} {value}" for key, value in changed.items()] + [key for key, on in flags.items() if on]
        texts += [f"Pattern `{pattern}`" for pattern in self.filters.patterns]
        return ", ".join(texts) or "defaults"

    def _differs(self, name: str, other: "MappingSettings") -> bool:
        return bool(getattr(self, name) != getattr(other, name))
