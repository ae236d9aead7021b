"""Who is never put in, as the bucket's list has it: read again by jobs, when it was not for a while."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

import numpy as np

from pipeline.face import Array
from pipeline.swap.protected import IDENTITY_MODEL, ProtectedPeople
from storage.denylist import Denylist, ProtectedFace, read_denylist
from storage.errors import DenylistUnreadable
from storage.stores.port import ObjectStore

_NUMBERS: Final = np.dtype("<f4")
_SIDES: Final = 128  # of an embedding
_EVERY_S: Final = 30.0


class DenylistKeeper:
    """Keeps `people` as the list is, or was 30 s ago; one GET in that time while there are jobs."""

    def __init__(self, store: ObjectStore, people: ProtectedPeople, *, every_s: float = _EVERY_S) -> None:
        self._store = store
        self._people = people
        self._every_s = every_s
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the list again if it is time; a job goes no further while it cannot be read.

        Raises:
            DenylistUnreadable: it is damaged, or of another identity model.
            StoreUnavailable: the store does not answer.
        """
        async with self._reading:
            if time.monotonic() - self._read_at < self._every_s:
                return
            self._people.protect(_embeddings(await read_denylist(self._store)))
            self._read_at = time.monotonic()


def packed(embedding: Array) -> bytes:
    """An embedding as the list has it."""
    return embedding.astype(_NUMBERS).tobytes()


def _embeddings(denylist: Denylist) -> list[Array]:
    if denylist.faces and denylist.identity_model != IDENTITY_MODEL:
        raise DenylistUnreadable(
            "The deny-list was made with another identity model than this version's; add its people anew."
        )
    return [*_unpacked(denylist.faces)]


def _unpacked(faces: Iterable[ProtectedFace]) -> Iterable[Array]:
    for face in faces:
        if len(face.embedding) != _SIDES * _NUMBERS.itemsize:
            raise DenylistUnreadable
        yield np.frombuffer(face.embedding, _NUMBERS).astype(np.float32)
