"""What goes wrong with files: bad lines among good ones, broken, empty and older files."""

import json
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from flatten.sample.bad_lines import BAD_LINES, BadLineError
from flatten.sample.batches import SampleFile, hour, is_plain, key, packed
from flatten.sample.car import new_id
from flatten.sample.lines import Line, to_json
from flatten.sample.report import Tally


def with_bad_lines(found: Iterable[list[Line]], expected: int, rng: Random, tally: Tally) -> Iterator[list[Line]]:
    """Yield the batches, bad lines in the midst of some.

    All kinds have come before `expected` good lines are through. First and last line of a batch stay good:
    the object's key is made from them.
    """
    kinds = list(BAD_LINES) * (1 + expected // 20_000)
    step = max(1, expected * 6 // 10 // len(kinds))
    seen = used = 0
    for turn, batch in enumerate(found):
        seen += len(batch)
        if is_plain(turn) and len(batch) > 1:
            due = kinds[used : seen // step]
            used += len(due)
            for kind in due:
                batch.insert(rng.randrange(1, len(batch)), _bad_line(kind, batch[0], rng, tally))
        yield batch


def _bad_line(kind: BadLineError, model: Line, rng: Random, tally: Tally) -> Line:
    tally.quarantined[kind.reason] += 1
    tally.oddities[kind.kind] += 1
    return Line(kind.make({**json.loads(model.content), "event_id": new_id(rng)}), model.at)


def truncated_file(batch: Sequence[Line], tally: Tally) -> SampleFile:
    """Return an object that ends in the middle of its gzip stream."""
    tally.quarantined["file_unreadable"] += 1
    tally.oddities["file_truncated"] += 1
    content = packed(b"".join(line.content + b"\n" for line in batch))
    return SampleFile(key(batch), content[: len(content) * 6 // 10], batch[-1].at + 2)


def incomplete_file(batch: Sequence[Line], tally: Tally) -> SampleFile:
    """Return an object whose key promises more lines than it has."""
    tally.quarantined["file_incomplete"] += 1
    tally.oddities["file_incomplete"] += 1
    content = packed(b"".join(line.content + b"\n" for line in batch))
    return SampleFile(key(batch, promised=len(batch) + 3), content, batch[-1].at + 2)


def empty_files(at: float, tally: Tally) -> Iterator[SampleFile]:
    """Yield a file of no bytes and one of gzip's 20 bytes for nothing."""
    tally.oddities["file_empty"] += 1
    yield SampleFile(f"{hour(at)}/upload-given-up.ndjson.gz", b"", at)
    tally.oddities["file_empty_gzip"] += 1
    yield SampleFile(f"{hour(at)}/nothing-to-send.ndjson.gz", packed(b""), at)


def older_file(lines: Sequence[Line], tally: Tally) -> SampleFile:
    """Return an object of the pipeline of two Lambdas: these lines, and a later delivery of the first.

    It is plain text without an end to its last line, and its lines have no `_stream_metadata`.
    """
    tally.oddities["file_of_the_older_pipeline"] += 1
    contents = [*(line.content for line in lines), _delivered_later(lines[0].content)]
    at = lines[-1].at + 1
    path = f"{hour(at)}/telemetry_{round(at * 1000)}_{len(contents)}.json"
    return SampleFile(path, b"\n".join(contents), at, len(contents))


def _delivered_later(content: bytes) -> bytes:
    item = json.loads(content)
    return to_json({**item, "meta": {**item["meta"], "deliveredAt": item["meta"]["deliveredAt"] + 480_000}})
