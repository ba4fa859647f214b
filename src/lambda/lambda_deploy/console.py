"""Share code between all commands: external clients, the options that choose a target, and output."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from lambda_deploy.aws import Clients, connect
from lambda_deploy.build import packed
from lambda_deploy.config import Config
from lambda_deploy.explain import explained
from lambda_deploy.texts import cut
from lambda_deploy.wait import Wait
from lambda_deploy.workspace import Workspaces, connect_workspace

_Command = TypeVar("_Command", bound=Callable[..., Any])
_BUNDLE: Final = "databricks.yml"
# Seconds that a user may wait.
SECONDS: Final = click.IntRange(0, 86_400)


def ask(text: str, hidden: bool) -> str:
    """Return the user's input. Raises UsageError without a terminal."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask on: {text}")
    answer: str = click.prompt(text, hide_input=hidden, err=True)
    return answer


@dataclass(frozen=True)
class Tools:
    """The external clients of the commands: `connect` makes AWS clients for a region, `pack` the zip."""

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    connect: Callable[[str], Clients] = connect
    workspaces: Workspaces = connect_workspace
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    ask: Callable[[str, bool], str] = ask
    pack: Callable[[], bytes] = packed
    # The end of `deploy`: a test event for a target. None leaves it out.
    smoke_test: Callable[[Config, Clients], Any] | None = None

    def config(self, bundle: Path | None, target: str | None) -> Config:
        """Return the chosen target. Raises ConfigError."""
        return Config.read(bundle or nearest_bundle(), target, self.environment)

    def wait(self, seconds: float = 300) -> Wait:
        """Return a Wait of at most this many seconds; it writes to standard error what it waits for."""
        return Wait(self.clock, self.sleep, progress, seconds)


def nearest_bundle() -> Path:
    """Return databricks.yml of this folder or the nearest parent; that of the folder if neither exists."""
    with explained("looking at the current folder", "go to one that exists"):
        folder = Path.cwd()
    for place in (folder, *folder.parents):
        if (place / _BUNDLE).is_file():
            return place / _BUNDLE
    return Path(_BUNDLE)


def target_options(command: _Command) -> _Command:
    """Add --bundle and --target."""
    command = click.option(
        "--bundle",
        type=click.Path(path_type=Path),
        help="The bundle's file; by default databricks.yml here or in a parent folder.",
    )(command)
    return click.option("--target", "-t", help="A target of the bundle; by default the bundle's default target.")(
        command
    )


def json_option(command: _Command) -> _Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def yes_option(command: _Command) -> _Command:
    """Add --yes."""
    return click.option("--yes", "-y", "is_sure", is_flag=True, help="Do not ask.")(command)


def progress(text: str) -> None:
    """Print a line of progress on standard error, dim on a terminal."""
    click.secho(text, dim=True, err=True)
    sys.stderr.flush()


def print_json(content: Any) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(content, indent=2, default=str))


def json_line(value: object) -> str:
    """Return a value as JSON on one line, without control characters, shortened when it is long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    text = "".join([letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text])
    return cut(text, 120)
