"""Write the generated docs: `make docs`. A test fails when the committed ones differ.

In docs/reference: table.md from the catalogue and the columns, commands.md from the commands' help, quarantine.md from
the job's reasons, variables.md from databricks.yml.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from flatten.cli import cli
from flatten.events import catalogue
from flatten.events.catalogue import Signal
from flatten.tables import describe as descriptions
from flatten.tables import quarantine
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES
from lambda_deploy.cli import commands as stream_lambda
from rehearsal.demo import demo
from rehearsal.fleet.__main__ import fleet

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN_BY = "<!-- Written by `make docs`. -->\n"


_NAMING = """\
A signal's columns appear when the fleet first sends it. `{Group}_{Name}` where the body has the one field `value`,
else `{Group}_{Name}_{field}`; a body field called `status` is `{Group}_{Name}_body_status`. Numbers are DOUBLE (digits
beyond are rounded; the archived line has them all), arrays and objects are JSON text, and a text column takes any other
JSON value as JSON text. A number or boolean of another type is NULL, and the signal is kept in `unmapped_signals` as it
came.
"""
_OWN_COLUMNS = """\
Each signal also has `_retrievedAt` and `_oemUpdatedAt` (TIMESTAMP; 0 and missing are NULL) and `_status`: `OK`,
`TYPE:CODE`, `TYPE` when the code is null, another status as it is, NULL when the event lacks the signal.
"""
_PERSONAL = """\
A table by name carries these meanings as comments of its columns. In Unity Catalog the columns below have a tag, too;
`any` may hold whatever the app stored. A signal's new column is described by the next run that finds files.
"""
_GIVEN = """\
Names, places and limits of both halves, set in databricks.yml. The first of these counts: `--var name=value` on the
command line of `databricks bundle`, `BUNDLE_VAR_<name>` in the environment,
`.databricks/bundle/<target>/variable-overrides.json`, the target in databricks.yml, the default. `stream-lambda` reads
them in the same order, without `--var`. A complex one (`start`, `table_grants`, `job_permissions`, `tags`, and the two
of the VPC) is replaced as a whole, and cannot come from the environment or from `--var`.
"""
_CONSOLES = """\
Every command with its options, as `--help` prints them.
"""
_EXIT_CODES = """\
Exit codes: 0 done (also with quarantined lines), 1 the work could not be done, 2 wrong usage, 130 Ctrl-C.
"""
_STREAM_LAMBDA = """\
What each does: [deploying](../deploying.md). Exit codes: 0 done, 1 failed or found something, 2 something to do
(`plan --detailed-exitcode`), 64 wrong usage, 130 Ctrl-C.
"""
_FLEET = """\
The demo and the files to try the job with: [the rehearsal](../rehearsal.md).
"""
_LOCAL_SPARK = """\
### Environment variables of a local Spark

Each option is also read from the environment, as its help says. Outside Databricks the commands start a local Spark,
which reads these. Variables of another Spark or Hadoop, of the locale and of the shell have no effect; of the variables
of Java only JAVA_TOOL_OPTIONS has one:

