"""Ctrl-C while Spark works.

Python raises KeyboardInterrupt wherever its main thread is, and that is nearly always in a call to the JVM. py4j then
shuts down more connections than that call's (`send_command` in py4j/java_gateway.py), and whatever is asked of Spark
next, to stop a query or to end the session, may fail with an error of the network. So the main thread only waits, and
another one makes the calls. What that one was doing when the session ends under it is what a killed run leaves.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

T = TypeVar("T")


def interruptible(work: Callable[[], T]) -> T:
    """Do the work, where py4j does it in a thread of its own; return what it returns or raise what it raises.

    On KeyboardInterrupt the work goes on until the caller ends the session that it uses, or the process ends.
    """
    from pyspark.sql.utils import is_remote

    if is_remote():
        return work()
    done: Future[T] = Future()

    def act() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again below, in the thread that waits
            done.set_exception(error)

    Thread(target=act, name="work", daemon=True).start()
    return done.result()


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the `with`: Spark starts in there, and what is half started is never ended.

    pyspark forgets a JVM whose start is interrupted, and that one waits for ever. It also puts a handler of its own in
    place, which calls the JVM in the middle of another call to it; the one from before is put back.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or before is None:
        yield
        return
    came: list[Any] = []
    signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)
