"""The form of the pages: a title, what the page answers, and the first table or command on the first screen."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FIRST_SCREEN = 40


def lines(page: Path) -> list[str]:
    """Return the page without the mark of generated pages."""
    return re.sub(r"\A<!--.*?-->\n+", "", page.read_text("utf-8")).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_begins_with_its_title_and_with_what_it_answers(page: Path) -> None:
    title, blank, first = lines(page)[:3]
    assert re.fullmatch(r"# \S.*", title)
    assert blank == ""
    assert re.match(r"[A-Z`]", first)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_first_screen_of_a_page_has_a_command_or_a_table(page: Path) -> None:
    assert any(line.startswith(("|---", "| ---", "```")) for line in lines(page)[:FIRST_SCREEN])


def test_the_pages_are_no_longer_than_they_were() -> None:
    generated = [page for page in PAGES if "Written by `make docs`" in page.read_text("utf-8")]
    written = [ROOT / "README.md", *(page for page in PAGES if page not in generated)]
    assert sum(len(lines(page)) for page in written) <= 2478
