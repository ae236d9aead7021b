"""The guard on links: which URLs may be read, and to which addresses a connection may go.

A name is resolved once per connection and aiohttp connects to exactly the addresses that were looked at
(`PinnedResolver`), so an answer that changes between check and use is of no use to an attacker.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from storage.errors import InputForbidden

# IANA special-purpose and multicast registries, whole blocks where parts are special; the last is the
# address of Azure's platform services, public in form only.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "168.63.129.16/32",
    )
)
# Everything else in IPv6 is private, embeds an IPv4 address (mapped, NAT64), or is not assigned.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 embeds an IPv4 address
        "3fff::/20",  # documentation
    )
)
_NOT_A_LINK = "This is not a valid link."
_HOST_NAME = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def is_public(address: str) -> bool:
    """Say whether a numeric address is an ordinary one on the internet; False for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in block for block in _REFUSED_V4)
    if parsed.scope_id is not None:
        return False
    return parsed in _GLOBAL_V6 and not any(parsed in block for block in _REFUSED_V6)


async def system_resolve(host: str) -> list[str]:
    """Ask the system's resolver for all addresses of a name; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def parse_url(text: str) -> URL:
    """Read a link, keeping its path and query to the letter (signatures depend on it).

    Raises InputForbidden for what is not a link.
    """
    try:
        return URL(text, encoded=text.isascii() and text.isprintable() and " " not in text)
    except ValueError:
        raise InputForbidden(_NOT_A_LINK) from None


@dataclass(frozen=True, kw_only=True)
class UrlGuard:
    """What links may lead to: https, `ports`, and hosts all of whose addresses `is_allowed` accepts."""

    is_allowed: Callable[[str], bool] = is_public
    resolve: Callable[[str], Awaitable[Sequence[str]]] = system_resolve
    ports: frozenset[int] = frozenset({443})

    def check(self, url: URL) -> None:
        """Refuse a URL that may not be read, whatever its name resolves to; raises InputForbidden."""
        if url.scheme != "https":
            raise InputForbidden("Only https:// links are read, also after a redirect.")
        try:
            host, port, credentials = url.raw_host, url.port, (url.raw_user, url.raw_password)
        except ValueError:  # yarl takes the authority apart only now
            raise InputForbidden(_NOT_A_LINK) from None
        if credentials != (None, None):
            raise InputForbidden("The link contains a user name or password; use a signed link instead.")
        if port not in self.ports:
            raise InputForbidden("The link names a port this service does not connect to.")
        self._check_host(host or "")

    async def addresses(self, host: str) -> list[str]:
        """Resolve a name once; raises InputForbidden if any of its addresses is refused, OSError."""
        addresses = list(await self.resolve(host))
        if not all(self.is_allowed(address) for address in addresses):
            raise InputForbidden("The link leads into a private or reserved network.")
        return addresses

    def _check_host(self, host: str) -> None:
        if _is_address(host):
            if not self.is_allowed(host):
                raise InputForbidden("The link leads into a private or reserved network.")
            return
        last_label = host.removesuffix(".").rpartition(".")[2]
        if not _HOST_NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(last_label):
            raise InputForbidden("The link's host is neither a name nor a plainly written address.")


class PinnedResolver(AbstractResolver):
    """Hands aiohttp the addresses the guard has accepted and nothing else."""

    def __init__(self, guard: UrlGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the accepted addresses; raises InputForbidden, OSError where there are none."""
        results = [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._guard.addresses(host)
        ]
        usable = [result for result in results if family in {socket.AF_UNSPEC, result["family"]}]
        if not usable:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return usable

    async def close(self) -> None:
        """Nothing to release."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
