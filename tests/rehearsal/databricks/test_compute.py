"""The job's compute, without Spark: what is said when it does not start, and that it is gone when it was ended."""

from pathlib import Path

import pytest

from rehearsal.databricks.compute import Compute
from rehearsal.errors import ComputeError

pytestmark = pytest.mark.process
WRONG = {"FLATTEN_SESSION": "no such kind"}


def test_spark_that_does_not_start_is_said_with_its_reason(tmp_path: Path) -> None:
    with Compute(WRONG, tmp_path / "log") as compute:
        for _ in range(2):
            with pytest.raises(ComputeError, match=r"did not start: .*FLATTEN_SESSION is 'no such kind'"):
                compute.run(["status"])


def test_no_run_starts_what_was_ended(tmp_path: Path) -> None:
    with Compute(WRONG, tmp_path / "log") as compute:
        compute.end()
        with pytest.raises(ComputeError, match="over"):
            compute.run(["status"])
    assert not (tmp_path / "log").exists()


def test_to_kill_what_never_started_is_no_error(tmp_path: Path) -> None:
    with Compute({}, tmp_path / "log") as compute:
        compute.kill()
    assert not (tmp_path / "log").exists()
