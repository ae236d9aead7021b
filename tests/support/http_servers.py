"""A real TLS server on loopback whose answers are written byte by byte, so that it can break in any way."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST_NAMES = ("files.test", "other.test")  # names the certificate is good for
_ADDRESSES = ("127.0.0.1", "127.0.0.2")


@dataclass(frozen=True)
class Request:
    """One request as it came; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class TlsServer:
    """A running server: where it listens and what it was asked."""

    address: str
    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str, host: str = HOST_NAMES[0]) -> str:
        """Spell a link to this server."""
        return f"https://{host}:{self.port}{path}"


@asynccontextmanager
async def tls_server(
    handlers: Mapping[str, Handler], *, address: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[TlsServer]:
    """Serve `handlers` by path (without query); the connection is closed after each answer."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        server.connections += 1
        try:
            with suppress(ConnectionError, ssl.SSLError):
                request = await _read_request(reader)
                server.requests.append(request)
                await handlers[request.path.partition("?")[0]](request, writer)
                await writer.drain()
        finally:
            running.discard(task)
            writer.close()

    listener = await asyncio.start_server(connected, address, port, ssl=server_context())
    server = TlsServer(address, listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listener.wait_closed()


def respond(
    writer: asyncio.StreamWriter,
    body: bytes = b"",
    *,
    status: str = "200 OK",
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> None:
    """Write an answer; `length` is a Content-Length that may be a lie."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def whole(body: bytes, **answer: object) -> Handler:
    """Answer every request with the same bytes; `answer` as in `respond`."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        respond(writer, body, **answer)  # type: ignore[arg-type]  # passed through as given

    return handle


def redirect(location: str, status: str = "302 Found") -> Handler:
    """Send the client elsewhere."""
    return whole(b"", status=status, headers={"Location": location})


def raw(answer: bytes) -> Handler:
    """Write these bytes, whatever they are."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return handle


def in_turn(*handlers: Handler) -> Handler:
    """Use one handler per request, the last one for all that follow."""
    left = list(handlers)

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return handle


def ranged(body: bytes, *, etag: str, cut_after: int | None = None) -> Handler:
    """Serve a file with ranges and If-Match; `cut_after` breaks the connection after so many bytes."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        wanted = request.headers.get("if-match")
        if wanted not in {None, f'"{etag}"'}:
            respond(writer, status="412 Precondition Failed")
            return
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": f'"{etag}"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        status = "206 Partial Content" if start else "200 OK"
        rest = body[start:]
        respond(writer, rest[:cut_after], status=status, headers=headers, length=len(rest))
        await writer.drain()

    return handle


@cache
def server_context() -> ssl.SSLContext:
    """The server's side of TLS: a certificate for HOST_NAMES and the loopback addresses."""
    return _contexts()[0]


@cache
def client_context() -> ssl.SSLContext:
    """The client's side of TLS: trusts the server's authority and nobody else."""
    return _contexts()[1]


@cache
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swapdrop test authority")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in HOST_NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in _ADDRESSES]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.write_bytes(private + certificate)
        server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=certificate.decode())


async def _read_request(reader: asyncio.StreamReader) -> Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    request_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    lowered = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(lowered.get("content-length", "0")))
    return Request(request_line.split(" ")[1], lowered, body)
