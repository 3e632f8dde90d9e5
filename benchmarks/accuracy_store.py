"""A stub of S3 in a process of its own: labels that it makes up, more of them a second than anybody reads.

It answers LIST (with a delimiter, or of one day) and GET, and nothing else, each as late as a store so far
away. benchmarks.accuracy runs it: python -m benchmarks.accuracy_store DAYS LABELS_PER_DAY MILLISECONDS
"""

import asyncio
import hashlib
import sys
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

FIRST_DAY = date(2026, 1, 1)
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
)
PAGE = 1000  # keys
ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-11-22T00:00:00.000Z</LastModified>"
    "<ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLast-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
)


def key(day: str, number: int) -> str:
    return f"labels/date={day}/{UUID(int=(0x0193 << 112) + (7 << 76) + (2 << 62) + number)}.json"


def label(name: str) -> bytes:
    """Return a label that follows from its key: every tenth is a mistake."""
    number = int(name[-17:-5], 16)
    predicted = (number + (number % 10 == 3)) % 10
    return (
        f'{{"id":"{name[-41:-5]}","writer":"{number % 97:064x}","true":{number % 10},"predicted":{predicted},'
        f'"confidence":0.{number % 1000:03},"model":"digits-1","labelled":"{name[12:22]}T12:00:00.000Z"}}'
    ).encode()


def listings(days: list[str], per_day: int) -> dict[tuple[str, int], bytes]:
    """Return the answer to every LIST, by prefix and start, made before anybody asks."""
    folders = "".join(f"<CommonPrefixes><Prefix>labels/date={day}/</Prefix></CommonPrefixes>" for day in days)
    answers = {
        ("labels/", 0): answer(f"{XML}<IsTruncated>false</IsTruncated>{folders}</ListBucketResult>".encode())
    }
    for day in days:
        for start in range(0, per_day, PAGE):
            keys = [key(day, number) for number in range(start, min(start + PAGE, per_day))]
            more = start + PAGE < per_day
            next_page = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
            entries = "".join(ENTRY.format(name, etag(label(name)), len(label(name))) for name in keys)
            text = (
                f"{XML}<IsTruncated>{str(more).lower()}</IsTruncated>{next_page}{entries}</ListBucketResult>"
            )
            answers[f"labels/date={day}/", start] = answer(text.encode())
    return answers


def etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def answer(body: bytes) -> bytes:
    return b'%bETag: "%b"\r\nContent-Length: %d\r\n\r\n%b' % (HEAD, etag(body).encode(), len(body), body)


class Requests(asyncio.Protocol):
    """One connection. Requests have no body, and come one after the other."""

    def __init__(self, listed: dict[tuple[str, int], bytes], seconds: float) -> None:
        self._listed = listed
        self._seconds = seconds  # until an answer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            target = self._received.split(b" ", 2)[1].decode()
            self._received = self._received[end + 4 :]
            self._write(self._answer(target))

    def _write(self, found: bytes) -> None:
        write = self._transport.write  # type: ignore[attr-defined]  # a socket's can write
        if self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, write, found)
        else:
            write(found)

    def _answer(self, target: str) -> bytes:
        if "list-type" not in target:
            return answer(label(target[target.index("labels/") :].replace("%3D", "=")))
        query = parse_qs(urlsplit(target).query)
        return self._listed[query["prefix"][0], int(query.get("continuation-token", ["0"])[0])]


async def serve(days: int, per_day: int, milliseconds: int) -> None:
    """Serve on a free port of loopback, which is printed, until standard input ends."""
    names = [str(FIRST_DAY + timedelta(days=i)) for i in range(days)]
    listed = listings(names, per_day)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Requests(listed, milliseconds / 1000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 -- for benchmarks.accuracy
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
