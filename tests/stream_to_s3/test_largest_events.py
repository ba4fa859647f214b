"""No event that Lambda can send kills the zip: 6 MB of every shape, in 512 MB of address space and 60 s.

One process handles all of them, under AWS's runtime client, so that leftovers of one event would show in the next.
Lambda limits the memory in use, which is less than the address space that is limited here. Seconds are processor time,
scaled to Lambda's share of a processor at 512 MB.
"""

import gzip
import json
import random
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.build import build
from rehearsal.aws.runtime import MOST_BYTES, Function
from rehearsal.loopback import Answer, HttpRequest, LoopbackServer
from support.emulators import CREDENTIALS
from support.stream_events import inserts, record, stream_event, typed_item

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only"),
]

SHARE = 512 / 1769
"""Of a processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

PROBE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (512 * 2**20, 512 * 2**20))

import time
from pathlib import Path
from stream_to_s3.handler import handler as ours

def handler(event, context):
    answer = ours(event, context)
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    Path("/proc/self/clear_refs").write_text("5")
    return {**answer, "peak": peak, "seconds": time.process_time()}
"""

Json = dict[str, Any]


def filled(part: Callable[[int], Any]) -> list[Any]:
    """Return as many parts as fit into an event, to a few KB."""
    count = 1_000
    for _ in range(2):
        samples = [part(number * count // 1_000) for number in range(1_000)]
        count = ROOM * 1_000 // len(compact(samples))
    return [part(number) for number in range(count)]


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


ROOM = MOST_BYTES - 6_000


def one_item(value: Any) -> list[Json]:
    """Return one record whose item fills the event."""
    return [record(1, {"event_id": {"S": "event-1"}, "all": value})]


def in_a_list(part: Callable[[int], Json]) -> list[Json]:
    return one_item({"L": filled(part)})


def in_records(part: Callable[[int], Json]) -> list[Json]:
    return filled(lambda number: record(number, {"event_id": {"S": str(number)}, "all": part(number)}))


def nested(levels: int, last: Json) -> Json:
    for level in range(levels):
        last = {"L": [last]} if level % 2 else {"M": {"k": last}}
    return last


def noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)  # noqa: S311 # test data


TEXT = ROOM - 1_000
BOTH = (typed_item({"event_id": "e", "recorded_at": "2", "t": "x" * 500}), typed_item({"recorded_at": "1"}))
STORED: dict[str, Callable[[], list[Json]]] = {
    "telemetry": lambda: inserts(1_990, signals=7),
    "tiny records": lambda: in_records(lambda n: {"N": "1"}),
    "empty items": lambda: filled(lambda n: record(n, {})),
    "removals by key": lambda: filled(lambda n: record(n, Keys={"event_id": {"S": "e"}})),
    "both images": lambda: filled(lambda n: record(n, BOTH[0], BOTH[1])),
    "400 KB items": lambda: [record(n, {"event_id": {"S": "e"}, "t": {"S": "x" * 400_000}}) for n in range(15)],
    "one digit, 600,000 times": lambda: in_a_list(lambda n: {"N": "1"}),
    "numbers of 38 digits": lambda: in_a_list(lambda n: {"N": f"-{10**37 + n}E-125"}),
    "empty texts": lambda: in_a_list(lambda n: {"S": ""}),
    "empty maps": lambda: in_a_list(lambda n: {"M": {}}),
    "empty lists": lambda: in_a_list(lambda n: {"L": []}),
    "empty binaries": lambda: in_a_list(lambda n: {"B": ""}),
    "nulls": lambda: in_a_list(lambda n: {"NULL": True}),
    "booleans": lambda: in_a_list(lambda n: {"BOOL": False}),
    "empty sets": lambda: in_a_list(lambda n: {"SS": []}),
    "a set of empty texts": lambda: one_item({"SS": filled(lambda n: "")}),
    "a set of numbers": lambda: one_item({"NS": filled(str)}),
    "a set of binaries": lambda: one_item({"BS": filled(lambda n: "AA==")}),
    "a wide map": lambda: one_item({"M": {str(n): {"N": "1"} for n in range(330_000)}}),
    "a wide map of long names": lambda: one_item({"M": {f"{n:030x}": {"M": {}} for n in range(145_000)}}),
    "hostile names": lambda: one_item({"M": {f'"\\\u2028\0{n}': {"S": "\n"} for n in range(190_000)}}),
    "names of 64 KB": lambda: one_item({"M": {f"{n}" + "é" * 32_000: {"S": ""} for n in range(90)}}),
    "32 levels": lambda: in_records(lambda n: nested(32, {"N": "1"})),
    "chains of 32 levels": lambda: one_item({"L": filled(lambda n: nested(31, {"N": "1"}))}),
    "binary": lambda: one_item({"B": b64encode(noise(TEXT // 4 * 3)).decode()}),
    "text of two bytes a letter": lambda: one_item({"S": "é" * (TEXT // 2)}),
    "text of three bytes a letter": lambda: one_item({"S": "€" * (TEXT // 3)}),
    "text of four bytes a letter": lambda: one_item({"S": "🚗" * (TEXT // 4)}),
    "quotes": lambda: one_item({"S": '"' * (TEXT // 2)}),
    "noise as text": lambda: one_item({"S": noise(TEXT // 2).hex()}),
    "short noise": lambda: in_a_list(lambda n: {"S": random.Random(n).randbytes(6).hex()}),  # noqa: S311 # test data
}
QUARANTINED: dict[str, Callable[[], list[Json]]] = {
    "records with nothing in them": lambda: filled(lambda n: {"eventSource": "aws:dynamodb"}),
    "records without a value": lambda: in_records(lambda n: {"X": n}),
    "200 levels in each record": lambda: in_records(lambda n: nested(200, {"N": "1"})),
    "900 levels": lambda: one_item({"L": [nested(445, {"N": "1"}), {"S": "x" * (TEXT - 6_000)}]}),
    "600,000 values and an invalid one": lambda: one_item({"L": [*filled(lambda n: {"N": "1"}), {"N": ""}]}),
    "a number of 6 MB": lambda: one_item({"N": "1" * TEXT}),
    "a fraction of 6 MB": lambda: one_item({"N": "0." + "0" * TEXT}),
    "an invalid number of 6 MB": lambda: one_item({"N": "x" * TEXT}),
    "invalid base64 of 6 MB": lambda: one_item({"B": "A" * (TEXT - 1) + "!"}),
    "500,000 invalid values": lambda: one_item({str(n): {} for n in range(500_000)}),
    "a reserved attribute": lambda: [record(1, {"_stream_metadata": {"S": "é" * (TEXT // 2)}})],
    "records without a time": lambda: filled(lambda n: record(n, {}, ApproximateCreationDateTime="now")),
}
SHAPES = {name: (make, "telemetry/") for name, make in STORED.items()} | {
    name: (make, "telemetry-quarantine/") for name, make in QUARANTINED.items()
}


class Bucket:
    """A fake S3 that accepts every object, and remembers the puts of a call."""

    def __init__(self) -> None:
        self.puts: list[HttpRequest] = []

    def respond(self, request: HttpRequest) -> Answer:
        self.puts.append(request)
        return Answer(200, headers={"ETag": '"0"'})

    def lines(self) -> dict[str, int]:
        """Return how many lines there are under each prefix."""
        found: dict[str, int] = {}
        for put in self.puts:
            prefix = put.target.split("/")[2] + "/"
            found[prefix] = found.get(prefix, 0) + gzip.decompress(put.body).count(b"\n")
        return found


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(scope="module")
def function(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    folder: Path = tmp_path_factory.mktemp("largest")
    archive = build(folder / "stream_to_s3.zip").path
    with zipfile.ZipFile(archive, "a") as content:
        content.writestr("probe.py", PROBE)
    with LoopbackServer(bucket.respond) as s3:
        variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": s3.url, "TELEMETRY_BUCKET": "telemetry"}
        with Function(archive, "probe.handler", variables, folder) as made:
            made.invoke({"Records": []})
            yield made


@pytest.mark.parametrize(("make", "prefix"), SHAPES.values(), ids=SHAPES)
def test_six_megabytes_of_any_shape_are_stored(
    function: Function, bucket: Bucket, make: Callable[[], list[Json]], prefix: str
) -> None:
    records = make()
    event = compact(stream_event(records))
    assert 0.9 * MOST_BYTES < len(event) <= MOST_BYTES
    before = function.invoke({"Records": []}).response["seconds"]
    bucket.puts.clear()
    call = function.invoke(event)
    assert (call.error, call.was_cold) == (None, False)
    assert bucket.lines() == {prefix: len(records)}
    assert {put.headers["x-amz-expected-bucket-owner"] for put in bucket.puts} == {"123456789012"}
    assert (call.response["seconds"] - before) / SHARE < 60
    assert call.response["peak"] < 400 * 2**20, "less than a hundred megabytes are free"
