"""Looks into the inbox: whatever lies there, each costs a bounded number of calls and overlooks no job."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import keys
from tests.support.inboxes import MANIFEST, Drop

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, files=st.lists(NAMES, max_size=4))
async def test_whatever_names_people_choose_the_scan_goes_on(name: str, files: list[str]) -> None:
    drop = Drop()
    await drop.folder("target.png", "source.png", *files, folder=name)
    await drop.manifest({**MANIFEST, "job_id": "next"}, name="zzz")
    drop.time.advance(2)
    for entry in await drop.entries():
        announced = await drop.inbox.open(entry)
        assert keys.is_job_id(announced.job_id)
        await drop.inbox.retire(entry, announced.job_id)
    assert await drop.left("inbox/") == []


async def test_a_long_inbox_is_read_page_by_page_and_in_order(drop: Drop) -> None:
    for n in range(100):  # what people never finish
        await drop.folder(*(f"{i}.png" for i in range(20)), folder=f"a{n}")
    await drop.folder("source.png", "target.png", folder="b")
    await drop.manifest(MANIFEST, name="c")
    drop.store.calls.clear()
    assert [entry.name for entry in await drop.entries()] == ["b", "c"]
    assert drop.store.counts == {"list": 3}


async def test_a_folder_across_two_pages_is_one_entry(drop: Drop) -> None:
    await drop.files({f"a{n:03}.txt": b"" for n in range(999)})
    await drop.folder("source.png", "target.png", folder="b")
    [entry] = await drop.entries()
    assert entry.keys == ("inbox/b/source.png", "inbox/b/target.png")
    assert drop.store.counts == {"list": 2}


async def test_a_scan_reads_no_more_than_it_can_use(drop: Drop) -> None:
    await drop.files({f"{n:04}.json": b"{}" for n in range(2500)})
    entries = await drop.entries()
    assert drop.store.counts == {"list": 1}
    assert len(entries) == 1000


async def test_a_folder_that_the_last_page_cuts_off_waits_for_the_next_scan(drop: Drop) -> None:
    await drop.files({f"a{n:03}.json": b"{}" for n in range(998)})
    await drop.folder("source.png", "target.jpg", "target.png", folder="b")
    entries = await drop.entries()
    assert drop.store.counts == {"list": 1}
    assert {entry.form for entry in entries} == {"manifest"}


async def test_an_inbox_full_of_rubbish_costs_a_bounded_number_of_calls(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(10_500)})
    assert await drop.entries() == []
    assert drop.store.counts == {"list": 10}


async def test_an_empty_inbox_tells_the_stores_time(drop: Drop) -> None:
    scan = await drop.inbox.scan()
    assert (scan.entries, scan.store_now) == ([], drop.time.store())


async def looks(drop: Drop, count: int) -> list[str]:
    """The names of the entries that some looks in a row have found, each going on where the last stopped."""
    found, read_to = list[str](), ""
    for _ in range(count):
        scan = await drop.inbox.scan(go_on_after=read_to)
        found += [entry.name for entry in scan.entries]
        read_to = scan.read_to
    return found


@pytest.mark.parametrize("stray", ["{n:05}.txt", "strays/{n:05}.png", "{n:05}/me.png", "{n:05}/x/target.png"])
async def test_whatever_lies_before_it_a_job_is_seen_at_the_second_look(drop: Drop, stray: str) -> None:
    await drop.files({stray.format(n=n): b"" for n in range(10_050)})
    await drop.manifest(MANIFEST, name="zzz")
    await drop.folder("source.png", "target.png", folder="zz")
    assert await looks(drop, 1) == []
    drop.store.calls.clear()
    assert set(await looks(drop, 2)) == {"zz", "zzz"}
    assert drop.store.counts["list"] <= 20


async def test_a_folder_that_a_look_cuts_off_is_whole_in_the_next(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(9_999)})
    await drop.folder("source.png", "target.png", folder="b")
    await drop.files({f"c{n}.txt": b"" for n in range(3)})
    assert await looks(drop, 2) == ["b"]


async def test_reading_goes_on_past_entries_that_are_of_no_use_now(drop: Drop) -> None:
    await drop.files({f"{n:04}.json": b"{}" for n in range(1500)})
    scan = await drop.inbox.scan(is_fresh=lambda entry: entry.name >= "1400")
    assert len(scan.entries) == 1500
    assert scan.at_end


async def test_what_is_no_job_is_told_of_once_on_a_way_through(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(10_500)})
    first = await drop.inbox.scan()
    second = await drop.inbox.scan(go_on_after=first.read_to)
    assert [len(puzzle.files) for scan in (first, second) for puzzle in scan.puzzles] == [10_000, 500]


async def test_what_is_no_job_is_told_by_its_place(drop: Drop) -> None:
    await drop.files({"loose.png": b"", "own/me.png": b"", "own/Thumbs.db": b"", "2026/us/source.png": b""})
    await drop.files({"empty/": b"", "": b"", "junk/.DS_Store": b""})
    await drop.folder("source.png", "target.png")
    scan = await drop.inbox.scan()
    assert {puzzle.place: puzzle.files for puzzle in scan.puzzles} == {
        "": ("loose.png",),
        "own": ("me.png",),
        "2026": ("us/source.png",),
    }
    assert [entry.name for entry in scan.entries] == ["pics"]