| variable | what it sets |
|---|---|
| `FLATTEN_DRIVER_MEMORY` | memory, as Java writes it; default `2g` |
| `FLATTEN_CORES` | tasks at a time; default 2 |
| `FLATTEN_WAREHOUSE` | folder for tables by name; without it they end with the command |
| `FLATTEN_SPARK_LOG` | file for Spark's log |
| `FLATTEN_SESSION` | `classic` (default), or `connect`, as on Databricks serverless |
| `FLATTEN_JARS` | folder of the jars of Delta; missing ones are downloaded into it |
| `FLATTEN_S3A` | `1` loads the jars of S3 when only a table or state is in a bucket |
| `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | address of S3, when it is not AWS |
"""
_KEPT = """\
Why the job quarantines a line or a file, and where it is then. The table `..._quarantine` has the line in `raw`
(`raw_base64` when it is not UTF-8), its `reason` and `detail`, its `source_file` and its `line_number` (physical lines,
from 1; NULL for a file). A file that cannot be used is moved to the quarantine folder as a whole. A run with
quarantined lines ends with 0. Records that the Lambda quarantines: [the Lambda](lambda.md#quarantine).
"""


def pages() -> dict[str, str]:
    """Return every generated page: name below docs/ -> text."""
    return {
        "reference/table.md": "\n".join(_table_page()),
        "reference/commands.md": "\n".join(_commands_page()),
        "reference/quarantine.md": "\n".join(_quarantine_page()),
        "reference/variables.md": "\n".join(_variables_page()),
    }


def _table_page() -> Iterator[str]:
    signals = catalogue.packaged().signals
    yield f"{WRITTEN_BY}\n# The flat table\n"
    yield "Every column with its type, unit and meaning: one row per event, keyed by `event_id`.\n"
    yield "## Columns of the event\n\n| column | type | meaning |\n|---|---|---|"
    yield from (f"| `{name}` | {kind} | {about} |" for name, (kind, about) in EVENT_COLUMNS.items())
    yield "\n## Lineage\n\n| column | type | meaning |\n|---|---|---|"
    yield from (f"| `{name}` | {kind} | {about} |" for name, (kind, about) in LINEAGE_COLUMNS.items())
    yield f"\n## Columns of the signals (catalogue version {catalogue.VERSION}, {len(signals)} signals)\n"
    yield _NAMING
    yield _OWN_COLUMNS
    yield "| signal | column | type | unit as documented | meaning |\n|---|---|---|---|---|"
    for signal in signals.values():
        yield from _signal_lines(signal)
    yield f"\n## Personal data\n\n{_PERSONAL}"
    yield f"| column | `{descriptions.TAG}` |\n|---|---|"
    yield from (f"| `{name}` | {kind} |" for name, kind in descriptions.PERSONAL.items())
    yield "\n## Side tables\n\nIn the schema or folder with `_ops`, for the job and its operators only.\n"
    for kind, columns in SIDE_TABLES.items():
        yield f"- `..._{kind}`: " + ", ".join(f"`{name}` {sql_type}" for name, sql_type in columns.items())
    yield ""


def _signal_lines(signal: Signal) -> Iterator[str]:
    for key, field in signal.fields.items():
        about = descriptions.meaning(signal, key, field)
        yield f"| {signal.code} | `{field.column}` | {field.sql_type} | {field.unit or ''} | {about} |"
    own = ", ".join(f"`{column}`" for column in (*signal.stamps.values(), signal.status))
    yield f"| | {own} | TIMESTAMP, TIMESTAMP, STRING | | |"


def _commands_page() -> Iterator[str]:
    yield f"{WRITTEN_BY}\n# Commands\n"
    yield f"{_CONSOLES}\n## flatten\n\n{_EXIT_CODES}"
    yield from _help_of(cli.commands, "flatten")
    yield _LOCAL_SPARK
    yield f"## stream-lambda\n\n{_STREAM_LAMBDA}"
    yield from _help_of(stream_lambda.commands, "stream-lambda")
    yield f"## From a clone of this repository\n\n{_FLEET}"
    yield from (_help(str(command.name), command) for command in (demo, fleet))
    yield ""


def _help_of(commands: Mapping[str, click.Command], prefix: str) -> Iterator[str]:
    for name, command in sorted(commands.items()):
        if isinstance(command, click.Group):
            yield from _help_of(command.commands, f"{prefix} {name}")
        else:
            yield _help(f"{prefix} {name}", command)


def _help(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    return f"### {name}\n\n```text\n{command.get_help(context)}\n```\n"


def _quarantine_page() -> Iterator[str]:
    yield f"{WRITTEN_BY}\n# Quarantine\n"
    yield _KEPT
    yield "| reason | what it means |\n|---|---|"
    yield from (f"| `{reason}` | {about} |" for reason, about in quarantine.REASONS.items())
    yield ""


def _variables_page() -> Iterator[str]:
    bundle = yaml.safe_load((ROOT / "databricks.yml").read_text("utf-8"))
    yield f"{WRITTEN_BY}\n# Variables of the bundle\n"
    yield _GIVEN
    yield "| variable | default | what it is |\n|---|---|---|"
    for name, variable in bundle["variables"].items():
        yield f"| `{name}` | {_default(variable)} | {' '.join(variable['description'].split())} |"
    for target, settings in bundle["targets"].items():
        yield f"\n## What `{target}` sets\n"
        own = settings.get("variables", {})
        yield from (f"- `{name}`: {_written(value)}" for name, value in own.items())
        if not own:
            yield "Nothing."
    yield ""


def _default(variable: dict[str, Any]) -> str:
    return _written(variable["default"]) if "default" in variable else "none, must be given"


def _written(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def main() -> None:
    """Write the pages; with --check write nothing and name those that would change."""
    stale = [name for name, text in pages().items() if not _is_written(DOCS / name, text)]
    if "--check" in sys.argv[1:]:
        sys.exit(f"Run `make docs`: {', '.join(stale)} would change." if stale else 0)
    for name in stale:
        (DOCS / name).write_text(pages()[name], "utf-8")


def _is_written(page: Path, text: str) -> bool:
    return page.exists() and page.read_text("utf-8") == text


if __name__ == "__main__":
    main()
