"""Drives a poller: until there is nothing left to do, or live, in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Event
from types import TracebackType
from typing import Self

from rehearsal.mapping.poller import Poller


def drain(poller: Poller, sleep: Callable[[float], None]) -> None:
    """Step until every record that is in the stream now has ended."""
    begun = poller.now()
    while (step := poller.step()).settled is None or step.settled <= begun:
        sleep(step.wait)


class Driver:
    """Step for as long as a `with` lasts. What a step raised is raised by `wait`, and at the end of the `with`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._stop = Event()
        self._changed = Condition()
        self._settled: float | None = None
        self._is_over = False
        self._executor = ThreadPoolExecutor(1, "mapping")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._executor.submit(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._executor.shutdown()
        if self._running is not None and error is None:
            self._running.result()

    def wait(self, seconds: float) -> bool:
        """Wait until every record that is in the stream now has ended; return False when that takes longer."""
        begun = self._poller.now()
        with self._changed:
            ended = self._changed.wait_for(lambda: self._is_over or (self._settled or 0) > begun, seconds)
        if self._is_over and self._running is not None:
            self._running.result()
        return ended

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                step = self._poller.step()
                self._tell(step.settled, is_over=False)
                self._stop.wait(step.wait)
        finally:
            self._tell(None, is_over=True)

    def _tell(self, settled: float | None, *, is_over: bool) -> None:
        with self._changed:
            self._settled, self._is_over = settled, is_over
            self._changed.notify_all()
