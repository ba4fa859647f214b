"""The command line of `flatten`: a module for each command. Every option is also read from FLATTEN_<OPTION>.

Exit codes: 0 done (also with quarantined lines), 1 the work could not be done, 2 wrong usage.
"""

import logging
from collections.abc import Sequence

import click

from flatten import __version__
from flatten.cli.backfill import backfill
from flatten.cli.common import failed
from flatten.cli.explain import explain
from flatten.cli.maintain import maintain
from flatten.cli.redrive import redrive
from flatten.cli.replay import replay
from flatten.cli.run import run
from flatten.cli.smoke import smoke
from flatten.cli.status import status
from flatten.cli.views import views
from flatten.errors import FlattenError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Turn vehicle telemetry events in files into one flat Delta row per event.

    \b
    Try it:
      flatten run --source landing --archive archive --table ./tables/telemetry --state state
      flatten status --table ./tables/telemetry
    """


for _command in (run, status, maintain, smoke, views, replay, backfill, redrive, explain):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; return when it succeeded, else exit with the code of its error.

    This is the entry point of the wheel: a job's task counts a return as success and an exception as failure.
    """
    # py4j logs the tracebacks of errors that it passes on; a person needs only the sentence below.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        cli.main(args=arguments, standalone_mode=False)
    except FlattenError as error:
        click.echo(f"flatten: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        click.echo("flatten: interrupted; committed work stays, run again to complete it.", err=True)
        raise SystemExit(130) from None
    except Exception as error:
        from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS

        if not isinstance(error, (*SPARK_ERRORS, *SPARK_ENDED, OSError)):
            raise
        click.echo(f"flatten: {failed(error)}", err=True)
        raise SystemExit(1) from None
