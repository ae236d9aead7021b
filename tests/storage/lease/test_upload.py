"""Results from memory and from files: what is stored and what the record tells of it."""

import hashlib
import threading
from pathlib import Path

import pytest

from storage import keys
from storage.lease import upload as uploads
from storage.lease.leases import Lease, LeasePolicy, Leases, Output
from storage.lease.upload import Uploaded, upload
from storage.stores.memory_store import MemoryStore
from tests.support.stores import CountingStore

KEY = keys.new_result("j", 1, "mp4")
LARGE = bytes(range(256)) * (3 << 13)  # 6 MiB


def output(body: bytes | None = None, path: Path | None = None) -> Output:
    return Output(body=body, path=path, extension="mp4", content_type="video/mp4")


def described(body: bytes) -> Uploaded:
    return Uploaded(size=len(body), sha256=hashlib.sha256(body).hexdigest())


@pytest.fixture
def on_threads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each result that is hashed, whether that is done away from the event loop."""
    seen: list[bool] = []
    for name in ("_describe", "_describe_file"):
        real = getattr(uploads, name)

        def spied(what: object, real: object = real) -> Uploaded:
            seen.append(threading.current_thread() is not threading.main_thread())
            return real(what)  # type: ignore[operator,no-any-return] # passed on

        monkeypatch.setattr(uploads, name, spied)
    return seen


@pytest.mark.parametrize(("body", "on_thread"), [(b"", False), (b"pixels", False), (LARGE, True)])
async def test_bytes_cost_one_put_and_large_ones_do_not_hold_up_the_loop(
    body: bytes,
    on_thread: bool,  # noqa: FBT001
    on_threads: list[bool],
) -> None:
    store = CountingStore(MemoryStore())
    assert await upload(store, KEY, output(body)) == described(body)
    assert store.calls == [("put", KEY)]
    assert on_threads == [on_thread]
    assert (await store.get(KEY, max_bytes=1 << 24)).body == body


@pytest.mark.parametrize("body", [b"", b"pixels", LARGE])
async def test_a_file_costs_one_put_file_and_does_not_hold_up_the_loop(
    body: bytes, tmp_path: Path, on_threads: list[bool]
) -> None:
    store, path = CountingStore(MemoryStore()), tmp_path / "result.mp4"
    path.write_bytes(body)
    assert await upload(store, KEY, output(path=path)) == described(body)
    assert store.calls == [("put_file", KEY)]
    assert on_threads == [True]
    stored = await store.get(KEY, max_bytes=1 << 24)
    assert (stored.body, stored.info.content_type) == (body, "video/mp4")


async def test_a_result_from_a_file_is_told_as_one_from_memory(tmp_path: Path) -> None:
    store, path = MemoryStore(), tmp_path / "result.mp4"
    path.write_bytes(LARGE)
    told = []
    for job, result in (("a", output(LARGE)), ("b", output(path=path))):
        lease = await Leases(store, owner="o", policy=LeasePolicy()).claim(job, None)
        assert isinstance(lease, Lease)
        status = await lease.complete(result)
        assert status.result is not None
        told.append(status.result.model_dump(exclude={"key"}))
    assert told[0] == told[1]
    assert told[0]["size"] == len(LARGE)


async def test_a_file_that_is_gone_is_an_error_and_the_job_may_still_be_given_back(tmp_path: Path) -> None:
    store = CountingStore(MemoryStore())
    lease = await Leases(store, owner="o", policy=LeasePolicy()).claim("j", None)
    assert isinstance(lease, Lease)
    with pytest.raises(FileNotFoundError):
        await lease.complete(output(path=tmp_path / "gone"))
    assert store.counts["put_file"] == 0
    assert (await lease.release()).status == "pending"


@pytest.mark.parametrize("has_both", [True, False])
def test_an_output_has_either_a_body_or_a_path(has_both: bool, tmp_path: Path) -> None:  # noqa: FBT001
    with pytest.raises(ValueError, match="either"):
        output(b"", tmp_path) if has_both else output()
