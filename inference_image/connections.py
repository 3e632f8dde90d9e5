"""HTTP for one worker: uvicorn, with bounds on clients that say nothing, or too much, before they ask."""

import asyncio
import contextlib
import ctypes
import json
import socket
import struct
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, cast

import uvicorn
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from inference_image.log import log

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

CONNECTIONS = 4096  # open at once at one worker; more are closed again
BACKLOG = 1024  # that the kernel keeps until this process takes them
HEAD_BYTES = 2**16  # of a request's line and headers
PIPELINED = 64  # requests that wait for answers to those before them, on one connection
PAUSE_SECONDS = 1
ASK_SECONDS = 0.5  # for who has come just before the end
IDLE_SECONDS = 75  # between two requests: longer than load balancers wait (60), so that they close first

_TOO_LONG = 431, f"head or trailers have more than {HEAD_BYTES} bytes"

# In Linux' classic BPF, over a segment's TCP header: drop what has SYN set, take all else. linux/filter.h
_ATTACH_FILTER = 26
_NO_SYN = struct.pack("HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 2, 0x06, 0, 0, 0, 0x06, 0, 0, 2**32 - 1)


class Server(uvicorn.Server):
    """Listens with the other workers (SO_REUSEPORT): the kernel gives each new connection to one of them."""

    def __init__(self, app: ASGIApp, host: str, port: int, stop_seconds: int) -> None:
        """Listen; `answer` takes the requests. After `stop` the open ones have so many seconds.

        Raises OSError if this address cannot be listened on.
        """
        self._socket = socket.create_server(
            (host, port), family=family(host), backlog=BACKLOG, reuse_port=True
        )
        self._socket.settimeout(0)
        self._connecting: set[asyncio.Task[object]] = set()
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=stop_seconds,
            )
        )

    async def answer(self) -> None:
        """Serve until `stop`."""
        # It listens nowhere itself: libuv takes one connection a turn of the loop, and ours are long.
        await self.serve([])

    def stop(self) -> None:
        """Take no new requests, answer the open ones."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer also those whom the kernel has let in and nobody has taken yet: closing would reset them."""
        let_nobody_in(self._socket)
        await asyncio.sleep(ASK_SECONDS / 5)
        self._take()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        await self._all_have_asked()
        await super().shutdown(sockets)

    async def _all_have_asked(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                while self._connecting or any(map(_has_asked_nothing, self.server_state.connections)):
                    await asyncio.sleep(0.01)

    def _open(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    def _take(self) -> None:
        """Take all who wait."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                client, _ = self._socket.accept()
                made = loop.create_task(loop.connect_accepted_socket(self._connection, client))
                self._connecting.add(made)  # the loop alone would let go of it
                made.add_done_callback(self._connecting.discard)
        except (BlockingIOError, ConnectionAbortedError):  # nobody waits any more; or who did has gone
            pass
        except OSError as error:  # too many open files
            log(f"no connections for {PAUSE_SECONDS} s: {error.strerror}")
            loop.remove_reader(self._socket)
            loop.call_later(PAUSE_SECONDS, self._open)

    def _connection(self) -> "Connection":
        return Connection(self.config, self.server_state, {})

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: the worker drains first."""
        yield


class Connection(HttpToolsProtocol):
    """One client. uvicorn bounds its body and its idle time, but neither its headers nor its patience."""

    head_seconds = 30.0  # for a request's line and headers to come
    discard_seconds = 10.0  # for the rest of what has been refused
    unread_seconds = 30.0  # for answers to be read

    _fault = 400, "this is no request in HTTP/1.1"  # status and detail, where the parser stops
    _late: asyncio.TimerHandle | None = None  # closes it
    _unread: asyncio.TimerHandle | None = None  # ends it
    _fruitless = 0  # bytes since the last head or piece of a body was complete
    _is_refused = False  # all that still comes
    _answered: RequestResponseCycle | None = None  # the request that is, or was last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # whatever the client's kernel does not take is unread
        self._expect(self.head_seconds)
        if len(self.connections) > CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self._unset_keepalive_if_required()  # uvicorn does so where no error has ended it
        if self._answered is not None and not self._answered.response_complete:
            self._leave_unanswered(self._answered)  # uvicorn does so with the last that came
        self.pipeline.clear()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        self._fruitless += len(data)
        try:
            self._parse(memoryview(data))
        except (HttpParserError, HttpParserUpgrade):  # the latter where it is CONNECT that asks
            self._refuse(*self._fault)
        else:
            if self._fruitless > HEAD_BYTES and not self.transport.is_closing():
                self._refuse(*_TOO_LONG)
            elif self._late is None and not self._is_busy:  # an empty line, before a request
                self._expect(self.timeout_keep_alive)

    def on_message_begin(self) -> None:
        self._expect(self.head_seconds)
        super().on_message_begin()
        self.scope["state"]["is_gone"] = self.transport.is_closing

    def on_headers_complete(self) -> None:
        self._arrived()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._stop(*_TOO_LONG)
        if len(self.pipeline) == PIPELINED:
            self._stop(400, f"more than {PIPELINED} requests wait for their answers")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._fruitless = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arrived()
        if self.cycle and self.cycle.response_complete:
            # It was refused, and uvicorn's own timer ended as more of it came.
            self._expect(self.timeout_keep_alive)
        super().on_message_complete()
        if not self.pipeline:
            # More than 64 KiB at once made uvicorn pause, and so the client could not be seen to go.
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Take the rest of a body after the answer: a client that still sends would see only a reset.

        But no further request before those that have come: uvicorn would queue without end.
        """
        if self._answered is not None:
            self._answered.body = bytearray()  # of what was refused, nobody has taken it
            self._answered.transport = self.transport  # `_Whole` and it would keep one another
        answered = self._answered
        super().on_response_complete()  # which may begin the next
        if answered is not None and answered.more_body:
            self._expect(self.discard_seconds)
        if self.pipeline:
            self.flow.pause_reading()

    def pause_writing(self) -> None:
        """Let go of who does not read: an answer waits for that without end, and closing waits as well."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    @property
    def _is_busy(self) -> bool:
        """Whether a request is being answered, or has been refused and its body still comes."""
        return self.cycle is not None and (not self.cycle.response_complete or self.cycle.more_body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._answered = cycle
        cycle.transport = _Whole(cycle, self._discard_the_rest)
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        return True  # so that nothing is answered before `_parse` has taken the offer away

    def _parse(self, data: memoryview) -> None:
        """Parse; a head that offers another protocol once more without the offer.

        The parser would wait for that protocol and lose the body. A server may ignore it (RFC 9110, 7.8), and
        Java's client offers HTTP/2 so with every first request.
        """
        while True:
            try:
                return self.parser.feed_data(data)
            except HttpParserUpgrade as offer:
                head, data = self._head_without_offer(), data[offer.args[0] :]
                self.parser = HttpRequestParser(self)  # the other takes no more behind `Connection: close`
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
                self.parser.feed_data(head)

    def _head_without_offer(self) -> bytes:
        parser = self.parser
        line = b"%b %b HTTP/%b\r\n" % (parser.get_method(), self.url, parser.get_http_version().encode())
        kept = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return line + b"".join(kept) + b"\r\n"

    def shutdown(self) -> None:
        """Wait for no end of what has been refused."""
        if self._is_refused:
            self.transport.close()
        else:
            super().shutdown()

    def _discard_the_rest(self) -> None:
        """Read what still comes, and forget it: a client that still sends would see only a reset."""
        self._is_refused = True
        self.flow.resume_reading()
        self.transport.write_eof()
        self._expect(self.discard_seconds)

    def _stop(self, status: int, detail: str) -> NoReturn:
        """Stop the parser, in one of its callbacks."""
        self._fault = status, detail
        raise HttpParserError(detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what is no request, or the rest of one."""
        from inference_image.access import id_of, refuse  # noqa: PLC0415  with PyTorch, which the supervisor need not load
        from inference_image.problems import details  # noqa: PLC0415

        request_id = uuid.uuid4().hex
        if self._answered is not None and not self._answered.response_complete:
            scope = cast("Scope", self._answered.scope)
            request_id = id_of(scope)
            refuse(scope, status)
            self._leave_unanswered(self._answered)
        log("refused", request_id=request_id, status=status, detail=detail)
        body = json.dumps(details(status, detail)).encode()
        head = (
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self._discard_the_rest()

    def _leave_unanswered(self, cycle: RequestResponseCycle) -> None:
        """Let a request write nothing any more, nor wait for its body."""
        cycle.disconnected = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()

    def _expect(self, seconds: float) -> None:
        self._wait_no_more()
        self._late = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _arrived(self) -> None:
        self._fruitless = 0
        self._wait_no_more()

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Whole(asyncio.Transport):
    """Lets an answer's head wait for the body: one packet, and one waking of the client, for two.

    Where it is closed before the request's body has come, it leaves that to `discard`.
    """

    def __init__(self, cycle: RequestResponseCycle, discard: Callable[[], None]) -> None:
        super().__init__()
        self._cycle, self._transport, self._discard = cycle, cycle.transport, discard
        self._head = b""
        self._waits = cycle.scope["method"] != "HEAD"  # or no body comes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._waits and self._cycle.response_started:  # "100 Continue" comes before
            self._waits, self._head = False, bytes(data)
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def close(self) -> None:
        self._transport.write(self._head)
        if self._cycle.more_body and not self.is_closing():
            self._discard()
        else:
            self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


def _has_asked_nothing(connection: object) -> bool:
    return isinstance(connection, Connection) and connection.cycle is None


def let_nobody_in(listening: socket.socket) -> None:
    """Ignore who asks for a connection: they ask again after a second, and somebody else may answer.

    What has begun still comes in. Closing would reset all who come in between the last look and the end.
    """
    program = ctypes.create_string_buffer(_NO_SYN, len(_NO_SYN))
    with contextlib.suppress(OSError):  # where it is not Linux, a few may be reset
        listening.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(program))
        )


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
