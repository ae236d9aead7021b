"""How to reach a bucket; apart from the client, which takes a third of a second to import."""

from dataclasses import dataclass, field
from typing import Literal

from storage.stores.parts import PartSizes


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """Where the bucket is and how patiently to talk to it; the secret is in no repr.

    Without keys the SDK's own chain is asked (environment, profile, instance role). Proxies of the
    environment are not used: the bucket is spoken to directly. `retry_*` bound what is tried again for
    one request: so many attempts, none of them begun later than `retry_total_s` after the first. `part_sizes`
    says when a file goes up in parts.
    """

    bucket: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    region: str = "auto"
    addressing: Literal["auto", "path", "virtual"] = "auto"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    pool_size: int = 64
    retry_attempts: int = 4
    retry_first_wait_s: float = 0.2
    retry_total_s: float = 20.0
    part_sizes: PartSizes = field(default_factory=PartSizes)
