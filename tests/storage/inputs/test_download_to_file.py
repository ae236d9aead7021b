"""Downloads to a file: whole and right under its name, or not there at all."""

import asyncio
import errno
import hashlib
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import InputNotFound, InputTooLarge, InputUnavailable, StoreDenied
from storage.inputs.download import Downloaded, download_object
from storage.inputs.spool import SpooledBytes
from storage.stores.memory_store import MemoryStore
from storage.stores.parts import MIN_PART_BYTES, PartSizes
from storage.stores.port import ObjectStore
from tests.storage.inputs.test_download import BODY, KEY, OTHER, Break, BreakingStore, LyingStore, holding
from tests.support.clock import VirtualTime
from tests.support.stores import Fault, FaultStore

SHA256 = hashlib.sha256(BODY).hexdigest()


async def download(
    store: ObjectStore, path: Path, *, max_bytes: int = len(BODY), sha256: str | None = None
) -> Downloaded:
    return await download_object(
        store, KEY, path, max_bytes=max_bytes, sha256=sha256, sleep=VirtualTime().sleep
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


async def test_a_file_is_what_the_object_was(tmp_path: Path) -> None:
    store = await holding(BreakingStore())
    path = tmp_path / "new" / "folder" / "a.mp4"
    downloaded = await download(store, path, sha256=SHA256)
    assert path.read_bytes() == BODY
    assert downloaded == Downloaded(size=len(BODY), sha256=SHA256, etag=(await store.head(KEY)).etag)
    assert [each.name for each in path.parent.iterdir()] == ["a.mp4"]


async def test_an_empty_object_is_an_empty_file(tmp_path: Path) -> None:
    await download(await holding(BreakingStore(), b""), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize("silent", [False, True])
async def test_a_file_goes_on_where_the_stream_broke_off(tmp_path: Path, silent: bool) -> None:  # noqa: FBT001 - a parameter of the test
    store = await holding(BreakingStore([Break(1000, silent), Break(70_000, silent)]))
    await download(store, tmp_path / "a", sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == BODY
    assert [start for start, _ in store.opened] == [0, 1000, 71_000]


async def test_an_object_replaced_by_a_shorter_one_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    class Shortened(BreakingStore):
        async def put(self, key: str, body: bytes, **more: object) -> str:
            return await super().put(key, b"short" if body == OTHER else body, **more)  # type: ignore[arg-type] # as above

    store = await holding(Shortened([Break(200_000, silent=True, replaced=True)]))
    await download(store, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"short"


@given(
    st.lists(
        st.builds(Break, after=st.integers(0, len(BODY)), silent=st.booleans(), replaced=st.booleans()),
        max_size=5,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_reads_break_the_file_is_one_whole_version_or_what_it_was(
    tmp_path: Path, plan: list[Break]
) -> None:
    async def run() -> None:
        store = await holding(BreakingStore(plan))
        path = tmp_path / "a"
        path.write_bytes(b"before")
        try:
            downloaded = await download(store, path)
        except InputUnavailable:
            assert path.read_bytes() == b"before"
        else:
            assert path.read_bytes() in {BODY, OTHER}
            assert downloaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert [*_files(tmp_path)] == ["a"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("store", "error"),
    [
        (BreakingStore([Break(10)] * 9), InputUnavailable),
        (LyingStore(etag="0" * 32), InputUnavailable),
        (LyingStore(size=len(BODY) - 1), InputTooLarge),
        (FaultStore(BreakingStore(), [Fault(op="stream", error=StoreDenied())]), StoreDenied),
    ],
    ids=["breaks", "damaged", "longer than announced", "denied"],
)
async def test_what_fails_leaves_what_was_there(
    tmp_path: Path, store: BreakingStore, error: type[Exception]
) -> None:
    (tmp_path / "a").write_bytes(b"before")
    await holding(store)
    with pytest.raises(error):
        await download(store, tmp_path / "a", max_bytes=len(BODY) - isinstance(error(), InputTooLarge))
    assert _files(tmp_path) == {"a": b"before"}


async def test_another_file_than_was_asked_for_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="not the one"):
        await download(await holding(BreakingStore(), OTHER), tmp_path / "a", sha256=SHA256)
    assert _files(tmp_path) == {}


async def test_a_missing_object_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        await download(BreakingStore(), tmp_path / "a")
    assert _files(tmp_path) == {}


async def test_a_line_that_breaks_again_and_again_brings_a_large_file_all_the_same(tmp_path: Path) -> None:
    body = bytes(8 * 2**20)
    store = await holding(BreakingStore([Break(2**20)] * 7), body)
    await download(store, tmp_path / "a", max_bytes=len(body))
    assert (tmp_path / "a").read_bytes() == body
    assert len(store.opened) == 8


async def test_a_full_disk_is_told_as_the_system_told_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpooledBytes, "_write_file", full)
    store = await holding(BreakingStore())
    with pytest.raises(OSError, match="No space") as caught:
        await download(store, tmp_path / "a")
    assert caught.value.errno == errno.ENOSPC
    assert len(store.opened) == 1


async def test_a_download_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    here = asyncio.Event()

    async def hang(_: float) -> None:
        here.set()
        await asyncio.sleep(60)

    store = await holding(BreakingStore([Break(70_000)]))
    task = asyncio.create_task(download_object(store, KEY, tmp_path / "a", max_bytes=len(BODY), sleep=hang))
    await here.wait()
    assert [*_files(tmp_path)] == [".a.part"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _files(tmp_path) == {}


async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    size = 4 * MIN_PART_BYTES
    store = MemoryStore(part_sizes=PartSizes(single_bytes=MIN_PART_BYTES))
    await store.put(KEY, bytes(size), content_type="video/mp4")
    tracemalloc.start()
    try:
        await download(store, tmp_path / "a", max_bytes=size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 10
