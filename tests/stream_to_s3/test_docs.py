"""docs/reference/lambda.md agrees with the code."""

import re
from pathlib import Path

import pytest

from lambda_deploy.build import OUR_BUDGET, WHOLE_BUDGET
from stream_to_s3 import auth, lines, rest, settings, trigger
from stream_to_s3.metrics import NAMESPACE, UNITS

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/reference/lambda.md").read_text()


def words_in(module: object, pattern: str) -> set[str]:
    return set(re.findall(pattern, Path(str(vars(module)["__file__"])).read_text()))


@pytest.mark.parametrize("name", sorted(words_in(settings, r'environment\.get\("([A-Z_]+)"')))
def test_every_setting_is_in_the_table(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", DOCS, re.MULTILINE)


def test_every_setting_in_the_table_is_read() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCS, re.MULTILINE))
    assert documented == words_in(settings, r'environment\.get\("([A-Z_]+)"')


@pytest.mark.parametrize(("name", "unit"), UNITS.items())
def test_every_metric_is_in_the_table(name: str, unit: str) -> None:
    assert f"| `{name}` | {unit} |" in DOCS


def test_the_namespace_is_named() -> None:
    assert f"Namespace `{NAMESPACE}`" in DOCS


def test_every_reason_of_quarantine_is_in_the_table() -> None:
    reasons = words_in(lines, r'RecordError\(\s*"([a-z_]+)"')
    assert reasons == {"unconvertible", "reserved_attribute", "malformed_record"}
    assert all(f"| `{reason}` |" in DOCS for reason in reasons)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{rest.CONNECT_SECONDS:.0f} s to connect and {rest.READ_SECONDS:.0f} s to read" in DOCS
    assert f"nothing is tried for {trigger.PAUSE_SECONDS:.0f} s" in DOCS
    kept = auth.PERSONAL_TOKEN_SECONDS - auth.EARLY_SECONDS
    assert re.search(rf"read\s+again\s+every\s+{kept / 60:.0f}\s+minutes", DOCS)
    assert f"{WHOLE_BUDGET / 1e6:.1f} MB" in DOCS
    assert f"{OUR_BUDGET / 1e3:.0f} KB" in DOCS
