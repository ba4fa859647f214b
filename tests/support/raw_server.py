"""A server that misbehaves below HTTP: it hangs, sends slowly, or sends invalid data."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

Behaviour = Callable[[socket.socket, Event], None]


def hang(connection: socket.socket, closing: Event) -> None:
    """Accept the request and never answer."""
    connection.recv(65_536)
    closing.wait()


def drip(connection: socket.socket, closing: Event) -> None:
    """Send a header one byte at a time, forever."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not closing.wait(0.05):
        connection.sendall(b"x")


def nonsense(connection: socket.socket, closing: Event) -> None:
    """Answer with something other than HTTP."""
    connection.recv(65_536)
    connection.sendall(b"\x00\x01SSH-2.0\r\n\r\n")


@contextmanager
def raw_server(behaviour: Behaviour) -> Iterator[str]:
    """Yield host and port of a server on the loopback address."""
    closing = Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                behaviour(connection, closing)
            except OSError:
                return

    def accept() -> None:
        while not closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(Thread(target=serve, args=(connection,)))
            threads[-1].start()

    acceptor = Thread(target=accept)
    acceptor.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [acceptor, *threads]:
            thread.join()
