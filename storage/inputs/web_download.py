"""Reading an input from an https:// link: every hop guarded, sizes and lengths checked while it streams."""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from importlib.metadata import version

import aiohttp
from yarl import URL

from storage.errors import InputForbidden, InputNotFound, InputTooLarge, InputUnavailable
from storage.inputs.arrival import Arrival
from storage.inputs.url_guard import PinnedResolver, UrlGuard, parse_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429})
_FORBIDDEN = frozenset({401, 402, 403, 407, 451})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class WebReader:
    """An HTTP client that keeps no cookies, asks no proxy, and connects only where `guard` allows.

    `idle_timeout_s` bounds the silence between two pieces, not the whole download.
    """

    def __init__(
        self,
        guard: UrlGuard,
        *,
        ssl_context: ssl.SSLContext,
        connect_timeout_s: float,
        idle_timeout_s: float,
        max_redirects: int,
    ) -> None:
        self._guard = guard
        self._max_redirects = max_redirects
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=PinnedResolver(guard), use_dns_cache=False, ssl=ssl_context
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # it would unpack before the headers can be looked at
            headers={"User-Agent": f"swapdrop/{version('swapdrop')}", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=idle_timeout_s),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def read(self, url: str, arrival: Arrival) -> None:
        """Read a link, or the rest of it, into `arrival`.

        Raises InputForbidden, InputNotFound, InputTooLarge, CallersError, and InputUnavailable,
        which is worth another try.
        """
        with _plain_errors():
            async with self._follow(parse_url(url), _resume_headers(arrival)) as response:
                _check_status(response, arrival)
                _prepare(response, arrival)
                async for chunk in response.content.iter_any():
                    await arrival.add(chunk)
        if arrival.size is not None and not arrival.complete:
            raise InputUnavailable("The server sent less of the file than it announced.")

    @asynccontextmanager
    async def _follow(self, url: URL, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open what is at the end of a URL's redirects; the guard sees every hop before it is asked."""
        for _ in range(self._max_redirects + 1):
            self._guard.check(url)
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                location = response.headers.get("Location")
                if not location:
                    raise InputNotFound("The server answered with a redirect that leads nowhere.")
                url = url.join(parse_url(location))
        raise InputForbidden(f"The link redirects more than {self._max_redirects} times.")


def _resume_headers(arrival: Arrival) -> dict[str, str]:
    if not arrival.resumable:
        return {}
    return {"Range": f"bytes={arrival.received}-", "If-Match": f'"{arrival.etag}"'}


def _check_status(response: aiohttp.ClientResponse, arrival: Arrival) -> None:
    status = response.status
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    if (
        status in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}
        and arrival.received
    ):
        arrival.forget()
        raise InputUnavailable("The file was replaced while it was being read.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
        raise InputUnavailable(f"The server answered {status}.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise InputTooLarge("The server says that the file is too large (413).")
    if status in _FORBIDDEN:
        raise InputForbidden(
            f"The server refuses to hand out the file ({status}); use a public or signed link."
        )
    raise InputNotFound(f"The server has no file under this link ({status}).")


def _prepare(response: aiohttp.ClientResponse, arrival: Arrival) -> None:
    """Compare what the server announces with what has arrived, or start from zero."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise InputForbidden("The server sends the file compressed although it was asked not to.")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        _check_range(response, arrival)
        return
    size = response.content_length
    if size is None and "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
        raise InputForbidden("The server does not say how long the file is, so it cannot be checked.")
    arrival.begin(etag=_strong_etag(response), size=size)


def _check_range(response: aiohttp.ClientResponse, arrival: Arrival) -> None:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    expected = (arrival.received, arrival.size)
    same_file = arrival.resumable and _strong_etag(response) == arrival.etag
    if not (same_file and found and (int(found[1]), int(found[2])) == expected):
        arrival.forget()
        raise InputUnavailable("The server sent another part of the file than it was asked for.")


def _strong_etag(response: aiohttp.ClientResponse) -> str | None:
    etag = response.headers.get("ETag", "")
    return etag[1:-1] if len(etag) > 1 and etag[0] == etag[-1] == '"' else None


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn the client's errors into ours, without their texts: those repeat the link with its signature."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError:
        raise InputForbidden("The server's certificate is not valid for this link.") from None
    except aiohttp.ClientConnectorDNSError as error:
        if error.os_error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
            raise InputNotFound("The link's host does not exist.") from None
        raise InputUnavailable("The link's host could not be looked up.") from None
    except aiohttp.ClientConnectorError:
        raise InputUnavailable("The server could not be reached.") from None
    except aiohttp.InvalidURL:
        raise InputForbidden("This is not a valid link.") from None
    except TimeoutError:
        raise InputUnavailable("The server stopped answering.") from None
    except (aiohttp.ClientError, OSError):
        raise InputUnavailable("The connection broke off before the file was complete.") from None
