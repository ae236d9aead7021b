"""An HTTP server on loopback that answers from a script, for what real stores do only on bad days."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_DATE = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `announced` is a Content-Length that is not true, `reset` breaks the connection instead."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: _DATE)
    body: bytes = b""
    announced: int | None = None
    reset: bool = False
    delay_s: float = 0.0

    @classmethod
    def error(cls, status: int, code: str, **headers: str) -> "Reply":
        body = f"<Error><Code>{code}</Code><Message>secret details</Message></Error>".encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status=status, body=body, headers={**_DATE, **named})

    @classmethod
    def object(cls, body: bytes, *, announced: int | None = None, **headers: str) -> "Reply":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        described = {"ETag": '"e"', "Last-Modified": _DATE["Date"], **_DATE, **named}
        return cls(body=body, announced=announced, headers=described)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer:
    """Gives one reply of the script per request; without a script left it breaks the connection."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.requests: list[Request] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        method, path, _version = first.split(" ")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Request(method=method, path=path, headers=headers, body=body))
        reply = self.script.pop(0) if self.script else Reply(reset=True)
        await asyncio.sleep(reply.delay_s)
        if reply.reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return False
        length = len(reply.body) if reply.announced is None else reply.announced
        shown = {**reply.headers, "Content-Length": str(length)}
        head = "".join(f"{name}: {value}\r\n" for name, value in shown.items())
        writer.write(f"HTTP/1.1 {reply.status} scripted\r\n{head}\r\n".encode())
        if method != "HEAD":
            writer.write(reply.body)
        await writer.drain()
        return reply.announced is None


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Run a server whose `script` the test fills."""
    scripted = ScriptedServer()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, limit=1 << 20)
    async with server:
        scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield scripted
