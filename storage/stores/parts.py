"""How large files and objects are cut for uploads and copies: into equal parts."""

import asyncio
import base64
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MIN_PART_BYTES = 5 * 2**20
"""The least a part may have, unless it is the last (S3 guide, "Multipart upload limits"; R2's)."""

MAX_PARTS = 10_000
"""The most parts an upload may have (same source)."""

_ROUND_BYTES = 2**20
_GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class PartSizes:
    """When a file goes up in parts, and in which.

    With the defaults an upload holds at most 24 MiB of its file in memory. What is not larger than two
    parts goes up whole, because it costs one request instead of four, and because its ETag is then its
    MD5, which whoever reads it can check.
    """

    #: Largest file that is sent in one request; the limit of S3 and R2 is 5 GiB.
    single_bytes: int = 16 * 2**20
    #: Size of all parts but the last, which R2 wants equal; 8 MiB is also what Amazon's own SDK takes.
    part_bytes: int = 8 * 2**20
    #: Parts of one file that are on their way together.
    at_once: int = 3
    #: Largest object that the store copies in one request; 5 GiB is the limit of S3 and R2.
    single_copy_bytes: int = 5 * _GIB
    #: Size of the parts in which larger ones are copied; no byte of them comes here.
    copied_part_bytes: int = _GIB

    def __post_init__(self) -> None:
        if min(self.part_bytes, self.copied_part_bytes) < MIN_PART_BYTES or self.at_once < 1:
            raise ValueError(f"parts have at least {MIN_PART_BYTES} bytes, and one at least goes at once")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of a file."""

    #: From 1, as S3 counts.
    number: int
    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Digest:
    """An MD5 in the three forms it is needed in."""

    raw: bytes

    @property
    def base64(self) -> str:
        """As `Content-MD5` has it."""
        return base64.b64encode(self.raw).decode()

    @property
    def hex(self) -> str:
        """As an ETag shows it."""
        return self.raw.hex()


def md5(body: bytes | memoryview) -> Digest:
    """The MD5 of a body, against damage and not against forgery."""
    return Digest(raw=hashlib.md5(body, usedforsecurity=False).digest())


def parts_of(size: int, part_bytes: int) -> Iterator[Part]:
    """Cut `size` bytes into equal parts, larger ones than asked for where there would be too many."""
    least = -(-size // MAX_PARTS)
    step = max(part_bytes, -(-least // _ROUND_BYTES) * _ROUND_BYTES)
    for number, start in enumerate(range(0, size, step), start=1):
        yield Part(number=number, start=start, size=min(step, size - start))


async def load_part(path: Path, part: Part) -> tuple[io.BytesIO, Digest]:
    """Read a part and its MD5 on a thread; raises OSError, also where the file has become shorter.

    The buffer is made here and sent as it is. Made on the thread it would stay in that thread's heap for a
    while, and of plain bytes aiohttp makes a copy: so 1 GiB took 112 MiB of memory, and now takes 27.
    """
    buffer = io.BytesIO()
    if part.size:
        buffer.seek(part.size - 1)
        buffer.write(b"\0")

    def read() -> Digest:
        with path.open("rb") as file, buffer.getbuffer() as view:
            file.seek(part.start)
            if file.readinto(view) < part.size:
                raise OSError(f"{path.name} became shorter while it was being uploaded")
            return md5(view)

    return buffer, await asyncio.to_thread(read)


def multipart_etag(digests: Sequence[Digest]) -> str:
    """The ETag that stores give what came in parts: the MD5 of the parts' MD5s, and their number."""
    return f"{md5(b''.join(digest.raw for digest in digests)).hex}-{len(digests)}"
