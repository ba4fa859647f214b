"""The command line of `flatten`: a module for each command. Every option is also read from FLATTEN_<OPTION>.

Exit codes: 0 done (also with quarantined lines), 1 the work could not be done, 2 wrong usage.
"""

import logging
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from flatten import __version__
from flatten.cli.backfill import backfill
from flatten.cli.common import failed
from flatten.cli.explain import explain
from flatten.cli.maintain import maintain
from flatten.cli.redrive import redrive
from flatten.cli.replay import replay
from flatten.cli.report import report
from flatten.cli.run import run
from flatten.cli.smoke import smoke
from flatten.cli.status import status
from flatten.cli.views import views
from flatten.errors import FlattenError, hidden, traceback_of
from flatten.session import on_databricks


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Turn vehicle telemetry events in files into one flat Delta row per event.

    \b
    Try it:
      flatten run --source landing --archive archive --table ./tables/telemetry --state state
      flatten status --table ./tables/telemetry
    """


_debug = click.option("--debug", is_flag=True, expose_value=False, help="Also show the traceback, without secrets.")
for _command in (run, status, maintain, smoke, views, replay, backfill, redrive, explain, report):
    cli.add_command(_command)
for _command in (cli, *cli.commands.values()):
    _debug(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; return when it succeeded, else exit with the code of its error.

    This is the entry point of the wheel: a job's task counts a return as success and an exception as failure.
    """
    if arguments is None and sys.getfilesystemencoding() != "utf-8" and not on_databricks(os.environ):
        # Names of files are UTF-8, whatever the locale says.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # our own start
    # py4j logs the tracebacks of errors that it passes on; a person needs only the sentence below.
    logging.getLogger().addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    try:
        cli.main(args=words, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        click.echo("flatten: interrupted; committed work stays, run again to complete it.", err=True)
        raise SystemExit(130) from None
    except Exception as error:  # noqa: BLE001  # its text may contain a secret
        if "--debug" in words:
            click.echo(traceback_of(error), err=True)
        known = error if isinstance(error, FlattenError) else failed(error)
        click.echo(f"flatten: {hidden(str(known))}", err=True)
        raise SystemExit(known.exit_code) from None
