"""The job's compute, without Spark: its messages when it does not start, and its end."""

from pathlib import Path

import pytest

from rehearsal.databricks.compute import Compute
from rehearsal.errors import ComputeError

pytestmark = pytest.mark.process
WRONG = {"FLATTEN_SESSION": "no such kind"}


def test_the_reason_is_shown_when_spark_does_not_start(tmp_path: Path) -> None:
    with Compute(WRONG, tmp_path / "log") as compute:
        for _ in range(2):
            with pytest.raises(ComputeError, match=r"did not start: .*FLATTEN_SESSION is 'no such kind'"):
                compute.run(["status"])


def test_no_run_starts_an_ended_process_again(tmp_path: Path) -> None:
    with Compute(WRONG, tmp_path / "log") as compute:
        compute.end()
        with pytest.raises(ComputeError, match="ended"):
            compute.run(["status"])
    assert not (tmp_path / "log").exists()


def test_killing_a_process_that_never_started_is_not_an_error(tmp_path: Path) -> None:
    with Compute({}, tmp_path / "log") as compute:
        compute.kill()
    assert not (tmp_path / "log").exists()
