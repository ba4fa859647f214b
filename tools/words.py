"""Find words that plain English replaces: `python tools/words.py FILE_OR_FOLDER ...`; tools/words.txt is the list.

Markdown is read without its code, Python as its comments and strings, all else as it is. Exit code 1 when one is found.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("words.txt")
SUFFIXES = frozenset({".md", ".py", ".yml", ".sh"})
_CODE = re.compile(r"(?ms)^ *```.*?^ *```|`[^`\n]*`|<!--.*?-->")
_TEXT = {"COMMENT", "STRING", "FSTRING_MIDDLE"}


class Rule(NamedTuple):
    """A pattern that must not occur, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


def rules(text: str) -> list[Rule]:
    """Read the list: a regular expression, a tab, what to write instead; # begins a comment."""
    rows = [line.partition("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [Rule(re.compile(pattern, re.IGNORECASE), instead) for pattern, _, instead in rows]


def found_in(name: str, text: str, wanted: Iterable[Rule]) -> Iterator[str]:
    """Yield `name:line: words: what to write instead` for each place."""
    prose = _prose(name, text)
    for rule in wanted:
        for match in rule.pattern.finditer(prose):
            line = prose.count("\n", 0, match.start()) + 1
            yield f"{name}:{line}: {match.group().strip()!r}: write {rule.instead}"


def _prose(name: str, text: str) -> str:
    """Return the words for people, each on the line that it has in the file."""
    if name.endswith(".md"):
        return _CODE.sub(lambda code: "\n" * code.group().count("\n"), text)
    if not name.endswith(".py"):
        return text
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] in _TEXT:
            for offset, part in enumerate(token.string.splitlines()):
                lines[token.start[0] - 1 + offset] += f" {part}"
    return "\n".join(lines)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files to read, those of folders in order."""
    for path in paths:
        yield from sorted(found for found in path.rglob("*") if found.suffix in SUFFIXES) if path.is_dir() else [path]


def main() -> None:
    """Print what is found; end with 1 when that is anything."""
    wanted = rules(LIST.read_text("utf-8"))
    given = map(Path, sys.argv[1:])
    found = [line for path in files(given) for line in found_in(str(path), path.read_text("utf-8"), wanted)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
