"""A proxy before a store, which kills the process that asks at its nth change of what the job keeps."""

from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from urllib.parse import urlsplit

KEPT = ("/compacted/", "/partials/", "?delete")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class KillingProxy:
    """Lets so many changes through; at the next one `kill` is called, and the store never sees it."""

    def __init__(self, store: str, changes: int, kill: Callable[[], None]) -> None:
        proxy, self._left, self._lock = self, changes, Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.command != "GET" and any(mark in self.path for mark in KEPT) and not proxy.passes():
                    kill()
                    self.close_connection = True
                    return
                with closing(HTTPConnection(urlsplit(store).netloc)) as connection:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():  # the Host, too: it is signed
                        connection.putheader(name, value)
                    connection.endheaders(body)
                    answer = connection.getresponse()
                    content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                try:
                    self.end_headers()
                    self.wfile.write(content)
                except ConnectionError:  # who asked was killed meanwhile
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 -- the base class looks for these names

            def log_message(self, *_arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def passes(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def __enter__(self) -> "KillingProxy":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
