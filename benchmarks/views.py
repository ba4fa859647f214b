"""The four views over a table of some days, a file for each: seconds of each view, and the files that it reads.

Each vehicle drives by day and charges by night. A view is asked for all its rows and columns, written nowhere.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from pyspark.sql import SparkSession

from benchmarks import command
from benchmarks.bars import Result
from benchmarks.command import say
from benchmarks.job_folder import SESSION
from flatten.events import catalogue
from flatten.session import spark_session
from flatten.views.fill import VIEWS, Flat, query

SHORT, FULL = 200_000, 10_000_000
_DAYS, _VEHICLES, _FIRST = 100, 1_000, "TIMESTAMP'2026-01-01 00:00:00+00:00'"
_NOW = f"({_FIRST} + INTERVAL {_DAYS} DAYS)"
_VALUES = {
    "charge-ischarging": {"Charge_IsCharging": "hour < 4"},
    "charge-energyadded": {"Charge_EnergyAdded_value": "least(hour, 4) * 11D"},
    "charge-wattage": {"Charge_Wattage_value": "IF(hour < 4, 11000D, 0D)"},
    "climate-externaltemperature": {"Climate_ExternalTemperature_value": "10D + hour"},
    "closure-islocked": {"Closure_IsLocked": "hour < 8"},
    "connectivitystatus-isonline": {"ConnectivityStatus_IsOnline": "true"},
    "location-isathome": {"Location_IsAtHome": "hour < 8"},
    "location-preciselocation": {
        "Location_PreciseLocation_latitude": "52D + hour / 100",
        "Location_PreciseLocation_longitude": "4D",
    },
    "odometer-traveleddistance": {
        "Odometer_TraveledDistance_value": "day * 50D + greatest(hour - 8, 0) * 3",
        "Odometer_TraveledDistance_unit": "'km'",
    },
    "tractionbattery-nominalcapacity": {"TractionBattery_NominalCapacity_capacity": "77D"},
    "tractionbattery-range": {"TractionBattery_Range_value": "400D - 10 * hour"},
    "tractionbattery-stateofcharge": {
        "TractionBattery_StateOfCharge_value": "IF(hour < 4, 20 + 15 * hour, 80 - 3 * (hour - 4))"
    },
}
"""Signal -> its columns as SQL of the `day` and the `hour` of an event."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("views", __doc__ or "", "python -m benchmarks.views --full --days 30")
    parser.add_argument("--days", type=command.at_least_one, default=30, help="the look-back (default: 30)")
    options = parser.parse_args(arguments)
    rows = FULL if options.full else SHORT
    with command.work_folder(options) as work, spark_session(SESSION) as spark:
        table = f"delta.`{Path(work) / 'table'}`"
        say(f"making a table of {rows:,} rows")
        _make(spark, rows, str(Path(work) / "table"))
        flat = Flat(table, frozenset(spark.table(table).columns), options.days, _NOW)
        results = [_measured(spark, view, flat) for view in VIEWS]
    seconds = {view: taken for view, (taken, _) in zip(VIEWS, results, strict=True)}
    figures = {f"{view}, files read": files for view, (_, files) in zip(VIEWS, results, strict=True)}
    name = f"{rows:,} rows of {_VEHICLES:,} vehicles, {_DAYS} days and files; a look-back of {options.days} days"
    return command.finish("views", [Result(name, seconds, figures=figures)], options, arguments)


def _make(spark: SparkSession, rows: int, path: str) -> None:
    """Write the table: every vehicle has an event at the same distance in time, a day is a task and a file."""
    apart = _DAYS * 86_400 * _VEHICLES / rows
    own = {
        "event_date": "to_date(at)",
        "event_id": "CAST(id AS STRING)",
        "vehicle_id": f"concat('vehicle ', id % {_VEHICLES})",
        "vehicle_make": "'Make'",
        "vehicle_model": f"concat('Model ', id % {_VEHICLES} % 8)",
        "vehicle_year": "2024",
        "car_timezone": "'Europe/Oslo'",
        "recorded_at": "at",
        "delivered_at": "at",
        "deleted_at": "CAST(NULL AS TIMESTAMP)",
    }
    for code, values in _VALUES.items():
        signal = catalogue.packaged().signals[code]
        own |= values | dict.fromkeys(signal.stamps.values(), "at") | {signal.status: "'OK'"}
    since = f"CAST(id DIV {_VEHICLES} AS DOUBLE) * {apart}"
    times = spark.range(0, rows, 1, _DAYS).selectExpr("id", f"{_FIRST} + make_dt_interval(0, 0, 0, {since}) AS at")
    parts = times.selectExpr("*", "day(at) + 31 * month(at) AS day", "hour(at) + minute(at) / 60D AS hour")
    columns = [f"{value} AS {name}" for name, value in own.items()]
    parts.selectExpr(*columns).write.format("delta").save(path)


def _measured(spark: SparkSession, view: str, flat: Flat) -> tuple[float, int]:
    """Return the seconds that a view took, and how many files it read."""
    asked = spark.sql(query(view, flat))
    started = perf_counter()
    asked.write.format("noop").mode("overwrite").save()
    taken = perf_counter() - started
    say(f"{view}: {taken:.2f} s")
    return taken, len(asked.inputFiles())


if __name__ == "__main__":
    sys.exit(command.guarded(main))
