"""Handle Ctrl-C while Spark works.

Python raises KeyboardInterrupt wherever its main thread is, nearly always in a call to the JVM. py4j then shuts down
more connections than that call's (`send_command` in py4j/java_gateway.py), and the next call to Spark, to stop a query
or to end the session, may fail with a network error. So the main thread only waits, and another thread makes the calls.
When the session ends during a call, the result is that of a killed run.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

T = TypeVar("T")


def interruptible(work: Callable[[], T]) -> T:
    """Do the work, with py4j in a separate thread; return its result or raise its error.

    After KeyboardInterrupt the work continues until the caller ends the session that it uses, or the process ends.
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
    """Delay Ctrl-C until the end of the `with`, in which Spark starts: a half started Spark would never end.

    pyspark forgets a JVM whose start is interrupted, and that JVM waits forever. pyspark also installs a signal handler
    that calls the JVM in the middle of another call; this restores the earlier handler.
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
