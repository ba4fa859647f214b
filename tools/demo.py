"""`make demo-files`: a made-up fleet's files become rows, on this machine, and what came of it is shown.

Everything is made anew in demo-files/: landing, archive, tables, state.
"""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flatten import cli
from flatten.run.status import status
from flatten.session import spark_session
from flatten.storage.location import absolute
from flatten.tables.names import TableName
from rehearsal.fleet import FleetReport, write_fleet

_SESSION_OF_CHARGING = """
SELECT vehicle_make, date_format(recorded_at, 'MM-dd HH:mm') AS at,
       TractionBattery_StateOfCharge_value AS battery_percent,
       round(Charge_Wattage_value / 1000, 1) AS kilowatts,
       Charge_TimeToComplete_value AS minutes_left
FROM {table}
WHERE Charge_IsCharging AND deleted_at IS NULL AND vehicle_id = '{vehicle}'
  AND TractionBattery_StateOfCharge_value IS NOT NULL AND event_date = DATE'{day}'
ORDER BY delivered_at LIMIT 12
"""
_LONGEST_SESSION = """
SELECT vehicle_id, event_date FROM {table}
WHERE Charge_IsCharging AND deleted_at IS NULL AND vehicle_id IS NOT NULL
  AND TractionBattery_StateOfCharge_value IS NOT NULL AND Charge_Wattage_value > 0
GROUP BY vehicle_id, event_date
ORDER BY max(TractionBattery_StateOfCharge_value) - min(TractionBattery_StateOfCharge_value) DESC, count(*) DESC, 1, 2
LIMIT 1
"""


def main() -> None:
    """Make the fleet, run the job, show the result."""
    usage = "usage: make demo-files ARGS='--events 5000 --seed 2'"
    parser = argparse.ArgumentParser(prog="make demo-files", description=usage)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--vehicles", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("demo-files"))
    options = parser.parse_args()
    console = Console()
    shutil.rmtree(options.out, ignore_errors=True)
    console.print(f"[bold]1. A fleet of {options.vehicles} vehicles[/bold], with all that real payloads do")
    made = write_fleet(
        options.out / "landing", events=options.events, vehicles=options.vehicles, seed=options.seed, oddities=True
    )
    console.print(f"   {made.files} files, {made.lines:,} lines, {made.events:,} events in {options.out}/landing")
    with spark_session() as spark:
        console.print("[bold]2. flatten run[/bold]")
        cli.main(_run_arguments(options.out))
        table = TableName.of(absolute(str(options.out / "tables" / "telemetry")))
        console.print("[bold]3. What came of it[/bold]")
        found = status(spark, table, absolute(str(options.out / "landing")))
        console.print(_result(found, made))
        _show_session(console, spark, table)
    console.print(
        f"The table is {options.out}/tables/telemetry. Look again: .venv/bin/flatten status --table "
        f"{options.out}/tables/telemetry",
        soft_wrap=True,
    )
    if found["rows"] != made.events:
        raise SystemExit(f"make demo-files: {made.events} events were made, but the table has {found['rows']} rows.")


def _run_arguments(out: Path) -> list[str]:
    places = {"--source": "landing", "--archive": "archive", "--table": "tables/telemetry", "--state": "state"}
    return ["run", *(part for option, name in places.items() for part in (option, str(out / name)))]


def _result(found: dict[str, Any], made: FleetReport) -> Table:
    table = Table("what", "made", "found")
    table.add_row("events, one row each", f"{made.events:,}", f"{found['rows']:,}")
    table.add_row("  of them deleted", f"{made.deleted:,}", f"{found['deleted']:,}")
    table.add_row("files archived", "", f"{found['files']['archived']:,}")
    table.add_row("files still waiting", "", f"{found['waiting']:,}")
    for reason in sorted(found["quarantined"] | made.quarantine_expected):
        expected, seen = made.quarantine_expected.get(reason, 0), found["quarantined"].get(reason, 0)
        table.add_row(f"quarantined: {reason}", f"{expected:,}", f"{seen:,}")
    return table


def _show_session(console: Console, spark: Any, table: TableName) -> None:
    """Answer a question that a fleet's keeper asks: the battery over a charging session."""
    longest = spark.sql(_LONGEST_SESSION.format(table=table.sql)).first()
    if longest is None:
        return
    query = _SESSION_OF_CHARGING.format(table=table.sql, vehicle=longest.vehicle_id, day=longest.event_date)
    console.print("[bold]4. Ask it[/bold]: the battery over a charging session")
    console.print(query.replace(os.fspath(Path.cwd()) + "/", "").strip(), style="dim", markup=False, highlight=False)
    rows = spark.sql(query).collect()
    answer = Table(*rows[0].asDict())
    for row in rows:
        answer.add_row(*(str(value) for value in row))
    console.print(answer)


if __name__ == "__main__":
    main()
