"""Reading files from mirrors: the port every source implements, and https."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from models.catalogue import ModelFile

if TYPE_CHECKING:
    import requests

_PIECE: Final = 2**18
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)")
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_SERVER_ERRORS: Final = 500


class FetchFailed(Exception):
    """The source did not deliver this time; worth another try."""


class FetchRefused(Exception):
    """The source does not have this file; another try would not help."""


class RangeRefused(FetchFailed):
    """The source has nothing beyond what was already fetched."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer: `chunks` begin at byte `start` of a file of `total` bytes (None where not said).

    `validator` names this version of the file at the source; None where it cannot be resumed.
    """

    start: int
    total: int | None
    validator: str | None
    chunks: Iterator[bytes]


class Fetcher(Protocol):
    """A kind of source, such as https mirrors or a bucket; its methods block."""

    def addresses(self, file: ModelFile) -> Sequence[str]:
        """Where this source may have the file, the best first."""
        ...

    def label(self, address: str) -> str:
        """What people call an address."""
        ...

    def fetch(self, address: str, *, start: int, validator: str | None) -> AbstractContextManager[Reply]:
        """Open the file from byte `start` if it is still the version of `validator`, else from 0.

        Raises:
            FetchFailed: worth another try; also while reading the chunks.
            FetchRefused: this address will not deliver.
        """
        ...


class HttpsFetcher:
    """The mirrors of the catalogue; proxies of the environment are used."""

    schemes: tuple[str, ...] = ("https",)

    def __init__(self, *, connect_timeout_s: float = 10.0, read_timeout_s: float = 30.0) -> None:
        self._timeouts = (connect_timeout_s, read_timeout_s)

    def addresses(self, file: ModelFile) -> Sequence[str]:
        """The mirrors of all versions that can be verified."""
        return [mirror for known in file.versions if known.sha256 for mirror in known.mirrors]

    def label(self, address: str) -> str:
        """The host."""
        return urlsplit(address).netloc

    @contextmanager
    def fetch(self, address: str, *, start: int, validator: str | None) -> Iterator[Reply]:
        """Ask for the file, or for the rest of it; see Fetcher."""
        # Imported here: a consumer that has its models is ready a tenth of a second earlier.
        import requests  # noqa: PLC0415 - see above
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - see above

        headers = {"User-Agent": f"swapdrop/{version('swapdrop')}", "Accept-Encoding": "identity"}
        if start and validator:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        try:
            response = requests.get(address, headers=headers, stream=True, timeout=self._timeouts)
        except OSError as error:  # all of requests' own, and a certificate store that is not there
            raise _failure(error, self._timeouts[1]) from None
        try:
            with response:
                self._check(response)
                yield _reply(response)
        except (requests.RequestException, HTTPError) as error:
            raise _failure(error, self._timeouts[1]) from None

    def _check(self, response: "requests.Response") -> None:
        if urlsplit(response.url).scheme not in self.schemes:
            raise FetchRefused("it leads away from https")
        code = response.status_code
        if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise RangeRefused("it does not go on where the download stopped")
        if code in _TRY_AGAIN or code >= _SERVER_ERRORS:
            raise FetchFailed(f"it answers with error {code}")
        if code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise FetchRefused(f"it answers with error {code}")
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise FetchRefused("it sends a web page instead of the file")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise FetchRefused("it sends the file in another encoding")


def _failure(error: Exception, timeout_s: float) -> FetchFailed:
    from requests import Timeout  # noqa: PLC0415 - as in HttpsFetcher.fetch
    from urllib3.exceptions import TimeoutError as SilentTooLong  # noqa: PLC0415 - as in HttpsFetcher.fetch

    if isinstance(error, (Timeout, SilentTooLong)):
        return FetchFailed(f"no answer for {timeout_s:g} s")
    return FetchFailed(f"the connection failed ({type(error).__name__})")


def _reply(response: "requests.Response") -> Reply:
    start, total = 0, response.headers.get("Content-Length")
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        stated = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if stated is None:
            raise RangeRefused("it does not say which part it sends")
        start, total = int(stated[1]), stated[2]
    return Reply(
        start=start,
        total=int(total) if total is not None and total.isdecimal() else None,
        validator=_strong(response),
        chunks=iter(lambda: response.raw.read1(_PIECE, decode_content=False), b""),
    )


def _strong(response: "requests.Response") -> str | None:
    """The ETag, if it promises equal bytes (RFC 9110, 13.1.5: If-Range needs a strong one)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else None
