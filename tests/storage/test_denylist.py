"""The list of protected people: nobody is lost when two change it, and what is damaged protects loudly."""

import asyncio

import pytest

from storage import keys
from storage.denylist import MAX_FACES, Denylist, change_denylist, read_denylist
from storage.errors import DenylistUnreadable, ObjectNotFound
from storage.stores.memory_store import MemoryStore


def with_one(embedding: bytes = b"\0\0\0\0") -> Denylist:
    return Denylist().with_face(embedding, "sha256:00")[0]


async def test_without_the_object_nobody_is_on_it() -> None:
    assert (await read_denylist(MemoryStore())).faces == ()


async def test_what_was_added_is_read_back_and_holds_ids_and_numbers_only() -> None:
    store = MemoryStore()
    await change_denylist(store, lambda before: before.with_face(b"\1\2\3\4", "sha256:00")[0])
    (face,) = (await read_denylist(store)).faces
    assert face.embedding == b"\1\2\3\4"
    body = (await store.get(keys.DENYLIST, max_bytes=1000)).body.decode()
    assert body == (
        '{"version":1,"identity_model":"sha256:00","faces":[{"id":"' + face.id + '","embedding":"AQIDBA=="}]}'
    )


async def test_nobody_is_lost_where_two_change_it_at_once() -> None:
    store = MemoryStore()
    changes = (
        change_denylist(store, lambda before: before.with_face(b"\0\0\0\0", "sha256:00")[0]) for _ in range(4)
    )
    await asyncio.gather(*changes)
    assert len({face.id for face in (await read_denylist(store)).faces}) == 4


async def test_a_face_is_removed_by_its_id_and_an_unknown_one_is_named() -> None:
    denylist = with_one()
    assert denylist.without(denylist.faces[0].id).faces == ()
    with pytest.raises(ObjectNotFound, match="no face 0123456789abcdef on the list"):
        denylist.without("0123456789abcdef")


def test_embeddings_of_two_networks_are_not_mixed() -> None:
    with pytest.raises(DenylistUnreadable, match="another identity model"):
        with_one().with_face(b"\0\0\0\0", "sha256:01")


def test_it_takes_only_so_many() -> None:
    full = Denylist.model_construct(faces=with_one().faces * MAX_FACES, identity_model="sha256:00")
    with pytest.raises(DenylistUnreadable, match="10000 faces"):
        full.with_face(b"\0\0\0\0", "sha256:00")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"version": 2}', b'{"version":1,"faces":[{"id":"x"}]}'])
async def test_what_is_no_list_is_an_error_and_never_nobody(body: bytes) -> None:
    store = MemoryStore()
    await store.put(keys.DENYLIST, body, content_type="application/json")
    with pytest.raises(DenylistUnreadable):
        await read_denylist(store)
