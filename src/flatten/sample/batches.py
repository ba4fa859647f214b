"""Lines become the objects that the Lambda writes, in the order in which they arrive. Contract 1.

Of the batches, some reach the bucket late, behind their successor, as after a redrive, and some come again in
halves, as after a failure that came behind the write (the mapping bisects).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flatten.sample.lines import Line
from flatten.sample.report import Tally

_LATE_EVERY, _AGAIN_EVERY, _AGAIN_TURN = 31, 29, 1
_CRLF_TURN, _BOM_TURN = 2, 3
_GZIP = 16 + zlib.MAX_WBITS

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One object: its path below the sample's folder, and when it arrived, in seconds since 1970 UTC.

    `lines` is how many lines can be read from it, 0 for a broken file.
    """

    path: str
    content: bytes
    arrived: float
    lines: int = 0


def batches(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    """Cut lines into batches of `size`; a batch holds lines of one stream only."""
    batch: list[Line] = []
    for line in lines:
        if batch and (len(batch) >= size or line.stream != batch[0].stream):
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def objects(found: Iterable[Sequence[Line]], tally: Tally, odd_forms: bool) -> Iterator[SampleFile]:
    """Yield the object of each batch; with `odd_forms` one has CRLF, one a BOM and blank lines."""
    held: Sequence[Line] = ()
    for turn, batch in enumerate(found):
        arrived = batch[-1].at + 2
        if turn % _LATE_EVERY == 0:
            held = batch
            continue
        yield _odd_object(turn, batch, arrived, tally) if odd_forms else _object(batch, arrived)
        if held:
            tally.late_lines += len(held) if _follows(batch, held) else 0
            yield _object(held, arrived + 5)
            held = ()
        if turn % _AGAIN_EVERY == _AGAIN_TURN:
            yield from _halves(batch, arrived + 60, tally)
    if held:
        yield _object(held, held[-1].at + 2)


def is_plain(turn: int) -> bool:
    """Say whether the batch of this turn is neither late, nor repeated, nor of an odd form."""
    return turn > _BOM_TURN and turn % _LATE_EVERY != 0 and turn % _AGAIN_EVERY != _AGAIN_TURN


def _follows(batch: Sequence[Line], held: Sequence[Line]) -> bool:
    return batch[0].stream == held[0].stream


def _halves(batch: Sequence[Line], arrived: float, tally: Tally) -> Iterator[SampleFile]:
    middle = len(batch) // 2
    if middle:
        tally.repeated_lines += len(batch)
        yield _object(batch[:middle], arrived)
        yield _object(batch[middle:], arrived + 1)


def _odd_object(turn: int, batch: Sequence[Line], arrived: float, tally: Tally) -> SampleFile:
    if turn == _CRLF_TURN:
        tally.oddities["file_with_crlf"] += 1
        return _object(batch, arrived, end=b"\r\n")
    if turn == _BOM_TURN:
        tally.oddities["file_with_bom_and_blank_lines"] += 1
        return _object(batch, arrived, begin=BOM, end=b"\n\n   \n")
    return _object(batch, arrived)


def _object(batch: Sequence[Line], arrived: float, begin: bytes = b"", end: bytes = b"\n") -> SampleFile:
    content = begin + b"".join(line.content + end for line in batch)
    return SampleFile(key(batch), packed(content), arrived, len(batch))


def key(batch: Sequence[Line], promised: int | None = None) -> str:
    """Return the path of a batch's object; `promised` is the number of lines to claim, if not the true one.

    The first and the last line have numbers.
    """
    ids = "\n".join(line.stream_event_id for line in batch if line.stream_event_id)
    check = hashlib.sha256(ids.encode()).hexdigest()[:8]
    count = len(batch) if promised is None else promised
    return f"{hour(batch[0].at)}/{batch[0].number}-{batch[-1].number}-{count}-{check}.ndjson.gz"


def hour(at: float) -> str:
    """Return the folder of an hour, YYYY/MM/DD/HH in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d/%H")


def packed(content: bytes) -> bytes:
    """Return the content as gzip, the same bytes each time and in each Python (gzip.compress changed in 3.13)."""
    return zlib.compress(content, 6, wbits=_GZIP)
