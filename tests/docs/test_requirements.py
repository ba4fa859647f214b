"""requirements/ is complete and consistent, and each dependency has its reason in docs/dependencies.md."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
SETS = sorted(path.stem for path in REQUIREMENTS.glob("*.in"))
MACHINES = [
    (system, machine, python)
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64"))
    for python in ("3.11", "3.12", "3.13")
]
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))?(?P<rest>(?: \\\n    --hash=\S+)*)$", re.M
)
ROW = re.compile(r"^\| (?P<name>[\w-]+) \| (?P<licence>[^|]+) \| (?P<reason>[^|]+) \|$", re.M)


def wanted(name: str) -> list[Requirement]:
    """Read an .in file with those that it includes."""
    found = []
    for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines():
        line = re.sub(r"(^|\s+)#.*", "", line)
        if included := re.fullmatch(r"-r (\w+)\.in", line):
            found += wanted(included[1])
        elif line:
            found.append(Requirement(line))
    return found


def pins(name: str) -> dict[str, list[re.Match[str]]]:
    """Return the pins of a .txt file by package; one has several where Pythons need different versions."""
    found: dict[str, list[re.Match[str]]] = {}
    for pin in PIN.finditer((REQUIREMENTS / f"{name}.txt").read_text()):
        found.setdefault(canonicalize_name(pin["name"]), []).append(pin)
    return found


def named() -> set[str]:
    return {canonicalize_name(requirement.name) for name in SETS for requirement in wanted(name)}


def documented() -> dict[str, re.Match[str]]:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    return {canonicalize_name(row["name"]): row for row in ROW.finditer(text) if row["name"] != "package"}


def holds(marker: str | None, environment: dict[str, str]) -> bool:
    return not marker or Marker(marker).evaluate(environment)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("environment", MACHINES, ids=" ".join)
def test_every_wanted_package_is_pinned_once_and_as_wanted(name: str, environment: tuple[str, str, str]) -> None:
    system, machine, python = environment
    there = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    there["python_full_version"] = f"{python}.1"
    pinned = pins(name)
    for requirement in wanted(name):
        if holds(str(requirement.marker or ""), there):
            pin = [pin for pin in pinned[canonicalize_name(requirement.name)] if holds(pin["marker"], there)]
            assert len(pin) == 1
            assert requirement.specifier.contains(pin[0]["version"])


@pytest.mark.parametrize("name", SETS)
def test_every_line_of_a_pinned_set_is_a_pin_with_hashes(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert all(pin["rest"] for pin in PIN.finditer(text))
    assert re.sub(r"(?m)^ *#.*\n", "", PIN.sub("", text)).split() == []


@pytest.mark.parametrize("name", SETS)
def test_every_pin_is_required(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    blocks = re.split(r"(?m)^(?=[\w.-]+==)", text)[1:]
    asked = {canonicalize_name(block.split("==")[0]) for block in blocks if "-r requirements/" in block}
    assert asked == {canonicalize_name(requirement.name) for requirement in wanted(name)}


@pytest.mark.parametrize("name", [name for name in SETS if name != "dev"])
def test_all_sets_pin_the_same_versions(name: str) -> None:
    everything = pins("dev")
    for package, found in pins(name).items():
        if package in everything:
            assert [pin["version"] for pin in found] == [pin["version"] for pin in everything[package]]


def test_the_pinned_packages_are_the_installed_ones() -> None:
    for package, found in pins("dev").items():
        if not any(pin["marker"] for pin in found):
            assert metadata.version(package) == found[0]["version"]


def test_the_docs_list_exactly_the_dependencies() -> None:
    assert set(documented()) == named()


def test_the_docs_have_the_licence_of_each_package() -> None:
    stated = {}
    for package in sorted(named() & set(pins("dev"))):
        about = metadata.metadata(package)
        if "License-Expression" in about:
            stated[package] = about["License-Expression"]
    assert stated == {package: documented()[package]["licence"] for package in stated}
