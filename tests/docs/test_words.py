"""The list of words that plain English replaces, and the tool that finds them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.words import LIST, found_in, rules

ROOT = Path(__file__).parents[2]
RULES = rules(LIST.read_text("utf-8"))


@pytest.mark.parametrize("rule", RULES, ids=[rule.pattern.pattern for rule in RULES])
def test_each_rule_has_a_replacement(rule: tuple[object, str]) -> None:
    assert rule[1].strip()


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("page.md", "Upkeep runs daily.", ["1"]),
        ("page.md", "`upkeep` and\n```sh\nupkeep\n```\nno upkeep", ["5"]),
        ("code.py", 'upkeep = 1\nx = "no\\n"  # the upkeep', ["2"]),
        ("code.py", '"""One.\n\nThe upkeep of it.\n"""\n', ["3"]),
        ("code.py", "upkeep = {upkeep: 1}\n", []),
        ("job.yml", "description: upkeep\n", ["1"]),
    ],
    ids=["page", "code of a page", "comment", "docstring", "names", "yaml"],
)
def test_only_words_for_people_are_read(name: str, text: str, lines: list[str]) -> None:
    assert [found.split(":")[1] for found in found_in(name, text, rules("\\bupkeep\\b\tmaintenance"))] == lines


@pytest.mark.parametrize(("text", "code"), [("The upkeep.", 1), ("The maintenance.", 0)], ids=["found", "none"])
def test_a_finding_exits_with_1(tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "page.md").write_text(text)
    command = [sys.executable, str(ROOT / "tools/words.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "write maintenance" in done.stdout) == (code, bool(code))
