"""What attempts at a job leave for one another: finished pieces of its work, whole or not there.

A piece is a file and some facts about it. The facts are written last and name the size and the hash of the
file: a piece without them, or whose file is another, is not there. Whoever finds a piece need not make it
again.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from storage import keys
from storage.errors import InputNotFound, InputTooLarge, ObjectNotFound
from storage.inputs.download import download_object
from storage.stores.port import MAX_KEYS, ObjectStore

MAX_FACTS_BYTES: Final = 8 * 2**20
_FACTS: Final = re.compile(r"([0-9]{1,6})\.json")
_JSON: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What is known of a finished piece."""

    #: Of its file.
    size_bytes: int
    sha256: str
    #: What its maker says of it; anything that JSON takes.
    facts: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """How it is stored."""
        return json.dumps({"size": self.size_bytes, "sha256": self.sha256, "facts": self.facts}).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> "Piece | None":
        """Read what `to_bytes` wrote; None for anything else."""
        try:
            stored = json.loads(body)
            return cls(
                size_bytes=int(stored["size"]), sha256=str(stored["sha256"]), facts=dict(stored["facts"])
            )
        except (ValueError, KeyError, TypeError):
            return None


def describe_piece(path: Path, facts: Mapping[str, Any]) -> Piece:
    """Measure a file; raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Piece(size_bytes=file.tell(), sha256=digest, facts=facts)


class BucketScratch:
    """The pieces of one plan of a job in the bucket, `scratch/<job>/<plan>/<n>.<extension>`."""

    def __init__(self, store: ObjectStore, job_id: str, plan: str) -> None:
        self._store = store
        self._job_id = job_id
        self._plan = plan

    async def found(self) -> frozenset[int]:
        """The numbers of the pieces that are there: one LIST for five hundred; raises StoreUnavailable."""
        return await found_pieces(self._store, self._key(""))

    async def fetch(self, number: int, path: Path, *, extension: str) -> Piece | None:
        """Write a piece to `path`; None where it is not there or not whole.

        Raises StoreUnavailable, InputUnavailable, OSError.
        """
        try:
            stored = await self._store.get(self._key(f"{number}.json"), max_bytes=MAX_FACTS_BYTES)
            piece = Piece.from_bytes(stored.body)
            if piece is None:
                return None
            key = self._key(f"{number}.{extension}")
            file = await download_object(self._store, key, path, max_bytes=piece.size_bytes)
        except (ObjectNotFound, InputNotFound, InputTooLarge):
            return None
        return piece if (file.size, file.sha256) == (piece.size_bytes, piece.sha256) else None

    async def keep(self, number: int, path: Path, piece: Piece, *, extension: str, content_type: str) -> None:
        """Store a piece: two PUTs; raises StoreUnavailable, OSError."""
        await self._store.put_file(self._key(f"{number}.{extension}"), path, content_type=content_type)
        await self._store.put(self._key(f"{number}.json"), piece.to_bytes(), content_type=_JSON)

    def _key(self, name: str) -> str:
        return keys.scratch(self._job_id, self._plan, name)


class BucketScratches:
    """The pieces of all jobs of a bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def of(self, job_id: str, plan: str) -> BucketScratch:
        """Those of one plan of a job."""
        return BucketScratch(self._store, job_id, plan)

    async def clear(self, job_id: str) -> None:
        """Remove those of a job; raises StoreUnavailable."""
        await clear_scratch(self._store, job_id)


async def clear_scratch(store: ObjectStore, job_id: str) -> None:
    """Remove all that attempts at a job have left, and what is announced and known of its parts.

    Three LISTs, and a DELETE for a thousand. Raises StoreUnavailable.
    """
    prefixes = (*part_prefixes(job_id), keys.scratch_folder(job_id))
    gone = [key for prefix in prefixes async for key in listed_keys(store, prefix)]
    for start in range(0, len(gone), MAX_KEYS):
        await store.delete(gone[start : start + MAX_KEYS])


def part_prefixes(job_id: str) -> tuple[str, str]:
    """Below which keys the parts of a job are announced, and have their records."""
    return keys.INBOX + keys.parts_of(job_id), keys.STATUS + keys.parts_of(job_id)


async def found_pieces(store: ObjectStore, prefix: str) -> frozenset[int]:
    """The numbers of the pieces below a prefix: one LIST for five hundred; raises StoreUnavailable."""
    names = [key.rpartition("/")[2] async for key in listed_keys(store, prefix)]
    return frozenset(int(match[1]) for match in map(_FACTS.fullmatch, names) if match)


async def listed_keys(store: ObjectStore, prefix: str) -> AsyncIterator[str]:
    """Every key below a prefix, in key order; raises StoreUnavailable."""
    after = ""
    while True:
        page = await store.list(prefix, start_after=after)
        for entry in page.objects:
            yield entry.key
        if not page.truncated or not page.objects:
            return
        after = page.objects[-1].key
