"""Fixtures of the tests of `stream-lambda`."""

from collections.abc import Callable, Iterator

import pytest
from moto.moto_api._internal.models import moto_api_backend

from support.aws_account import BUCKET, REGION, Account, moto_account
from support.captured import Said


@pytest.fixture(scope="module")
def moto_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account for a module: clients take longer to make than most tests."""
    with moto_account(tmp_path_factory.mktemp("account")) as account:
        yield account


@pytest.fixture
def account(moto_of_module: Account) -> Account:
    """An account of moto with the table, its stream and the bucket, and nothing else."""
    moto_api_backend.reset()
    moto_of_module.create_table("NEW_AND_OLD_IMAGES")
    place = {"LocationConstraint": REGION}
    moto_of_module.clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    moto_of_module.calls.clear()
    return moto_of_module


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], Said]:
    """What the command has said since it was last asked; never a traceback."""

    def read() -> Said:
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured

    return read
