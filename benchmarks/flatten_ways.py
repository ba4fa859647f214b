"""Each way from NDJSON objects to a flat table, as a contender, and how to see that it flattened."""

import shutil
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.events import SUMMED, SUMMED_CODE
from benchmarks.job_folder import JobFolder, Run
from benchmarks.recipes import dlt_beside
from benchmarks.recipes.in_duckdb import flatten_in_duckdb, parquet_sum
from benchmarks.recipes.json_object_each import flatten_field_by_field
from benchmarks.recipes.pivot import flatten_by_pivot
from benchmarks.recipes.python_udf import flatten_with_udf
from benchmarks.recipes.schema import EVENT
from benchmarks.recipes.two_from_json import flatten_with_from_json
from benchmarks.rounds import Contender
from flatten.events import catalogue
from flatten.events.catalogue import Catalogue
from flatten.run.values import Chosen, flat_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrameReader, SparkSession

FLATTEN = "ours: flatten to Delta"
RUN = "ours: whole run, with MERGE"
UNWRITTEN = "ours: flatten, nothing written"
COPY_FLAT = "flat rows from parquet to Delta"
COPY = "plain copy to Delta"
COPY_INFERRED = "plain copy, schema inferred"
DUCKDB = "DuckDB to parquet"
FROM_JSON = "two from_json"
EACH_FIELD = "get_json_object each field"
UDF = "Python UDF, row at a time"
PIVOT = "explode + pivot"
DLT = "dlt, merge into Delta"
_RECIPES: dict[str, Callable[[DataFrame, Catalogue], DataFrame]] = {
    FROM_JSON: flatten_with_from_json,
    EACH_FIELD: flatten_field_by_field,
    UDF: flatten_with_udf,
    PIVOT: flatten_by_pivot,
}
NAMES = (FLATTEN, RUN, UNWRITTEN, COPY_FLAT, COPY, COPY_INFERRED, DUCKDB, *_RECIPES, DLT)
_INTO_OUR_TABLE = (FLATTEN, RUN, COPY_FLAT)


@dataclass
class Ways:
    """All ways over the objects in `blank`'s landing folder. What they write goes to a new folder in each round.

    `blank` is a job that has not run yet. `runs` are the job's own, in order; `targets` has what was written last.
    """

    spark: "SparkSession"
    blank: JobFolder
    work: Path
    cores: int
    runs: list[Run] = field(default_factory=list)
    targets: dict[str, Path] = field(default_factory=dict)
    _made: int = 0

    def contenders(self, names: tuple[str, ...]) -> list[Contender]:
        """The contenders of these names, in this order."""
        chosen = chosen_of(self.blank.source)
        if COPY_FLAT in names:
            self._rows(chosen).write.mode("overwrite").parquet(self._flat)
        ways: dict[str, Callable[[], None]] = {
            FLATTEN: lambda: self._append(FLATTEN, self._rows(chosen)),
            RUN: self._run,
            UNWRITTEN: lambda: self._rows(chosen).write.format("noop").mode("overwrite").save(),
            COPY_FLAT: lambda: self._append(COPY_FLAT, self.spark.read.parquet(self._flat)),
            COPY: lambda: self._to_delta(COPY, self._reader().schema(EVENT).json(self._objects)),
            COPY_INFERRED: lambda: self._to_delta(COPY_INFERRED, self._reader().json(self._objects)),
            DUCKDB: self._duckdb,
            DLT: lambda: dlt_beside.merge(self.blank.source, self.targets[DLT]),
        }
        for name, recipe in _RECIPES.items():
            ways[name] = lambda name=name, recipe=recipe: self._to_delta(name, recipe(self._lines(), _known()))  # type: ignore[misc]  # bound here, not when called
        return [Contender(name, ways[name], lambda name=name: self._renew(name)) for name in names]  # type: ignore[misc]  # bound here, too

    def total(self, name: str) -> float:
        """What the odometers add up to in what a way wrote last."""
        target = self.targets[name]
        if name == DUCKDB:
            return parquet_sum(target / "flat.parquet", SUMMED)
        if name == DLT:
            return dlt_beside.total(target)
        written = target / "tables" / "telemetry" if name in _INTO_OUR_TABLE else target
        summed = {
            COPY: _of_signals("CAST(get_json_object(s.body, '$.value') AS DOUBLE)"),
            COPY_INFERRED: _of_signals("CAST(s.body.value AS DOUBLE)"),
        }.get(name, SUMMED)
        row = self.spark.read.format("delta").load(str(written)).agg(F.sum(F.expr(summed))).first()
        return float(row[0] or 0) if row else 0.0

    @property
    def _flat(self) -> str:
        return str(self.work / "flat.parquet")

    @property
    def _objects(self) -> str:
        return str(self.blank.source)

    def _reader(self) -> "DataFrameReader":
        return self.spark.read.option("recursiveFileLookup", "true")

    def _lines(self) -> DataFrame:
        return self._reader().text(self._objects)

    def _renew(self, name: str) -> None:
        """Give a way a new folder: Delta remembers a table by its path, also one that is gone."""
        shutil.rmtree(self.targets.get(name, self.work / "nothing"), ignore_errors=True)
        self._made += 1
        self.targets[name] = self.work / f"out-{self._made}"
        if name in _INTO_OUR_TABLE:
            self.blank.copied_to(self.targets[name])

    def _rows(self, chosen: Chosen) -> DataFrame:
        files = self._reader().format("binaryFile").load(self._objects)
        return flat_rows(files, chosen, _known().signals, 0)

    def _append(self, name: str, rows: DataFrame) -> None:
        table = str(self.targets[name] / "tables" / "telemetry")
        rows.write.format("delta").mode("append").option("mergeSchema", "true").save(table)

    def _run(self) -> None:
        self.runs.append(JobFolder(self.spark, self.targets[RUN]).run())

    def _to_delta(self, name: str, rows: DataFrame) -> None:
        rows.write.format("delta").save(str(self.targets[name]))

    def _duckdb(self) -> None:
        self.targets[DUCKDB].mkdir()
        flatten_in_duckdb(self.blank.source, self.targets[DUCKDB] / "flat.parquet", _known(), self.cores)


def chosen_of(source: Path) -> Chosen:
    """All lines of all objects below a folder, as `flat_rows` wants to be told."""
    return {str(path): (sha256(path.read_bytes()).hexdigest(), _all_lines(path)) for path in source.rglob("*.gz")}


def _all_lines(path: Path) -> "array[int]":
    return array("I", range(1, int(path.name.split("-")[2]) + 1))


def _known() -> Catalogue:
    return catalogue.packaged()


def _of_signals(value: str) -> str:
    return f"aggregate(filter(signals, s -> s.code = '{SUMMED_CODE}'), 0D, (sum, s) -> sum + {value})"
