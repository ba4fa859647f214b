"""Writes a sample. `_files` shows the way: cars -> events -> changes -> lines -> batches -> objects."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from flatten.errors import UsageError
from flatten.sample import damage, folder
from flatten.sample.batches import SampleFile, batches, objects
from flatten.sample.car import seeded
from flatten.sample.fleet import Dated, fleet_events
from flatten.sample.history import Change, History
from flatten.sample.lines import Line, Stream
from flatten.sample.odd_items import with_oddities
from flatten.sample.report import SampleReport, Tally

DEFAULT_START = datetime(2025, 11, 12, tzinfo=UTC)
FEWEST_EVENTS_WITH_ODDITIES = 250
_BROKEN_FILE_LINES = 12


def write_sample(
    out: Path,
    *,
    events: int,
    vehicles: int,
    seed: int,
    oddities: bool,
    start: datetime | None = None,
    lines_per_file: int = 200,
    progress: Callable[[int], None] | None = None,
) -> SampleReport:
    """Write the events of an invented fleet below `out`, in the form of the Lambda's objects.

    `events` is the number of distinct event ids. A file has at most `lines_per_file` good lines, and fewer
    where there would be fewer than eight files. With `oddities` come the odd forms of real events, bad lines
    and broken files. `start` has a time zone; without one the sample begins on 12 November 2025, just before
    Smartcar changed its payload. The same arguments give the same bytes and the same modification times,
    which are the files' arrivals. `progress` is called after each file with the number of events so far.

    Files are renamed into place; what an interrupted call left is completed by the same call. Raises
    UsageError for numbers that cannot be, LocationError when `out` holds anything else or cannot be written.
    """
    _check(events, vehicles, lines_per_file, start, oddities)
    sample = _Sample(events, vehicles, seed, oddities, start or DEFAULT_START, lines_per_file)
    present = folder.files_in(out)
    if present:
        folder.refuse_strangers(out, present, sample.files(Tally()))
    tally = Tally()
    for file in sample.files(tally):
        folder.write_file(out, file)
        tally.files += 1
        tally.bytes += len(file.content)
        tally.lines += file.lines
        if progress:
            progress(tally.events)
    return tally.report()


def _check(events: int, vehicles: int, lines_per_file: int, start: datetime | None, oddities: bool) -> None:
    for name, value in (("events", events), ("vehicles", vehicles), ("lines per file", lines_per_file)):
        if value < 1:
            raise UsageError(f"A sample of {value} {name} is not possible: ask for at least 1.")
    if oddities and events < FEWEST_EVENTS_WITH_ODDITIES:
        raise UsageError(f"{events} events cannot show every oddity: ask for at least {FEWEST_EVENTS_WITH_ODDITIES}.")
    if oddities and lines_per_file < 2:
        raise UsageError("One line per file leaves no room for bad lines among good ones: ask for at least 2.")
    if start and start.tzinfo is None:
        raise UsageError(f"The start {start.isoformat()} has no time zone: add one, such as +00:00.")


class _Sample:
    """The arguments of a sample. `files` can be gone through more than once and gives the same each time."""

    def __init__(
        self, events: int, vehicles: int, seed: int, oddities: bool, start: datetime, lines_per_file: int
    ) -> None:
        self._events, self._vehicles, self._seed, self._odd = events, vehicles, seed, oddities
        self._start = start.timestamp()
        self._size = min(lines_per_file, max(1, events // 8))
        self._seeds = (seed, self._start, events, vehicles, oddities)

    def files(self, tally: Tally) -> Iterator[SampleFile]:
        """Yield all files, about in order of arrival, and count what is in them."""
        fleet = fleet_events(self._vehicles, self._seed, self._start)
        stream = Stream(self._start, self._events, seeded(*self._seeds, "stream"), self._renewal())
        first = islice(fleet, self._events)
        if not self._odd:
            return objects(batches(stream.lines(self._changes(first, tally)), self._size), tally, odd_forms=False)
        return self._odd_files(fleet, first, stream, tally)

    def _renewal(self) -> int | None:
        return self._events * 9 // 10 if self._odd else None

    def _changes(self, events: Iterator[Dated], tally: Tally) -> Iterator[Change]:
        older = min(20, self._events // 20) if self._odd else 0
        history = History(seeded(*self._seeds, "history"), tally, unnumbered=older, unseen=self._odd)
        return history.changes(events)

    def _odd_files(
        self, fleet: Iterator[Dated], first: Iterator[Dated], stream: Stream, tally: Tally
    ) -> Iterator[SampleFile]:
        older: list[Line] = []
        lines = stream.lines(self._changes(with_oddities(first, self._events, tally), tally))
        found = batches(_numbered(lines, older), self._size)
        bad = damage.with_bad_lines(found, self._events, seeded(*self._seeds, "bad lines"), tally)
        yield from objects(bad, tally, odd_forms=True)
        yield damage.older_file(older, tally)
        more = (Change(at, "INSERT", item) for at, item in islice(fleet, 2 * _BROKEN_FILE_LINES))
        unreadable, incomplete = batches(stream.lines(more), _BROKEN_FILE_LINES)
        yield damage.truncated_file(unreadable, tally)
        yield damage.incomplete_file(incomplete, tally)
        yield from damage.empty_files(older[-1].at, tally)


def _numbered(lines: Iterator[Line], others: list[Line]) -> Iterator[Line]:
    """Yield the lines that have a number, and add those without to `others`."""
    for line in lines:
        if line.number is None:
            others.append(line)
        else:
            yield line
