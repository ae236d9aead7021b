"""What lies in the inbox and is no job: its sender is told after a while, once, and nothing fails."""

import pytest
import structlog

from consumer.triggers.puzzles import PuzzleTeller
from storage import keys
from storage.inbox.inbox import Inbox, Scan
from storage.inbox.puzzles import puzzle_id
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.clock import VirtualTime
from tests.support.jobs import read_status
from tests.support.stores import CountingStore, Fault, FaultStore


class Watched:
    """An inbox that is looked at now and then."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)
        self.teller = PuzzleTeller(self.store, wall=self.time.store)

    async def put(self, *names: str) -> None:
        for name in names:
            await self.memory.put(f"{keys.INBOX}{name}", name.encode(), content_type="image/png")

    async def look(self, *, after_s: float = 0) -> Scan:
        self.time.advance(after_s)
        scan = await Inbox(self.memory).scan()
        places = {puzzle.place for puzzle in scan.puzzles}
        await self.teller.tell(scan.puzzles, scan.store_now, places=places)
        return scan

    async def record(self, place: str) -> Status | None:
        return await read_status(self.memory, puzzle_id(place))


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.mark.parametrize(
    ("place", "files", "said"),
    [
        ("own", ("own/me.png", "own/party.jpg"), "None of them says what it is for"),
        ("lonely", ("lonely/target.jpg",), "What is missing is the picture with the face"),
        ("2026", ("2026/us/source.png", "2026/us/target.png"), "not looked at"),
        ("", ("source.png", "target.png"), "In the inbox itself"),
    ],
)
async def test_a_drop_that_is_not_understood_is_told_once_and_stays_pending(
    watched: Watched, place: str, files: tuple[str, ...], said: str
) -> None:
    await watched.put(*files)
    with structlog.testing.capture_logs() as logs:
        await watched.look(after_s=299)
        assert await watched.record(place) is None  # it may be on its way
        for _ in range(3):
            await watched.look(after_s=1)
    status = await watched.record(place)
    assert status is not None
    assert (status.status, status.error, status.finished_at) == ("pending", None, None)
    [warning] = status.warnings
    assert (warning.code, said in warning.message) == ("not_understood", True)
    assert [line["event"] for line in logs] == ["drop_not_understood"]
    assert watched.store.counts == {"put": 1}


async def test_an_upload_that_goes_on_is_not_told_of(watched: Watched) -> None:
    for number in range(5):
        await watched.put(f"own/{number}.png")
        await watched.look(after_s=200)
    assert await watched.record("own") is None


async def test_what_comes_later_renews_what_is_told_and_a_job_takes_it_back(watched: Watched) -> None:
    await watched.put("own/me.png")
    await watched.look(after_s=300)
    await watched.put("own/party.jpg")
    await watched.look(after_s=300)
    status = await watched.record("own")
    assert status is not None
    assert (status.rev, "`party.jpg`" in status.warnings[0].message) == (2, True)
    await watched.put("own/source.png", "own/target.png")
    scan = await watched.look()
    assert [entry.name for entry in scan.entries] == ["own"]
    assert await watched.record("own") is None


async def test_consumers_tell_it_once_together(watched: Watched) -> None:
    await watched.put("own/me.png")
    await watched.look(after_s=300)
    watched.teller = PuzzleTeller(watched.store, wall=watched.time.store)
    await watched.look()
    status = await watched.record("own")
    assert status is not None
    assert status.rev == 1


async def test_a_job_of_that_name_is_not_touched(watched: Watched) -> None:
    await watched.put("own/me.png")
    now = watched.time.store()
    ended = Status(job_id=puzzle_id("own"), status="completed", created_at=now, updated_at=now)
    await watched.memory.put(keys.status(puzzle_id("own")), ended.to_bytes(), content_type="application/json")
    await watched.look(after_s=300)
    assert await watched.record("own") == ended


async def test_a_look_tells_a_few_and_a_store_that_is_away_is_asked_again(watched: Watched) -> None:
    await watched.put(*(f"own-{number}/me.png" for number in range(8)))
    watched.store = CountingStore(FaultStore(watched.memory, [Fault(op="put", nth=2)]))
    watched.teller = PuzzleTeller(watched.store, wall=watched.time.store)
    counts = []
    for _ in range(4):
        await watched.look(after_s=300)
        counts.append(len((await watched.memory.list(keys.STATUS)).objects))
    assert counts == [1, 6, 8, 8]
