"""How to reach a bucket; apart from the client, which takes a third of a second to import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from storage.stores.parts import PartSizes

ANY_REGION: Final = "auto"
_R2: Final = ".r2.cloudflarestorage.com"
# R2 takes one write a second to one key and answers the second with 429 (Cloudflare R2, "Limits").
_R2_PAUSE_S: Final = 1.1


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """Where the bucket is and how patiently to talk to it; the secret is in no repr.

    Without keys the SDK's own chain is asked (environment, profile, instance role). `retry_*` bound what is
    tried again for one call: so many attempts, none of them begun later than `retry_total_s` after the first.
    `part_sizes` says when a file goes up in parts.
    """

    bucket: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    region: str = ANY_REGION
    addressing: Literal["auto", "path", "virtual"] = "auto"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    pool_size: int = 64
    retry_attempts: int = 4
    retry_first_wait_s: float = 0.2
    retry_total_s: float = 20.0
    part_sizes: PartSizes = field(default_factory=PartSizes)

    @property
    def address(self) -> str:
        """The store as people call it."""
        return self.endpoint_url or "AWS"

    @property
    def sdk_region(self) -> str | None:
        """The region to give to the SDK; None has it ask its own chain, as AWS needs a real one."""
        return None if self.endpoint_url is None and self.region == ANY_REGION else self.region

    @property
    def sdk_proxies(self) -> Mapping[str, str] | None:
        """The proxies to give to the SDK; None has it take the environment's.

        A store on this machine is spoken to directly: there a proxy would look for it on its own.
        """
        return {} if self.on_this_machine else None

    @property
    def on_this_machine(self) -> bool:
        """Whether the store is spoken to by a loopback address, so that its clock is this machine's."""
        return _is_loopback(urlsplit(self.endpoint_url or "").hostname or "")

    @property
    def key_pause_s(self) -> float:
        """How far apart two writes to one key must be for the store to take them."""
        host = urlsplit(self.endpoint_url or "").hostname or ""
        return _R2_PAUSE_S if host.endswith(_R2) else 0.0


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
