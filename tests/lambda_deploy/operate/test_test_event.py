"""`test-event`: a test item in a pipeline that is slow or loses it."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambda_deploy.errors import ItemLostError, WorkspaceError
from lambda_deploy.operate.test_event import MARK, Probe, item
from stream_to_s3.lines import to_lines
from stream_to_s3.objects import Batch, compressed
from support.aws_account import BUCKET, TABLE, Account
from support.captured import Said
from support.stream_events import inserts, poison, record

EVENT = f"{MARK}1"


@dataclass
class Pipeline:
    """Moves the item while the test waits: after `lands_after` and `merged_after` seconds."""

    account: Account
    lands_after: float = 5
    merged_after: float = 40
    prefix: str = "telemetry/"
    started: float = 0
    table: str = TABLE
    charging: str = "true"
    backlog: float | None = None
    rows: dict[str, str] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        clock = self.account.clock
        clock.sleep(seconds)
        if clock.now - self.started >= self.lands_after:
            self.put([record(1, self.items()[0], ApproximateCreationDateTime=int(clock.now))])
        if clock.now - self.started >= self.merged_after:
            self.rows[EVENT] = self.charging

    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.account.clients("dynamodb").scan(TableName=TABLE)["Items"]
        return items

    def put(self, records: list[Any]) -> None:
        lines = to_lines(records)
        body = compressed([*lines.converted, *lines.quarantined])
        key = Batch.of(records).key(self.prefix, len(records))
        self.account.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def probe(self, row: Callable[[str], str | None] | None = None) -> Probe:
        account, self.started = self.account, self.account.clock.now
        config = account.config(dynamodb_table=self.table)
        look, say = (lambda: self.backlog), account.said.append
        return Probe(config, account.clients, look, row, account.clock, self.sleep, say, 60, 120)


@pytest.fixture
def pipeline(account: Account) -> Pipeline:
    # moto dates objects by the real clock.
    account.clock.now = float(int(time.time()))
    account.said.clear()
    return Pipeline(account)


def test_each_step_is_shown_with_its_time_and_the_item_is_deleted(pipeline: Pipeline) -> None:
    steps = list(pipeline.probe(pipeline.rows.get).run("1"))
    assert [step.where for step in steps] == ["dynamodb", "s3", "table", "deleted"]
    assert steps[1].detail.startswith(f"s3://{BUCKET}/telemetry/")
    assert "charge-ischarging" in steps[1].detail
    assert steps[2].detail == "the row has Charge_IsCharging true"
    assert steps[3].detail == "the object stays, and the row with deleted_at"
    assert 5 <= steps[1].seconds < 12
    assert 40 <= steps[2].seconds < 60
    assert pipeline.items() == []


def test_waiting_is_shown(pipeline: Pipeline) -> None:
    list(pipeline.probe().run("1"))
    assert pipeline.account.said[0].startswith("not yet in S3 after")


def test_without_a_workspace_the_table_is_left_out(pipeline: Pipeline) -> None:
    assert [step.where for step in pipeline.probe().run("1")] == ["dynamodb", "s3", "deleted"]


def test_an_object_that_the_job_has_archived_meanwhile_is_found(pipeline: Pipeline) -> None:
    pipeline.prefix = "telemetry-archive/"
    steps = list(pipeline.probe().run("1"))
    assert "/telemetry-archive/" in steps[1].detail


def test_objects_of_other_events_are_not_mistaken_for_it(pipeline: Pipeline) -> None:
    probe = pipeline.probe()
    pipeline.put(inserts(3))
    [*_, last] = steps = list(probe.run("1"))
    assert steps[1].seconds >= 5
    assert last.where == "deleted"


def test_an_item_that_does_not_reach_s3_is_reported_and_deleted(pipeline: Pipeline) -> None:
    pipeline.lands_after = 1e9
    with pytest.raises(ItemLostError, match="within 60 s: run `stream-lambda doctor -t prod`"):
        list(pipeline.probe().run("1"))
    assert pipeline.items() == []


def test_an_item_that_does_not_reach_the_table_is_reported_and_deleted(pipeline: Pipeline) -> None:
    with pytest.raises(ItemLostError, match="is in S3, but not in the table"):
        list(pipeline.probe(lambda event_id: None).run("1"))
    assert pipeline.items() == []


def test_a_row_with_another_value_is_reported(pipeline: Pipeline) -> None:
    pipeline.charging = "None"
    with pytest.raises(ItemLostError, match="has Charge_IsCharging None, expected true"):
        list(pipeline.probe(pipeline.rows.get).run("1"))
    assert pipeline.items() == []


def test_with_a_backlog_it_waits_and_shows_its_age(pipeline: Pipeline) -> None:
    pipeline.backlog, pipeline.lands_after = 5_000, 400
    steps = list(pipeline.probe().run("1"))
    assert steps[1].seconds >= 400
    assert "behind a backlog: the newest record that the function read was 5,000 s old" in pipeline.account.said


def test_an_item_of_a_table_with_another_key_is_put_and_deleted(pipeline: Pipeline) -> None:
    dynamodb = pipeline.account.clients("dynamodb")
    dynamodb.create_table(
        TableName="other",
        KeySchema=[{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "user", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    pipeline.table = "other"
    with closing(pipeline.probe().run("1")) as steps:
        next(steps)
        assert dynamodb.scan(TableName="other")["Count"] == 1
    assert dynamodb.scan(TableName="other")["Count"] == 0


def test_the_item_can_be_converted() -> None:
    lines = to_lines([record(1, item(EVENT, 1_800_000_000.0))])
    assert lines.quarantined == []
    line = json.loads(lines.converted[0])
    assert (line["vehicle"]["make"], line["recorded_at"]) == ("Tesla", "2027-01-15 08:00:00")
    [signal] = line["signals"]
    assert (signal["code"], json.loads(signal["body"])) == ("charge-ischarging", {"value": True})


def test_a_quarantined_item_is_reported(pipeline: Pipeline) -> None:
    pipeline.prefix = "telemetry-quarantine/"
    with pytest.raises(ItemLostError, match="was quarantined as s3://"):
        list(pipeline.probe().run("1"))
    assert pipeline.items() == []


def test_an_interruption_leaves_no_item(pipeline: Pipeline) -> None:
    with closing(pipeline.probe().run("1")) as steps:
        next(steps)
        assert len(pipeline.items()) == 1
    assert pipeline.items() == []


def test_a_workspace_that_fails_leaves_no_item(pipeline: Pipeline) -> None:
    def fails(event_id: str) -> str | None:
        raise WorkspaceError("no answer")

    with pytest.raises(WorkspaceError):
        list(pipeline.probe(fails).run("1"))
    assert pipeline.items() == []


def test_an_existing_item_is_never_overwritten(pipeline: Pipeline) -> None:
    pipeline.account.clients("dynamodb").put_item(TableName=TABLE, Item={"event_id": {"S": EVENT}})
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        list(pipeline.probe().run("1"))
    assert len(pipeline.items()) == 1


def test_files_that_are_not_gzip_are_skipped(pipeline: Pipeline) -> None:
    probe = pipeline.probe()
    key = Batch.of([poison(1)]).key("telemetry/", 1)
    pipeline.account.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=b"\x1f\x8b")
    assert [step.where for step in probe.run("1")] == ["dynamodb", "s3", "deleted"]


def test_the_command_reports_the_reason_and_exits_with_1(account: Account, said: Callable[[], Said]) -> None:
    assert account.run("test-event", "--wait", "10", "--no-table") == 1
    output = said()
    assert "did not reach" in output.err
    assert output.out.split()[:3] == ["0.0", "s", "dynamodb"]


def test_a_missing_table_is_one_sentence(account: Account, said: Callable[[], Said]) -> None:
    assert account.run("test-event", "--json", dynamodb_table="not-there") == 1
    output = said()
    assert output.out == ""
    assert "ResourceNotFoundException" in output.err
