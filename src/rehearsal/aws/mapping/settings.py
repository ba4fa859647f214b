"""Settings of an event source mapping of a DynamoDB stream, with the defaults of databricks.yml.

Ranges: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html and
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from dataclasses import dataclass
from typing import Final

from rehearsal.errors import MappingSettingsError

NO_LIMIT: Final = -1
_RANGES: Final = {
    "batch_size": (1, 10_000),
    "batching_window_seconds": (0, 300),
    "max_retries": (NO_LIMIT, 10_000),
    "max_record_age_seconds": (NO_LIMIT, 604_800),
}


@dataclass(frozen=True)
class MappingSettings:
    """Settings of a mapping. Times are in whole seconds, -1 is no limit. Every mapping begins at TRIM_HORIZON."""

    batch_size: int = 1_000
    batching_window_seconds: int = 5
    max_retries: int = NO_LIMIT
    max_record_age_seconds: int = 82_800
    bisect: bool = True
    report_failures: bool = True

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise MappingSettingsError(f"{name} is {value!r}, expected a whole number from {least} to {most:,}")
        if self.max_retries == 0:
            raise MappingSettingsError("max_retries is 0, expected -1 (no limit) or 1 to 10,000")
        if 0 <= self.max_record_age_seconds < 60:
            # https://docs.aws.amazon.com/cli/latest/reference/lambda/create-event-source-mapping.html
            raise MappingSettingsError(
                f"max_record_age_seconds is {self.max_record_age_seconds}, expected -1 (no limit) or at least 60"
            )
