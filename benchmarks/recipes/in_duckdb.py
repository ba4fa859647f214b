"""Flatten in DuckDB, from NDJSON to one parquet file: a strong engine without Spark and without Delta."""

from pathlib import Path

import duckdb

from flatten.events.catalogue import Catalogue, Signal

_COLUMNS = {
    "event_id": "VARCHAR",
    "recorded_at": "TIMESTAMP",
    "triggers": "JSON",
    "meta": "STRUCT(deliveredAt BIGINT, version VARCHAR, deliveryId VARCHAR, webhookId VARCHAR, mode VARCHAR)",
    "vehicle": "STRUCT(id VARCHAR, make VARCHAR, model VARCHAR, year INTEGER)",
    "user": "STRUCT(id VARCHAR)",
    "signals": "STRUCT(code VARCHAR, body VARCHAR, meta STRUCT(retrievedAt BIGINT, oemUpdatedAt BIGINT), "
    "status STRUCT(value VARCHAR, error STRUCT(type VARCHAR, code VARCHAR)))[]",
}
_KINDS = {"DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN", "STRING": "VARCHAR"}


def flatten_in_duckdb(source: Path, target: Path, catalogue: Catalogue, threads: int) -> None:
    """Write the flat rows of all `*.ndjson.gz` below a folder to a parquet file, with the columns of every signal."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {threads}")
        connection.execute(f"COPY ({flat_query(source, catalogue)}) TO '{_text(target)}' (FORMAT parquet)")


def flat_query(source: Path, catalogue: Catalogue) -> str:
    """Return DuckDB's SQL for the flat rows of all files below a folder."""
    columns = ", ".join(f"{_name(name)}: '{kind}'" for name, kind in _COLUMNS.items())
    found = ", ".join(f"m[{_literal(code)}] AS {_name(code)}" for code in catalogue.signals)
    flat = ", ".join(column for signal in catalogue.signals.values() for column in _flat(signal))
    read = f"read_ndjson('{_text(source)}/**/*.ndjson.gz', columns = {{{columns}}})"
    return f"""
        WITH keyed AS (SELECT * EXCLUDE (signals), map_from_entries([(s.code, s) FOR s IN signals]) AS m FROM {read}),
             apart AS (SELECT * EXCLUDE (m), {found} FROM keyed)
        SELECT event_id, CAST(recorded_at AS DATE) AS event_date, recorded_at, triggers,
               meta.deliveredAt AS delivered_at, meta.version, meta.deliveryId, meta.webhookId, meta.mode,
               vehicle.id AS vehicle_id, vehicle.make, vehicle.model, vehicle.year, "user".id AS user_id, {flat}
        FROM apart
    """  # noqa: S608 # from our catalogue and our own folder


def _flat(signal: Signal) -> list[str]:
    found = _name(signal.code)
    values = [
        f"TRY_CAST(({found}.body->>{_literal(f'$.{key}')}) AS {_KINDS[field.sql_type]}) AS {_name(field.column)}"
        for key, field in signal.fields.items()
    ]
    stamps = [f"epoch_ms({found}.meta.{key}) AS {_name(column)}" for key, column in signal.stamps.items()]
    error = f"{found}.status.error"
    status = f"CASE WHEN {error}.type IS NULL THEN 'OK' ELSE concat_ws(':', {error}.type, {error}.code) END"
    return [*values, *stamps, f"CASE WHEN {found} IS NOT NULL THEN {status} END AS {_name(signal.status)}"]


def parquet_sum(target: Path, column: str) -> float:
    """Return the sum of a column of a parquet file."""
    with duckdb.connect() as connection:
        query = f"SELECT sum({_name(column)}) FROM read_parquet('{_text(target)}')"  # noqa: S608 # our own names
        row = connection.execute(query).fetchone()
    return float(row[0] or 0) if row else 0.0


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return str(path).replace("'", "''")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
