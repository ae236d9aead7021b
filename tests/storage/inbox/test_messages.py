"""Manifests that come as messages become entries of the inbox, each once."""

import json

import pytest

from storage.inbox.inbox import Inbox
from storage.stores.port import StoredObject
from tests.support.inboxes import MANIFEST, Drop
from tests.support.stores import FaultStore


@pytest.mark.parametrize("names_its_id", [True, False])
async def test_a_message_that_comes_twice_is_one_entry(drop: Drop, names_its_id: bool) -> None:  # noqa: FBT001 -- a case
    raw = json.dumps({**MANIFEST, **({"job_id": "j"} if names_its_id else {})}).encode()
    assert await drop.inbox.add(raw) == await drop.inbox.add(raw)
    assert len(await drop.left()) == 1


async def test_another_message_that_names_the_same_job_is_not_lost(drop: Drop) -> None:
    one, other = ({**MANIFEST, "job_id": "j", "options": {"many_faces": many}} for many in (True, False))
    first = await drop.inbox.add(json.dumps(one).encode())
    for _ in range(2):
        second = await drop.inbox.add(json.dumps(other).encode())
    assert first == "inbox/j.json"
    assert await drop.left() == sorted([first, second])


async def test_a_message_whose_entry_goes_in_that_moment_lies_under_its_own_id_again(drop: Drop) -> None:
    raw = json.dumps({**MANIFEST, "job_id": "j"}).encode()
    await drop.inbox.add(raw)

    class Racing(FaultStore):
        async def get(self, key: str, *, max_bytes: int) -> StoredObject:
            await drop.memory.delete([key])
            return await super().get(key, max_bytes=max_bytes)

    assert await Inbox(Racing(drop.store, [])).add(raw) == "inbox/j.json"
    assert await drop.left() == ["inbox/j.json"]
