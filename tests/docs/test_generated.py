"""The generated docs are what `make docs` writes now, and complete."""

import re
import subprocess
import sys
from pathlib import Path

from flatten.tables.quarantine import REASONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generated_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_reason_in_the_code_is_documented() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "src" / "flatten").rglob("*.py"))
    given = set(re.findall(r'Bad(?:Line|File)Error\(\s*"(\w+)"', code)) | set(re.findall(r'"(file_changed)"', code))
    assert given == set(REASONS)


def test_every_variable_of_a_local_spark_is_documented() -> None:
    code = (ROOT / "src/flatten/local/settings.py").read_text("utf-8")
    read = re.findall(r'environment\.get\("([A-Z0-9_]+)"', code)
    told = re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/reference/commands.md").read_text("utf-8"))
    assert set(read) == set(told)


def test_readme_starts_with_the_two_commands() -> None:
    first_block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first_block
    assert [line.partition("#")[0].strip() for line in first_block.group(1).splitlines()] == ["make demo", "make test"]


def test_ci_runs_what_the_readme_says() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_job_makes_no_call_that_serverless_refuses() -> None:
    """https://docs.databricks.com/aws/en/compute/serverless/limitations"""
    forbidden = re.compile(
        r"sparkContext|\.rdd\b|\.cache\(|\.persist\(|\.unpersist\(|\.checkpoint\(|global_temp|GlobalTempView"
        r"|CACHE TABLE|REFRESH TABLE|spark\.conf\.set|_jvm|_jdf|processingTime|\.coalesce\(1\)"
    )
    local = ROOT / "src" / "flatten" / "local"
    found = [
        f"{path.name}: {match.group()}"
        for path in (ROOT / "src" / "flatten").rglob("*.py")
        if local not in path.parents
        for match in forbidden.finditer(path.read_text("utf-8"))
    ]
    assert not found
