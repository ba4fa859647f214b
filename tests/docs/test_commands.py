"""Every command that the README and the guides show exists, with these options, and takes these values."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flatten.cli import cli as flatten
from lambda_deploy.cli import commands as stream_lambda
from rehearsal.demo import demo
from rehearsal.fleet.__main__ import fleet

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONSOLES = {"flatten": flatten, "stream-lambda": stream_lambda, "rehearsal.fleet": fleet}
COMMAND = re.compile(
    r"^(?:\$ |[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:python -m )?(flatten|stream-lambda|rehearsal\.fleet) ([^#\n>|]*)"
)
TARGETS = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8")))


def code_of(page: Path) -> Iterator[str]:
    """Yield the shell lines of a page, with continued lines joined, and its inline code."""
    text = page.read_text("utf-8")
    for block in re.findall(r"(?ms)^ *```(?:sh|console)\n(.*?)```", text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", text))


def shown(page: Path) -> Iterator[tuple[str, str]]:
    for line in code_of(page):
        for console, rest in COMMAND.findall(line):
            if not rest.startswith(("...", "…", "-")):
                yield console, rest.strip()


SHOWN = sorted({(console, rest) for page in PAGES for console, rest in shown(page) if page.name != "CHANGELOG.md"})


@pytest.mark.parametrize(("console", "rest"), SHOWN, ids=[" ".join(one) for one in SHOWN])
def test_a_command_on_a_page_exists_and_accepts_its_values(console: str, rest: str) -> None:
    command: click.Command = CONSOLES[console]
    words = shlex.split(rest.partition(" < ")[0].replace("…", ""))
    while isinstance(command, click.Group) and words:
        name, *words = words
        assert name in command.commands, f"{console} has no command {name}"
        command = command.commands[name]
    known = {way for each in command.params for way in (*each.opts, *each.secondary_opts)} | {"--help"}
    assert {word for word in words if word.startswith("-") and word != "-"} <= known


def test_commands_are_found() -> None:
    assert len(SHOWN) > 40


def test_every_target_of_make_on_a_page_exists() -> None:
    asked = {name for page in PAGES for line in code_of(page) for name in re.findall(r"^make ([a-z][a-z-]*)", line)}
    assert {"demo", "test", "setup", "docs"} <= asked
    assert asked <= TARGETS


def test_the_options_of_the_demo_on_a_page_exist() -> None:
    known = {way for each in demo.params for way in each.opts}
    given = {
        option
        for page in PAGES
        for line in code_of(page)
        for arguments in re.findall(r"^make demo ARGS=(?:'([^']*)'|\S+)", line)
        for option in re.findall(r"--[a-z]+", arguments)
    }
    assert given <= known
