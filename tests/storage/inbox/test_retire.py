"""What goes away once its job has ended: that, whole, and nothing that was dropped since."""

import pytest

from storage import keys
from storage.errors import ObjectNotFound, StoreUnavailable
from storage.inbox.inbox import Inbox
from tests.support.inboxes import MANIFEST, Drop
from tests.support.stores import Fault, FaultStore


async def test_retiring_a_manifest_costs_one_delete(drop: Drop) -> None:
    await drop.manifest(MANIFEST)
    await drop.memory.put(keys.cancel("j"), b"", content_type="text/plain")
    entry = await drop.entry()
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j", cancelled=True)
    assert drop.store.calls == [("delete", "inbox/j.json")]
    assert await drop.left() == []


async def test_another_manifest_under_the_same_name_is_not_lost(drop: Drop) -> None:
    await drop.manifest(MANIFEST, "order")
    entry = await drop.entry()
    first = (await drop.inbox.open(entry)).job_id
    await drop.manifest({**MANIFEST, "target": "uploads/c.png"}, "order")
    await drop.inbox.retire(entry, first)
    assert (await drop.announced()).job_id != first
    await drop.inbox.retire(await drop.entry(), "order-12345678")
    assert await drop.left() == []


async def test_a_folder_is_archived_whole_and_removed_in_one_delete(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", "Thumbs.db")
    entry = await drop.entry()
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j")
    assert drop.store.counts == {"list": 1, "copy": 3, "delete": 1}
    assert await drop.left() == ["archive/j/Thumbs.db", "archive/j/source.png", "archive/j/target.png"]
    assert (await drop.memory.get("archive/j/target.png", max_bytes=99)).body == b"target.png"


async def test_retiring_twice_or_by_two_consumers_does_no_harm(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.inbox.retire(entry, "j")
    await drop.inbox.retire(entry, "j")
    assert await drop.left("inbox/") == []
    assert len(await drop.left("archive/")) == 2


@pytest.mark.parametrize("op", ["copy", "delete"])
async def test_a_retirement_broken_off_is_finished_by_the_next(drop: Drop, op: str) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    fault = Fault(op="copy", nth=2) if op == "copy" else Fault(op="delete")
    with pytest.raises(StoreUnavailable):
        await Inbox(FaultStore(drop.store, [fault])).retire(entry, "j")
    assert (await drop.entry()).fingerprint == entry.fingerprint
    await drop.inbox.retire(entry, "j")
    assert await drop.left() == ["archive/j/source.png", "archive/j/target.png"]


async def test_other_pictures_dropped_while_the_job_ran_are_not_lost(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.files({"pics/target.png": b"another"})
    await drop.inbox.retire(entry, "j")
    assert await drop.left() == ["inbox/pics/source.png", "inbox/pics/target.png"]
    assert (await drop.entry()).fingerprint != entry.fingerprint


async def test_a_video_dropped_over_one_that_is_being_archived_is_not_lost(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.inbox.retirement._LONG_COPY_BYTES", 0)
    await drop.folder("target.mp4", "source.png")
    entry = await drop.entry()

    class Racing(FaultStore):
        async def copy(self, source: str, destination: str, *, size: int) -> None:
            await super().copy(source, destination, size=size)
            await drop.files({"pics/target.mp4": b"another"})

    await Inbox(Racing(drop.store, [])).retire(entry, "j")
    assert await drop.left("inbox/") == ["inbox/pics/target.mp4"]
    assert len(await drop.left("archive/")) == 2


async def test_a_cleared_folder_costs_no_delete(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.memory.delete(entry.keys)
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j")
    assert drop.store.counts == {"list": 1}


async def test_a_copy_that_the_store_refuses_as_not_found_costs_no_file(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    refusing = FaultStore(drop.store, [Fault(op="copy", nth=2, error=ObjectNotFound())])
    with pytest.raises(StoreUnavailable, match=r"did not copy `inbox/pics/target\.png`"):
        await Inbox(refusing).retire(entry, "j")
    assert await drop.left("inbox/") == ["inbox/pics/source.png", "inbox/pics/target.png"]


async def test_a_file_that_another_consumer_has_cleared_is_no_reason_to_leave_the_rest(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", "notes.txt")
    entry = await drop.entry()

    class Racing(FaultStore):
        async def copy(self, source: str, destination: str, *, size: int) -> None:
            await drop.memory.delete(["inbox/pics/notes.txt"])
            await super().copy(source, destination, size=size)

    await Inbox(Racing(drop.store, [])).retire(entry, "j")
    assert await drop.left() == ["archive/j/source.png", "archive/j/target.png"]
