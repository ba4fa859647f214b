"""Ctrl-C while Spark works, without Spark."""

import os
import signal
from collections.abc import Iterator
from threading import Event, Thread, current_thread, main_thread

import pytest

from flatten import session
from flatten.local.interrupts import interruptible, interrupts_later


@pytest.fixture
def asked() -> Iterator[Event]:
    """Let work that waits for it end."""
    event = Event()
    yield event
    event.set()


def test_work_is_done_in_another_thread_and_its_result_returned() -> None:
    assert interruptible(current_thread) is not main_thread()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)], ids=repr)
def test_an_error_of_the_work_is_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        interruptible(fail)
    assert raised.value is error


def test_an_interrupt_is_raised_while_the_work_continues(asked: Event) -> None:
    def interrupted() -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return asked.wait(60)

    with pytest.raises(KeyboardInterrupt):
        interruptible(interrupted)


@pytest.mark.parametrize("variable", ["DATABRICKS_RUNTIME_VERSION", "SPARK_CONNECT_MODE_ENABLED"])
def test_without_our_jvm_there_is_no_other_thread(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    assert session.interruptible(current_thread) is main_thread()


def test_an_interrupt_waits_for_the_end_and_goes_to_the_earlier_handler() -> None:
    before, done = signal.getsignal(signal.SIGINT), []

    @interrupts_later()
    def start() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as pyspark puts its own there
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert done
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_comes_before_an_interrupt() -> None:
    @interrupts_later()
    def start() -> None:
        signal.raise_signal(signal.SIGINT)
        raise ValueError("no start")

    with pytest.raises(ValueError, match="no start"):
        start()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_restore_no_handlers() -> None:
    went = []

    def other() -> None:
        with interrupts_later():
            went.append(True)

    thread = Thread(target=other)
    thread.start()
    thread.join()
    assert went == [True]
