"""Storing a result: its bytes and what the record tells of them."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from storage.lease.outcome import Extra, Output
from storage.stores.port import ObjectStore

# sha256 of a MiB takes 1 to 2.5 ms (measured on two machines): about what everything else on the event
# loop may be held up for without anybody noticing.
_HASHED_AT_ONCE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """A result that lies in the store."""

    #: In bytes.
    size: int
    #: In hexadecimal digits.
    sha256: str


async def upload_all(
    store: ObjectStore, key: str, output: Output, extras: Iterable[tuple[str, Extra]]
) -> Uploaded:
    """Write what goes with a result under its keys, then the result; raises as `upload`."""
    for extra_key, extra in extras:
        await store.put(extra_key, extra.body, content_type=extra.content_type)
    return await upload(store, key, output)


async def upload(store: ObjectStore, key: str, output: Output) -> Uploaded:
    """Write a result in one call to the store; raises StoreUnavailable, and OSError for an unreadable file.

    A large result is hashed on a thread, a file a piece at a time. The store checks what arrives itself.
    """
    if output.path is not None:
        uploaded = await asyncio.to_thread(_describe_file, output.path)
        await store.put_file(key, output.path, content_type=output.content_type)
        return uploaded
    body = output.body or b""
    if len(body) > _HASHED_AT_ONCE_BYTES:
        uploaded = await asyncio.to_thread(_describe, body)
    else:
        uploaded = _describe(body)
    await store.put(key, body, content_type=output.content_type)
    return uploaded


def _describe(body: bytes) -> Uploaded:
    return Uploaded(size=len(body), sha256=hashlib.sha256(body).hexdigest())


def _describe_file(path: Path) -> Uploaded:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Uploaded(size=file.tell(), sha256=digest.hexdigest())
