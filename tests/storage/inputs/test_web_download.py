"""Links, on real TLS sockets: where a connection may go, and servers that break in every way."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from storage.errors import InputForbidden, InputNotFound, InputTooLarge, InputUnavailable, StorageError
from storage.inputs.arrival import Arrival
from storage.inputs.download import retrying
from storage.inputs.url_guard import UrlGuard, is_public
from storage.inputs.web_download import WebReader
from tests.support.clock import VirtualTime
from tests.support.http_servers import (
    Handler,
    Request,
    TlsServer,
    client_context,
    in_turn,
    ranged,
    raw,
    redirect,
    respond,
    tls_server,
    whole,
)

BODY = bytes(range(256)) * 400
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


class Names:
    """A resolver with planned answers, the last one for all that follow; `asked` lists the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def reader_for(
    *servers: TlsServer,
    names: Names | None = None,
    allowed: Sequence[str] = ("127.0.0.1",),
    idle_timeout_s: float = 5,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[WebReader]:
    guard = UrlGuard(
        is_allowed=lambda address: address in allowed or is_public(address),
        resolve=names or Names(["127.0.0.1"]),
        ports=frozenset(server.port for server in servers),
    )
    reader = WebReader(
        guard,
        ssl_context=ssl_context or client_context(),
        connect_timeout_s=5,
        idle_timeout_s=idle_timeout_s,
        max_redirects=3,
    )
    try:
        yield reader
    finally:
        await reader.close()


async def download(reader: WebReader, url: str, *, max_bytes: int = len(BODY)) -> Arrival:
    arrival = Arrival(max_bytes)
    await retrying(missing_grace_s=10, sleep=VirtualTime().sleep)(reader.read, url, arrival)
    return arrival


async def download_from(
    handlers: Mapping[str, Handler], path: str = "/a.jpg", *, max_bytes: int = len(BODY)
) -> tuple[Arrival, TlsServer]:
    async with tls_server(handlers) as server, reader_for(server) as reader:
        return await download(reader, server.url(path), max_bytes=max_bytes), server


async def requests_until(
    error: type[StorageError], match: str, handlers: Mapping[str, Handler], *, max_bytes: int = len(BODY)
) -> int:
    """Download what must fail; returns how many requests that took."""
    async with tls_server(handlers) as server, reader_for(server) as reader:
        with pytest.raises(error, match=match):
            await download(reader, server.url("/a.jpg"), max_bytes=max_bytes)
        return len(server.requests)


async def test_a_link_is_read_without_cookies_proxies_or_compression(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    arrival, server = await download_from(
        {"/a.jpg": in_turn(redirect("/b.jpg?sig=A%2FB%2B"), whole(b"")), "/b.jpg": whole(BODY)}
    )
    assert arrival.body == BODY
    assert [request.path for request in server.requests] == ["/a.jpg", "/b.jpg?sig=A%2FB%2B"]
    assert server.requests[1].headers["accept-encoding"] == "identity"
    assert server.requests[1].headers["user-agent"].startswith("swapdrop/")
    assert "cookie" not in server.requests[1].headers


async def test_cookies_do_not_travel_from_one_job_to_the_next() -> None:
    handlers = {"/a.jpg": whole(BODY, headers={"Set-Cookie": "a=b; Path=/"})}
    async with tls_server(handlers) as server, reader_for(server) as reader:
        for _ in range(2):
            await download(reader, server.url("/a.jpg"))
        assert not any("cookie" in request.headers for request in server.requests)


async def test_the_connection_goes_to_the_address_that_was_checked_and_no_other() -> None:
    """DNS rebinding: the name's next answer is another server that is never to be reached."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with (
        tls_server({"/a.jpg": whole(BODY)}) as checked,
        tls_server({"/a.jpg": whole(b"rebound")}, address="127.0.0.2", port=checked.port) as rebound,
        reader_for(checked, names=names) as reader,
    ):
        assert (await download(reader, checked.url("/a.jpg"))).body == BODY
        assert names.asked == ["files.test"]
        with pytest.raises(InputForbidden, match="private"):
            await download(reader, checked.url("/a.jpg"))
        assert (checked.connections, rebound.connections) == (1, 0)


async def test_a_name_is_refused_when_it_rebinds_between_two_tries() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.1", "169.254.169.254"])
    async with (
        tls_server({"/a.jpg": ranged(BODY, etag="v1", cut_after=100)}) as server,
        reader_for(server, names=names) as reader,
    ):
        with pytest.raises(InputForbidden, match="private"):
            await download(reader, server.url("/a.jpg"))
        assert server.connections == 1


@pytest.mark.parametrize("answer", [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
async def test_a_name_with_one_private_address_reaches_nobody(answer: list[str]) -> None:
    async with (
        tls_server({}) as allowed,
        tls_server({}, address="127.0.0.2", port=allowed.port) as private,
        reader_for(allowed, names=Names(answer)) as reader,
    ):
        with pytest.raises(InputForbidden, match="private"):
            await download(reader, allowed.url("/a.jpg"))
        assert (allowed.connections, private.connections) == (0, 0)


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "127.2", "0x7f.0.0.2", "[::ffff:127.0.0.2]"])
async def test_an_address_in_the_link_is_checked_in_every_spelling(host: str) -> None:
    async with tls_server({}, address="127.0.0.2") as private, reader_for(private) as reader:
        with pytest.raises(InputForbidden):
            await download(reader, private.url("/a.jpg", host))
        assert private.connections == 0


async def test_an_allowed_address_in_the_link_is_connected_to() -> None:
    async with tls_server({"/a.jpg": whole(BODY)}) as server, reader_for(server) as reader:
        assert (await download(reader, server.url("/a.jpg", "127.0.0.1"))).body == BODY


async def test_a_redirect_cannot_lead_into_a_private_network() -> None:
    async with (
        tls_server({}, address="127.0.0.2") as private,
        tls_server(
            {
                "/address": redirect(private.url("/", "127.0.0.2")),
                "/relative": redirect(f"//127.0.0.2:{private.port}/"),
                "/name": redirect(private.url("/", "other.test")),
            }
        ) as server,
        reader_for(server, private, names=Names(["127.0.0.1"], ["127.0.0.2"])) as reader,
    ):
        for path in ("/address", "/relative", "/name"):
            with pytest.raises(InputForbidden):
                await download(reader, server.url(path, "127.0.0.1" if path != "/name" else "files.test"))
        assert private.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://files.test/a.jpg",
        "file:///etc/passwd",
        "https://user:password@files.test/a.jpg",
        "https://files.test:1/a.jpg",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1/",
        "https://x:y/",
    ],
)
async def test_every_hop_is_held_to_the_rules_of_the_first(location: str) -> None:
    assert await requests_until(InputForbidden, "link", {"/a.jpg": redirect(location)}) == 1


async def test_redirects_end() -> None:
    assert await requests_until(InputForbidden, "more than 3", {"/a.jpg": redirect("/a.jpg")}) == 4
    steps = {f"/{n}": redirect(f"/{n + 1}", "307 Temporary Redirect") for n in range(1, 3)}
    arrival, _ = await download_from({"/a.jpg": redirect("1"), **steps, "/3": whole(BODY)})
    assert arrival.body == BODY


async def test_a_redirect_to_nowhere_is_not_found() -> None:
    await requests_until(InputNotFound, "nowhere", {"/a.jpg": whole(b"", status="302 Found")})


async def test_an_untrusted_or_wrong_certificate_is_refused_for_good() -> None:
    async with (
        tls_server({"/a.jpg": whole(BODY)}) as server,
        reader_for(server) as trusting,
        reader_for(server, ssl_context=ssl.create_default_context()) as strict,
    ):
        for reader, host in ((trusting, "unnamed.test"), (strict, "files.test")):
            with pytest.raises(InputForbidden, match="certificate"):
                await download(reader, server.url("/a.jpg", host))
        assert server.requests == []


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [
        ("401 Unauthorized", InputForbidden, 1),
        ("403 Forbidden", InputForbidden, 1),
        ("404 Not Found", InputNotFound, 3),
        ("410 Gone", InputNotFound, 3),
        ("413 Content Too Large", InputTooLarge, 1),
        ("204 No Content", InputNotFound, 3),
        ("408 Request Timeout", InputUnavailable, 4),
        ("429 Too Many Requests", InputUnavailable, 4),
        ("500 Internal Server Error", InputUnavailable, 4),
        ("503 Service Unavailable", InputUnavailable, 4),
    ],
)
async def test_each_answer_has_its_class_and_its_number_of_tries(
    status: str, error: type[StorageError], tries: int
) -> None:
    assert await requests_until(error, status[:3], {"/a.jpg": whole(b"", status=status)}) == tries


async def test_a_server_that_recovers_is_asked_again() -> None:
    broken = whole(b"", status="503 Service Unavailable")
    absent = whole(b"", status="404 Not Found")
    arrival, _ = await download_from({"/a.jpg": in_turn(broken, absent, whole(BODY))})
    assert arrival.body == BODY


async def test_a_body_cut_at_half_goes_on_there_with_the_etag_as_condition() -> None:
    cut = ranged(BODY, etag="v1", cut_after=len(BODY) // 2)
    arrival, server = await download_from({"/a.jpg": in_turn(cut, ranged(BODY, etag="v1"))})
    assert (arrival.body, arrival.etag) == (BODY, "v1")
    asked = server.requests[1].headers
    assert (asked["range"], asked["if-match"]) == (f"bytes={len(BODY) // 2}-", '"v1"')


async def test_a_file_replaced_between_two_tries_is_read_anew_from_zero() -> None:
    cut = ranged(BODY, etag="v1", cut_after=1000)
    arrival, server = await download_from({"/a.jpg": in_turn(cut, ranged(BODY[::-1], etag="v2"))})
    assert (arrival.body, arrival.etag) == (BODY[::-1], "v2")
    assert ["range" in request.headers for request in server.requests] == [False, True, False]


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"v2"', "Content-Range": f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"},
        {"ETag": '"v1"', "Content-Range": f"bytes 999-{len(BODY) - 1}/{len(BODY)}"},
        {"ETag": '"v1"', "Content-Range": f"bytes 1000-{len(BODY)}/{len(BODY) + 1}"},
        {"ETag": '"v1"', "Content-Range": "bytes 1000-1100/*"},
        {"ETag": '"v1"'},
        {"Content-Range": f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"},
    ],
)
async def test_a_part_that_does_not_fit_is_never_joined_on(headers: Mapping[str, str]) -> None:
    cut = ranged(BODY, etag="v1", cut_after=1000)
    other = whole(bytes(len(BODY) - 1000), status="206 Partial Content", headers=headers)
    arrival, _ = await download_from({"/a.jpg": in_turn(cut, other, whole(BODY))})
    assert arrival.body == BODY


async def test_a_part_shorter_than_it_says_is_not_the_end() -> None:
    cut = ranged(BODY, etag="v1", cut_after=1000)
    headers = {"ETag": '"v1"', "Content-Range": f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"}
    short = whole(BODY[1000:1500], status="206 Partial Content", headers=headers)
    arrival, _ = await download_from({"/a.jpg": in_turn(cut, short, ranged(BODY, etag="v1"))})
    assert arrival.body == BODY


async def test_a_server_without_ranges_starts_again() -> None:
    cut = whole(BODY[:1000], length=len(BODY), headers={"ETag": '"v1"'})
    arrival, server = await download_from({"/a.jpg": in_turn(cut, whole(BODY))})
    assert arrival.body == BODY
    assert server.requests[1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize("etag", [{}, {"ETag": 'W/"v1"'}])
async def test_without_a_strong_etag_nothing_is_resumed(etag: Mapping[str, str]) -> None:
    cut = whole(BODY[:1000], length=len(BODY), headers=etag)
    arrival, server = await download_from({"/a.jpg": in_turn(cut, whole(BODY, headers=etag))})
    assert (arrival.body, arrival.etag) == (BODY, None)
    assert "range" not in server.requests[1].headers


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + b"10\r\n0123456789abcdef\r\n",
        CHUNKED + b"10\r\n01234",
        CHUNKED + b"zz\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_a_truncated_or_garbled_answer_is_never_returned(answer: bytes) -> None:
    assert await requests_until(InputUnavailable, "broke off", {"/a.jpg": raw(answer)}) == 4


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_a_server_that_hangs_up_without_an_answer_is_given_up(answer: bytes) -> None:
    tries = await requests_until(InputUnavailable, "broke off", {"/a.jpg": raw(answer)})
    assert tries in {4, 8}  # aiohttp asks once more by itself where nothing was answered


async def test_a_chunked_body_is_whole_when_its_end_has_come() -> None:
    arrival, _ = await download_from({"/a.jpg": raw(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")})
    assert arrival.body == b"abcde"


async def test_a_body_whose_end_cannot_be_told_from_a_break_is_refused() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789"
    assert await requests_until(InputForbidden, "how long", {"/a.jpg": raw(answer)}) == 1


async def test_a_gzip_bomb_is_refused_unopened() -> None:
    bomb = whole(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})
    assert await requests_until(InputForbidden, "compressed", {"/a.jpg": bomb}) == 1


async def test_an_announced_size_above_the_limit_is_refused_before_the_body() -> None:
    huge = whole(b"", length=10**12)
    assert await requests_until(InputTooLarge, "larger than", {"/a.jpg": huge}) == 1


async def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED)
        while True:
            writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            sent += 65536
            await writer.drain()

    assert await requests_until(InputTooLarge, "larger than", {"/a.jpg": endless}, max_bytes=200_000) == 1
    assert sent < 50_000_000  # what fits into the sockets' buffers, not more


async def test_a_server_that_falls_silent_is_given_up() -> None:
    async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
        respond(writer, BODY[:100], length=len(BODY))
        await writer.drain()
        await asyncio.sleep(60)

    async with tls_server({"/a.jpg": silent}) as server, reader_for(server, idle_timeout_s=0.1) as reader:
        with pytest.raises(InputUnavailable, match="stopped answering"):
            await download(reader, server.url("/a.jpg"))
        assert len(server.requests) == 4


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with tls_server({}) as server:
        pass
    names = Names(["127.0.0.1"])
    async with reader_for(server, names=names) as reader:
        with pytest.raises(InputUnavailable, match="reached"):
            await download(reader, server.url("/a.jpg"))
    assert len(names.asked) == 4


@pytest.mark.parametrize(
    ("code", "error"), [(socket.EAI_NONAME, InputNotFound), (socket.EAI_AGAIN, InputUnavailable)]
)
async def test_a_name_that_does_not_exist_is_told_from_a_resolver_that_is_down(
    code: int, error: type[StorageError]
) -> None:
    async def resolve(_: str) -> list[str]:
        raise socket.gaierror(code, "no")

    reader = WebReader(
        UrlGuard(resolve=resolve),
        ssl_context=client_context(),
        connect_timeout_s=5,
        idle_timeout_s=5,
        max_redirects=3,
    )
    with pytest.raises(error, match="host"):
        await download(reader, "https://files.test/a.jpg")
    await reader.close()
