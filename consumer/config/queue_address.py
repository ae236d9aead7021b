"""How a queue is named in the settings."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from yarl import URL

CLOUDFLARE_API: Final = "https://api.cloudflare.com/client/v4"
_SHORT = re.compile(r"cloudflare:([0-9a-zA-Z]+)/([0-9a-zA-Z]+)")
_CLOUDFLARE_PATH = re.compile(r"/.*/accounts/[0-9a-zA-Z]+/queues/[0-9a-zA-Z]+")
_SQS_PATH = re.compile(r"/[0-9a-zA-Z/_-]+(\.fifo)?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class QueueAddress:
    """Where a queue is: the queue URL of SQS, or the queue's address in Cloudflare's API."""

    kind: Literal["sqs", "cloudflare"]
    url: str


def parse_queue(text: str) -> QueueAddress:
    """Read an address; raises ValueError with a sentence.

    `cloudflare:<account id>/<queue id>` is short for the queue's address in Cloudflare's API.
    """
    short = _SHORT.fullmatch(text)
    url = URL(f"{CLOUDFLARE_API}/accounts/{short[1]}/queues/{short[2]}" if short else text)
    if url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK):
        if _CLOUDFLARE_PATH.fullmatch(url.path):
            return QueueAddress(kind="cloudflare", url=str(url))
        if _SQS_PATH.fullmatch(url.path):
            return QueueAddress(kind="sqs", url=str(url))
    raise ValueError(
        "must be the URL of an SQS queue (https://sqs.<region>.amazonaws.com/<account>/<name>) or "
        "cloudflare:<account id>/<queue id>"
    )
