"""Each link of each page leads to an existing file and, if given, to an existing heading."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
LINK = re.compile(r"(?:\]\(|(?:src|srcset|href)=\")(?!https?:|mailto:)([^)#\s\"]*)(?:#([^)\s\"]*))?[)\"]")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    without_code = re.sub(r"(?s)```.*?```", "", page.read_text("utf-8"))
    heads = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head) for head in re.findall(r"(?m)^#+ (.+)$", without_code)]
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken(page: Path) -> Iterator[str]:
    without_code = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", page.read_text("utf-8"))
    for target, anchor in LINK.findall(without_code):
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            yield target
        elif anchor and anchor not in anchors(file):
            yield f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_and_anchor_resolves(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head, with `code`\n\n[a](none.md) [b](#a-head-with-code) [c](#none) [d](page.md#none)\n")
    assert list(broken(page)) == ["none.md", "#none", "page.md#none"]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / target).resolve() for target, _ in LINK.findall(page.read_text("utf-8"))]
        ahead += [target for target in targets if target.suffix == ".md" and target.exists()]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached


CODE = [
    path
    for folder in ("src", "resources", "tests", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".yml", ".json"} and path.name != "signal_catalogue.json"
]


def test_pages_and_sections_named_in_code_exist() -> None:
    named = {
        (path.name, page, anchor)
        for path in [*CODE, ROOT / "databricks.yml"]
        for page, anchor in re.findall(r"(?<![\w/])(docs/[a-z/-]+\.md)(?:#([\w-]+))?", path.read_text("utf-8"))
    }
    assert len(named) > 20
    missing = [
        f"{name}: {page}#{anchor}"
        for name, page, anchor in sorted(named)
        if not (ROOT / page).exists() or (anchor and anchor not in anchors(ROOT / page))
    ]
    assert missing == []
