"""The bundle's dashboards and alerts as SQL that Spark can execute, and the columns that their widgets use."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support.bundle import ROOT, Bundle

PERIOD = {":period.min": "TIMESTAMP'2000-01-01 00:00:00'", ":period.max": "TIMESTAMP'2100-01-01 00:00:00'"}
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)", re.IGNORECASE)
_DEFINED = re.compile(r"(?:WITH|,)\s*([a-z_]+)\s+AS\s*\(", re.IGNORECASE)
_FIELD = re.compile(r"`([^`]+)`")


def dashboard(key: str) -> dict[str, Any]:
    """Read a dashboard."""
    read: dict[str, Any] = json.loads((ROOT / "resources" / f"{key}.lvdash.json").read_text("utf-8"))
    return read


def dashboards(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Read the dashboards of a target by key."""
    return {
        key: dashboard(Path(each["file_path"]).name.split(".")[0])
        for key, each in bundle.resources("dashboards").items()
    }


def datasets(content: dict[str, Any]) -> dict[str, str]:
    """Return the SQL of each dataset."""
    return {each["name"]: "".join(each["queryLines"]) for each in content["datasets"]}


def tables_of(sql: str) -> set[str]:
    """Return the tables that a query reads, without those that it defines itself."""
    return set(_TABLE.findall(sql)) - set(_DEFINED.findall(sql))


def runnable(sql: str, schema: Path, views: Mapping[str, str] | None = None) -> str:
    """Replace parameters by values, views by queries, and tables by folders of `schema`."""
    for parameter, value in PERIOD.items():
        sql = sql.replace(parameter, value)
    for table in tables_of(sql):
        place = f"({views[table]})" if views and table in views else f"delta.`{schema / table}`"
        sql = re.sub(rf"\b(FROM|JOIN)\s+{table}\b", lambda found: f"{found[1]} {place}", sql)  # noqa: B023
    return sql


def widgets(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Yield each widget with its position."""
    for page in content["pages"]:
        for item in page["layout"]:
            yield item["widget"], item["position"]


def asked_of(content: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what widgets use: widget, dataset, column."""
    for widget, _ in widgets(content):
        for query in widget.get("queries", []):
            asked = query["query"]
            for field in asked.get("fields", []):
                for column in _FIELD.findall(field["expression"]):
                    yield widget["name"], asked["datasetName"], column


def dashboard_mistakes(content: dict[str, Any]) -> Iterator[str]:
    """Return what in a dashboard refers to nothing or overlaps something else."""
    known = {each["name"]: [one["keyword"] for one in each.get("parameters", [])] for each in content["datasets"]}
    names = [widget["name"] for widget, _ in widgets(content)]
    yield from (f"two widgets are called {name}" for name in set(names) if names.count(name) > 1)
    used: set[str] = set()
    for widget, _ in widgets(content):
        queries = {query["name"]: query["query"] for query in widget.get("queries", [])}
        for asked in queries.values():
            used.add(asked["datasetName"])
            if asked["datasetName"] not in known:
                yield f"{widget['name']} asks for the dataset {asked['datasetName']}"
            for parameter in asked.get("parameters", []):
                if parameter["keyword"] not in known.get(asked["datasetName"], []):
                    yield f"{widget['name']} sets {parameter['keyword']}, which {asked['datasetName']} lacks"
        fields = {field["name"] for asked in queries.values() for field in asked.get("fields", [])}
        for shown in _shown(widget.get("spec", {}).get("encodings", {})):
            if shown.get("fieldName", next(iter(fields), None)) not in fields and "parameterName" not in shown:
                yield f"{widget['name']} shows {shown.get('fieldName')}, which it does not ask for"
            if "queryName" in shown and shown["queryName"] not in queries:
                yield f"{widget['name']} names the query {shown['queryName']}"
    yield from (f"nobody shows the dataset {name}" for name in known.keys() - used)
    for name, sql in datasets(content).items():
        needed = {match[1:].partition(".")[0] for match in re.findall(r":[a-z_]+\.(?:min|max)", sql)}
        yield from (f"{name} lacks the parameter {each}" for each in needed - set(known[name]))
    for page in content["pages"]:
        yield from _overlaps({"pages": [page]})


def _shown(encodings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in encodings.values():
        yield from each if isinstance(each, list) else [each]


def _overlaps(content: dict[str, Any]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for widget, at in widgets(content):
        if at["x"] + at["width"] > 6:
            yield f"{widget['name']} is wider than the page"
        for cell in (
            (x, y) for x in range(at["x"], at["x"] + at["width"]) for y in range(at["y"], at["y"] + at["height"])
        ):
            if cell in taken:
                yield f"{widget['name']} lies over {taken[cell]}"
                break
            taken[cell] = widget["name"]
