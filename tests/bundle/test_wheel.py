"""The wheel alone, in a clean environment, does what the bundle's tasks ask of it, in Spark Connect."""

import json
from email import message_from_bytes
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from deltalake import DeltaTable, QueryBuilder

from flatten import __version__
from support.bundle import given_for, load
from support.bundle_wheel import build_wheel, clean_environment, run_there
from support.job_world import content, key, line
from support.quick_spark import QUICK

TASKS = (("flatten", "run"), ("maintain", "maintain"), ("maintain", "check"))
AS_A_TASK = """
import json, os, sys
from importlib.metadata import distribution

def task(parameters):
    points = distribution("flatten").entry_points
    main = next(each for each in points if each.name == "flatten").load()
    sys.argv = ["flatten", *parameters]
    try:
        return main()
    except SystemExit as ended:
        return ended.code

tasks, spark = json.loads(sys.argv[1]), len(sys.argv) > 2
if spark:
    from dataclasses import replace
    from flatten.session import SessionSettings, open_session
    settings = replace(SessionSettings.from_environment(os.environ), extra=json.loads(sys.argv[2]))
    kind = type(open_session(settings)).__module__
import flatten
results = [task(parameters) for parameters in tasks]
told = {"results": results, "home": flatten.__file__, "session": kind if spark else None}
print(json.dumps(told | {"loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_environment(tmp_path_factory.mktemp("clean"), wheel)


def test_the_wheel_has_the_name_that_the_bundle_looks_for(wheel: Path) -> None:
    assert wheel.name == f"flatten-{__version__}-py3-none-any.whl"


def test_the_wheel_holds_flatten_alone_and_asks_for_click_alone(wheel: Path) -> None:
    with ZipFile(wheel) as held:
        names = held.namelist()
        metadata = message_from_bytes(held.read(f"flatten-{__version__}.dist-info/METADATA"))
    assert {name.partition("/")[0] for name in names} == {"flatten", f"flatten-{__version__}.dist-info"}
    assert {"flatten/signal_catalogue.json", "flatten/jars.txt", "flatten/log4j2.properties"} <= set(names)
    needed = metadata.get_all("Requires-Dist") or []
    assert [each for each in needed if "extra ==" not in each] == ["click>=8.1"]


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        (["run", "--source=/nowhere", "--archive=a", "--table=a.b.c", "--state=s"], 2, "The source /nowhere is not"),
        (["run", "--source=."], 2, "Missing option '--archive'"),
        (["start"], 2, "No such command 'start'"),
        (["status", "--table=a.`b`.c"], 2, "'a.`b`.c' is no table or schema name"),
    ],
    ids=["no source", "option missing", "no command", "bad name"],
)
def test_a_task_that_cannot_be_done_raises_with_one_sentence(
    python: Path, tmp_path: Path, parameters: list[str], code: int, said: str
) -> None:
    done = run_there(python, AS_A_TASK, json.dumps([parameters]), home=tmp_path)
    assert json.loads(done.stdout)["results"] == [code]
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.spark
def test_the_tasks_of_the_bundle_run_from_the_wheel_over_spark_connect(python: Path, tmp_path: Path) -> None:
    """Exactly the parameters of the YAML. One process for all tasks, because Spark's start costs more than they do."""
    volumes, warehouse = tmp_path / "Volumes", tmp_path / "warehouse"
    bundle = load("dev", variables=given_for("dev") | {"catalog": "spark_catalog"}, volumes=str(volumes))
    place = volumes / "spark_catalog" / "dev_tester_telemetry_ops"
    landed = place / "landing" / key(3)
    landed.parent.mkdir(parents=True)
    signals = {"odometer-traveleddistance": 7.5, "vehicleidentification-vin": "V1"}
    landed.write_bytes(content([line("e1", 1, signals=signals), line("e2", 2), b"bad"]))
    tasks = [bundle.parameters(*task) for task in TASKS]
    done = run_there(
        python,
        AS_A_TASK,
        json.dumps(tasks),
        json.dumps(QUICK),
        home=tmp_path,
        FLATTEN_SESSION="connect",
        FLATTEN_WAREHOUSE=str(warehouse),
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["results"] == [None, None, None], done.stderr
    assert told["session"] == "pyspark.sql.connect.session"
    assert Path(told["home"]).is_relative_to(python.parent.parent)
    assert not {"rich", "boto3", "yaml", "requests", "databricks"} & set(told["loaded"])
    assert "1 files, 3 lines: 2 applied, 0 superseded, 0 repeated, 0 ignored, 1 quarantined." in done.stdout
    # delta-rs reads it: a table that Spark Connect widened has no type that others lack.
    assert _rows(warehouse, "event_id, Odometer_TraveledDistance_value AS km, VehicleIdentification_VIN AS vin") == [
        {"event_id": "e1", "km": 7.5, "vin": "V1"},
        {"event_id": "e2", "km": None, "vin": None},
    ]
    assert not landed.exists()
    assert [path.name for path in (place / "archive").rglob("*.gz")] == [landed.name]


def _rows(warehouse: Path, columns: str) -> list[dict[str, Any]]:
    table = DeltaTable(str(warehouse / "dev_tester_telemetry.db" / "car_telemetry_flattened"))
    found = QueryBuilder().register("t", table).execute(f"SELECT {columns} FROM t ORDER BY event_id").read_all()
    return [{name: found[name][row].as_py() for name in found.schema.names} for row in range(found.num_rows)]
