"""Why a store could not be reached, in a sentence with its address, the cause and the next step."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

# What the SDK, aiohttp and the system raise, the more telling first; the first line that fits counts.
_SENTENCES: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    (
        (ProxyConnectionError, aiohttp.ClientHttpProxyError),
        (
            "The proxy {proxy} made no connection to {where}; check HTTPS_PROXY and HTTP_PROXY, or name the "
            "storage's host in NO_PROXY."
        ),
    ),
    (
        (ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError),
        (
            "The certificate of {where} is not trusted ({said}); if it is your own, name the file of its CA "
            "in AWS_CA_BUNDLE."
        ),
    ),
    (
        (SSLError, ssl.SSLError),
        "{where} does not speak TLS as this machine does; should its address begin with http://?",
    ),
    (
        (socket.gaierror, aiohttp.ClientConnectorDNSError),
        (
            "The name {host} is unknown (DNS), so that {where} cannot be asked; check the address and the "
            "name server."
        ),
    ),
    (
        (ConnectionRefusedError,),
        "Nothing listens at {where} (connection refused); check the address and its port.",
    ),
    (
        (ConnectTimeoutError,),
        "{where} takes no connection in time; check the address, the network and firewalls.",
    ),
    ((ReadTimeoutError, TimeoutError), "{where} took a request and did not answer it in time."),
    (
        (ConnectionClosedError, ConnectionError),
        "{where} broke the connection off without an answer; should its address begin with {other}://?",
    ),
    ((FileNotFoundError,), "There is no such file of certificates; check AWS_CA_BUNDLE."),
)
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_VERIFY_FAILED: Final = re.compile(r"certificate verify failed: ([^(\[]+)")


def why_unreachable(error: BaseException, address: str) -> str:
    """The sentence for an error below the store's own answers; `address` where the error has none."""
    causes = list(_causes(error))
    where = next(filter(None, (_origin(cause, "endpoint_url") for cause in causes)), address)
    found = _VERIFY_FAILED.search(" ".join(map(str, causes)))
    facts = {
        "where": where,
        "other": "http" if where.startswith("https") else "https",
        "host": urlsplit(where).hostname or where,
        "said": found[1].strip().rstrip(".") if found else "not verified",
        "proxy": next(filter(None, (_origin(cause, "proxy_url") for cause in causes)), "of the environment"),
    }
    for kinds, sentence in _SENTENCES:
        if any(isinstance(cause, kinds) for cause in causes):
            return sentence.format_map(facts)
    if any(isinstance(cause, OSError) and cause.errno in _NO_WAY for cause in causes):
        return f"There is no way to {where} from here; check the network."
    return f"{where} did not answer as it should ({type(error).__name__})."


def _origin(error: BaseException, name: str) -> str | None:
    """Scheme, host and port of a URL that an error of the SDK carries: the rest may hold a signature."""
    kept = getattr(error, "kwargs", None)
    url = kept.get(name) if isinstance(kept, dict) else None
    parts = urlsplit(url) if isinstance(url, str) else None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts and parts.netloc else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it says it comes from, outermost first."""
    waiting: list[object] = [error]
    seen: list[object] = []
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or any(cause is known for known in seen):
            continue
        seen.append(cause)
        yield cause
        kept = getattr(cause, "kwargs", None)
        waiting.append(kept.get("error") if isinstance(kept, dict) else None)
        waiting += [getattr(cause, name, None) for name in ("_os_error", "_certificate_error", "__cause__")]
