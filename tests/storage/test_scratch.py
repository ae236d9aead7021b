"""Pieces that attempts leave for one another: whole, of their own plan and job, or not there."""

from pathlib import Path

import pytest

from storage import keys
from storage.scratch import BucketScratches, Piece, clear_scratch, describe_piece
from storage.stores.memory_store import MemoryStore
from tests.support.stores import CountingStore

PLAN, OTHER = "a" * 64, "b" * 64


async def kept(store: MemoryStore, folder: Path, *numbers: int, plan: str = PLAN) -> Piece:
    scratch = BucketScratches(store).of("j", plan)
    for number in numbers:
        path = folder / f"made-{number}"
        path.write_bytes(b"segment %d" % number)
        piece = describe_piece(path, {"frames": number})
        await scratch.keep(number, path, piece, extension="mp4", content_type="video/mp4")
    return piece


async def test_a_piece_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    store = MemoryStore()
    piece = await kept(store, tmp_path, 0, 12)
    scratch = BucketScratches(store).of("j", PLAN)
    assert await scratch.found() == {0, 12}
    back = tmp_path / "back"
    assert await scratch.fetch(12, back, extension="mp4") == piece
    assert (back.read_bytes(), piece.facts) == (b"segment 12", {"frames": 12})


async def test_no_other_plan_or_job_sees_it(tmp_path: Path) -> None:
    store = MemoryStore()
    await kept(store, tmp_path, 0)
    scratches = BucketScratches(store)
    assert not await scratches.of("j", OTHER).found()
    assert not await scratches.of("jj", PLAN).found()


@pytest.mark.parametrize("harm", ["other bytes", "cut short", "no file", "no facts", "odd facts"])
async def test_a_piece_that_is_not_whole_is_not_there(tmp_path: Path, harm: str) -> None:
    store = MemoryStore()
    await kept(store, tmp_path, 3)
    file, facts = (keys.scratch("j", PLAN, name) for name in ("3.mp4", "3.json"))
    if harm in {"other bytes", "cut short"}:
        await store.put(file, b"segm" if harm == "cut short" else b"segment 4", content_type="video/mp4")
    elif harm == "odd facts":
        await store.put(facts, b"[]", content_type="application/json")
    else:
        await store.delete([file if harm == "no file" else facts])
    scratch = BucketScratches(store).of("j", PLAN)
    assert await scratch.fetch(3, tmp_path / "back", extension="mp4") is None


async def test_what_a_job_has_left_is_found_in_one_call_and_gone_in_four_its_parts_too(
    tmp_path: Path,
) -> None:
    memory = MemoryStore()
    await kept(memory, tmp_path, 0, 1, 2)
    await kept(memory, tmp_path, 0, plan=OTHER)
    for own in (keys.manifest(keys.part("j", PLAN, 0)), keys.status(keys.part("j", PLAN, 4))):
        await memory.put(own, b"{}", content_type="application/json")
    others = [keys.manifest("j"), keys.manifest(keys.part("jj", PLAN, 0)), f"{keys.SCRATCH}jj/{PLAN}/0.mp4"]
    for key in others:
        await memory.put(key, b"another's", content_type="video/mp4")
    store = CountingStore(memory)
    assert await BucketScratches(store).of("j", PLAN).found() == {0, 1, 2}
    assert [call for call, _ in store.calls] == ["list"]
    store.calls.clear()
    await clear_scratch(store, "j")
    assert [call for call, _ in store.calls] == ["list", "list", "list", "delete"]
    assert {listed.key for listed in (await memory.list("")).objects} == set(others)
