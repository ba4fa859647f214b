"""Fixtures of the tests of `stream-lambda`."""

from collections.abc import Callable, Iterator

import pytest
from moto.moto_api._internal.models import moto_api_backend

from support.aws_account import BUCKET, REGION, Account, moto_account
from support.captured import Said


@pytest.fixture(scope="module")
def moto_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Yield one account per module: making clients takes longer than most tests."""
    with moto_account(tmp_path_factory.mktemp("account")) as account:
        yield account


@pytest.fixture
def account(moto_of_module: Account) -> Account:
    """Yield a moto account with only the table, its stream and the bucket."""
    moto_api_backend.reset()
    moto_of_module.create_table("NEW_AND_OLD_IMAGES")
    place = {"LocationConstraint": REGION}
    moto_of_module.clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    moto_of_module.calls.clear()
    return moto_of_module


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], Said]:
    """Return a reader of the command's output since the last call; there must be no traceback."""

    def read() -> Said:
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured

    return read
