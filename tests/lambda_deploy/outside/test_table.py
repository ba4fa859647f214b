"""The table and its stream: the stream is switched on when off, and never changed when on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambda_deploy.errors import UnfitError
from lambda_deploy.outside.table import read_table, switch_on_stream
from lambda_deploy.wait import Wait
from support.aws_account import TABLE, Account, moto_account
from support.captured import Said


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Account]:
    """Return an empty account."""
    with moto_account(tmp_path) as account:
        yield account


def test_a_stream_that_is_off_is_switched_on_with_both_images(fresh: Account) -> None:
    fresh.create_table()
    config = fresh.config()
    assert not read_table(config, fresh.clients).is_streaming
    table = switch_on_stream(config, fresh.clients, Wait(fresh.clock, fresh.clock.sleep, fresh.said.append))
    assert (table.is_streaming, table.view_type) == (True, "NEW_AND_OLD_IMAGES")


def test_a_stream_of_new_images_works_with_a_note(fresh: Account) -> None:
    fresh.create_table("NEW_IMAGE")
    [note] = read_table(fresh.config(), fresh.clients).notes
    assert "NEW_AND_OLD_IMAGES avoids that" in note


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "OLD_IMAGE"])
def test_a_stream_without_new_images_is_refused_and_left_alone(fresh: Account, view_type: str) -> None:
    fresh.create_table(view_type)
    with pytest.raises(UnfitError, match=f"has the view type {view_type}, whose records lack the new image"):
        read_table(fresh.config(), fresh.clients)
    found = fresh.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["StreamSpecification"]
    assert found["StreamViewType"] == view_type


def test_another_key_works_with_a_note(fresh: Account) -> None:
    fresh.create_table("NEW_AND_OLD_IMAGES", key="user_id")
    [note] = read_table(fresh.config(), fresh.clients).notes
    assert "is user_id (HASH), not event_id alone: rows are merged by event_id" in note


def test_the_natural_key_needs_no_note(fresh: Account) -> None:
    fresh.create_table("NEW_AND_OLD_IMAGES")
    table = read_table(fresh.config(), fresh.clients)
    assert (table.notes, table.key_arn) == ((), "")


def test_a_table_that_does_not_exist_is_refused(fresh: Account) -> None:
    with pytest.raises(UnfitError, match=f"the table '{TABLE}' does not exist in eu-west-1 of this account"):
        read_table(fresh.config(), fresh.clients)


def test_a_developer_without_a_table_is_refused(fresh: Account, said: Callable[[], Said]) -> None:
    assert fresh.run("plan", "--target", "dev", dynamodb_table="") == 1
    assert "target dev: dynamodb_table is empty" in said().err
    assert "dynamodb.DescribeTable" not in fresh.calls
