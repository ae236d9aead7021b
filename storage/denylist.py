"""The list of people who are never put into pictures: one object with embeddings and opaque ids.

Whose an id is stands in the operator's own records. Nothing else is kept: no picture, no name, no date.
"""

import secrets
from collections.abc import Callable
from typing import Final, Literal, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from storage import keys
from storage.errors import DenylistUnreadable, InputTooLarge, ObjectNotFound, PreconditionFailed
from storage.stores.port import ObjectStore

MAX_FACES: Final = 10_000
_MAX_BYTES: Final = 16 * 2**20
_TRIES: Final = 5


class ProtectedFace(BaseModel):
    """One face of somebody; a person may have several."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What the operator knows them by.
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    #: Little-endian float32 numbers, as the network of the list's `identity_model` gives them.
    embedding: Base64Bytes


class Denylist(BaseModel):
    """The list as it lies in the bucket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    #: `sha256:<hex>` of the network that made the embeddings; those of two networks do not compare.
    identity_model: str = ""
    faces: tuple[ProtectedFace, ...] = Field(default=(), max_length=MAX_FACES)

    def to_bytes(self) -> bytes:
        """The JSON body that goes into the bucket."""
        return self.model_dump_json().encode()

    def with_face(self, embedding: bytes, identity_model: str) -> tuple[Self, str]:
        """The list with one more face, and the id of that.

        Raises:
            DenylistUnreadable: what is there was made by another network, or there is too much.
        """
        if self.faces and self.identity_model != identity_model:
            raise DenylistUnreadable("The list was made with another identity model; begin it anew.")
        if len(self.faces) == MAX_FACES:
            raise DenylistUnreadable(f"The list has {MAX_FACES} faces, which is the most it takes.")
        face = ProtectedFace.model_construct(id=secrets.token_hex(8), embedding=embedding)
        more = self.model_copy(update={"identity_model": identity_model, "faces": (*self.faces, face)})
        return more, face.id

    def without(self, face_id: str) -> Self:
        """The list without a face; raises ObjectNotFound where there is none of that id."""
        left = tuple(face for face in self.faces if face.id != face_id)
        if len(left) == len(self.faces):
            raise ObjectNotFound(
                f"There is no face {face_id} on the list; `swapdrop denylist list` shows it."
            )
        return self.model_copy(update={"faces": left})


async def read_denylist(store: ObjectStore) -> Denylist:
    """Read the list, empty where there is none: one GET; raises DenylistUnreadable, StoreUnavailable."""
    return (await _read(store))[0]


async def change_denylist(store: ObjectStore, change: Callable[[Denylist], Denylist]) -> None:
    """Replace the list by what `change` makes of it, again if somebody else was faster.

    Raises DenylistUnreadable, StoreUnavailable, and whatever `change` raises.
    """
    for _ in range(_TRIES):
        before, etag = await _read(store)
        body = change(before).to_bytes()
        try:
            await store.put(
                keys.DENYLIST,
                body,
                content_type="application/json",
                if_match=etag,
                if_none_match=etag is None,
            )
        except PreconditionFailed:
            continue
        return
    raise DenylistUnreadable("Others are changing the list all the time; try again.")


async def _read(store: ObjectStore) -> tuple[Denylist, str | None]:
    try:
        stored = await store.get(keys.DENYLIST, max_bytes=_MAX_BYTES)
        return Denylist.model_validate_json(stored.body), stored.info.etag
    except ObjectNotFound:
        return Denylist(), None
    except (ValidationError, InputTooLarge) as error:
        raise DenylistUnreadable from error
