"""A proxy in front of an S3 API that makes chosen requests fail in chosen ways."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Event

from rehearsal.loopback import Answer, HttpRequest, LoopbackServer

Forward = Callable[[], Answer]
Fault = Callable[[Forward], Answer]


def error(status: int, code: str) -> Fault:
    """Answer with an error of S3 without forwarding the request."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>simulated</Message></Error>"
    return lambda forward: Answer(status, body.encode(), {"Content-Type": "application/xml"})


def passed(forward: Forward) -> Answer:
    """Forward without a fault."""
    return forward()


def cut_before(forward: Forward) -> Answer:
    """Cut the connection before forwarding."""
    return Answer(None)


def cut_after(forward: Forward) -> Answer:
    """Forward, then cut the connection before the answer."""
    forward()
    return Answer(None)


class FaultProxy:
    """Each PUT gets the next fault; without one it is forwarded, like all other requests."""

    def __init__(self, upstream: str) -> None:
        self.faults: list[Fault] = []
        self.puts = 0
        self.closing = Event()
        self._upstream = upstream.removeprefix("http://")

    def hang_before(self, forward: Forward) -> Answer:
        """Neither forward nor answer."""
        self.closing.wait()
        return Answer(None)

    def hang_after(self, forward: Forward) -> Answer:
        """Forward, but do not answer."""
        forward()
        self.closing.wait()
        return Answer(None)

    def respond(self, request: HttpRequest) -> Answer:
        """Return the answer to a request, or the fault instead."""
        if request.method != "PUT":
            return self._forward(request)
        self.puts += 1
        fault = self.faults.pop(0) if self.faults else passed
        return fault(lambda: self._forward(request))

    def _forward(self, request: HttpRequest) -> Answer:
        connection = HTTPConnection(self._upstream, timeout=10)
        try:
            headers = {name: value for name, value in request.headers.items() if name != "expect"}
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_THE_CONNECTION}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()


_OF_THE_CONNECTION = {"connection", "content-length", "transfer-encoding", "date", "server"}


@contextmanager
def fault_proxy(upstream: str, faults: Iterable[Fault] = ()) -> Iterator[tuple[FaultProxy, str]]:
    """Yield a proxy in front of this URL, and its URL."""
    proxy = FaultProxy(upstream)
    proxy.faults.extend(faults)
    with LoopbackServer(proxy.respond) as server:
        try:
            yield proxy, f"http://{server.address}"
        finally:
            proxy.closing.set()
