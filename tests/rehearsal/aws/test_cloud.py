"""The local cloud listens on the loopback address only and always ends with its user."""

import gzip
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.build import build
from rehearsal.aws.cloud import Cloud, cloud, running
from rehearsal.aws.mapping.journal import Journal
from rehearsal.aws.mapping.on_failure import Discarded, S3Destination
from rehearsal.aws.mapping.poller import Driver, Poller
from rehearsal.aws.mapping.records import DeliveredRecord
from rehearsal.aws.mapping.response import FunctionError, NotInvoked, Outcome, invoke_of
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.mapping.stream import DynamoDbStream
from rehearsal.aws.runtime import Function
from rehearsal.errors import DeliveryError, EmulatorError
from rehearsal.producer import Action, Producer
from support.clock import Clock
from support.memory_stream import ARN, MemoryStream
from support.processes import family_of

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc, and awslambdaric, are there on Linux only"),
]

HANDLER = "stream_to_s3.handler.handler"
USER = """
import sys
from pathlib import Path
from rehearsal.aws.cloud import cloud
with cloud(Path(sys.argv[1])) as running:
    print(running.endpoint, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def local() -> Iterator[Cloud]:
    with cloud() as found:
        yield found


def listening(pid: int) -> set[str]:
    """Return the local addresses, in the hexadecimal form of /proc, at which a process listens."""
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(link.readlink().name)
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}


def is_open(endpoint: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(endpoint.rpartition(":")[2]))) == 0


def test_a_table_has_a_stream_and_a_bucket_takes_objects(local: Cloud) -> None:
    arn = local.create_table("telemetry-one")
    local.create_bucket("raw-one")
    local.client("dynamodb").put_item(TableName="telemetry-one", Item={"event_id": {"S": "a"}})
    stream = DynamoDbStream(local.client("dynamodbstreams"), arn)
    (shard,) = stream.shards()
    (found,) = stream.read(stream.iterator(shard.shard_id, "TRIM_HORIZON"), 10).records
    assert (found["eventName"], found["dynamodb"]["StreamViewType"]) == ("INSERT", "NEW_AND_OLD_IMAGES")
    assert local.client("s3").list_objects_v2(Bucket="raw-one")["KeyCount"] == 0


def test_it_listens_on_the_loopback_address_only() -> None:
    others = set(family_of(os.getpid()))
    with cloud() as found:
        assert is_open(found.endpoint)
        addresses = set().union(*(listening(pid) for pid in set(family_of(os.getpid())) - others))
    assert addresses == {"0100007F"}


def test_it_ends_and_its_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    seen: list[Any] = []

    def fail() -> None:
        with cloud(tmp_path) as found:
            seen.extend([found.endpoint, list(tmp_path.iterdir())])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    endpoint, during = seen
    assert (len(during), is_open(endpoint), list(tmp_path.iterdir())) == (1, False, [])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_it_ends_and_its_folder_is_removed_when_its_user_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as user:
        assert user.stdout is not None
        endpoint = user.stdout.readline().strip()
        ends = [os.pidfd_open(pid) for pid in family_of(user.pid)[1:]]
        assert len(ends) == 2
        os.killpg(user.pid, how)
        user.wait(20)
    for end in ends:
        assert select.select([end], [], [], 20)[0]
        os.close(end)
    assert not is_open(endpoint)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_does_not_start_is_shown_with_the_end_of_its_log(tmp_path: Path) -> None:
    tried = []

    def arguments(port: int) -> list[str]:
        tried.append(port)
        return ["-c", f"raise SystemExit('port {port} is taken')"]

    with (
        pytest.raises(EmulatorError, match=r"did not start; the end of its log: port \d+ is taken"),
        running(arguments, lambda port: {}, tmp_path, "/"),
    ):
        pass
    assert len(tried) == 3


def test_another_port_is_tried_when_a_program_took_the_first(tmp_path: Path) -> None:
    tried = []

    def arguments(port: int) -> list[str]:
        tried.append(port)
        return ["-m", "http.server", "--bind", "127.0.0.1", str(port)] if len(tried) > 1 else ["-c", "exit(1)"]

    with running(arguments, lambda port: {}, tmp_path, "/") as url:
        assert url == f"http://127.0.0.1:{tried[1]}"
    assert not is_open(url)


def discarded(clock: Clock) -> Discarded:
    stream = MemoryStream(clock)
    stream.put('it\'s "é" `;\n../', note={"S": "😀" * 10})
    record = stream.read(stream.iterator("shard-1", "TRIM_HORIZON"), 1).records[0]
    outcome = FunctionError({"errorType": "ValueError"})
    return Discarded([DeliveredRecord.of(record, ARN)], "shard-1", ARN, "RetryAttemptsExhausted", 1, outcome, clock())


def test_a_bucket_gets_discarded_records_with_their_payload(local: Cloud) -> None:
    local.create_bucket("given-up")
    given_up = discarded(Clock())
    ids = iter(["request", "unique"])
    S3Destination(local.client("s3"), "given-up", "mapping-1", "arn:function", lambda: next(ids)).deliver(given_up)
    key = "aws/lambda/mapping-1/shard-1/2027/01/15/2027-01-15T08.00.00-unique"
    document = json.loads(local.client("s3").get_object(Bucket="given-up", Key=key)["Body"].read())
    assert json.loads(document["payload"]) == {"Records": [record.event for record in given_up.records]}


@pytest.mark.parametrize("fault", ["no bucket", "nobody there"])
def test_a_bucket_error_is_a_failed_delivery(local: Cloud, fault: str) -> None:
    with cloud() as other:
        client = local.client("s3") if fault == "no bucket" else other.client("s3", retries={"total_max_attempts": 1})
        if fault == "no bucket":
            with pytest.raises(DeliveryError, match="s3://nowhere/aws/lambda/"):
                S3Destination(client, "nowhere", "m", "arn", lambda: "id").deliver(discarded(Clock()))
            return
        gone = S3Destination(client, "nowhere", "m", "arn", lambda: "id")
        endpoint = other.endpoint
    assert not is_open(endpoint)
    with pytest.raises(DeliveryError, match="Could not connect"):
        gone.deliver(discarded(Clock()))


def test_an_item_that_is_put_becomes_a_line_by_way_of_the_mapping_and_the_zip(local: Cloud, tmp_path: Path) -> None:
    arn = local.create_table("telemetry-zip")
    local.create_bucket("raw-zip")
    archive = build(tmp_path / "function.zip").path
    environment = {**local.environment, "TELEMETRY_BUCKET": "raw-zip"}
    producer = Producer(local.client("dynamodb"), "telemetry-zip", clock=time.time, sleep=time.sleep)
    journal = Journal()
    with Function(archive, HANDLER, environment, tmp_path) as function:
        poller = Poller(
            DynamoDbStream(local.client("dynamodbstreams"), arn, producer.rewrite),
            invoke_of(function),
            MappingSettings(batching_window_seconds=0),
            clock=time.time,
            watch=journal,
        )
        with Driver(poller) as driver:
            producer.make(Action("put", "a", {"event_id": "a", "signals": [], "raw": 1.5}))
            producer.make(Action("put", "bad", {"event_id": "bad", "_stream_metadata": "forged"}))
            producer.make(Action("expire", "a"))
            assert driver.wait(60)
    lines = [line for key in keys(local, "raw-zip", "telemetry/") for line in lines_of(local, "raw-zip", key)]
    metadata = [line.pop("_stream_metadata") for line in lines]
    assert lines == [{"event_id": "a", "signals": [], "raw": 1.5}] * 2
    assert [(entry["event_name"], entry["expired_by_ttl"]) for entry in metadata] == [
        ("INSERT", False),
        ("REMOVE", True),
    ]
    (quarantined,) = keys(local, "raw-zip", "telemetry-quarantine/")
    assert [line["reason"] for line in lines_of(local, "raw-zip", quarantined)] == ["reserved_attribute"]
    assert journal.count() == {"handled": 3}


def keys(local: Cloud, bucket: str, prefix: str) -> list[str]:
    return [
        entry["Key"] for entry in local.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    ]


def lines_of(local: Cloud, bucket: str, key: str) -> list[dict[str, Any]]:
    body = local.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def test_an_event_larger_than_lambda_accepts_does_not_reach_the_function(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as content:
        content.writestr("app.py", "def handler(event, context):\n    raise ValueError(len(event))")
    with Function(tmp_path / "function.zip", "app.handler", {}, tmp_path) as function:
        large: Outcome = invoke_of(function)({"Records": ["x" * 6_300_000]})
        small = invoke_of(function)({"Records": []})
    assert isinstance(large, NotInvoked)
    assert "Lambda accepts 6,291,456" in large.reason
    assert isinstance(small, FunctionError)
    assert small.error["errorType"] == "ValueError"
