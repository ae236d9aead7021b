"""Folders of jobs: private, within the budget, and gone in the end whatever happens to job or process."""

import asyncio
import errno
import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from consumer.faults import judge
from consumer.jobs.workspace import WorkFolderUnusable, Workspaces
from storage.errors import InputTooLarge
from storage.inputs.fetch import InputFetcher, InputPolicy
from storage.inputs.spool import Spool
from storage.stores.memory_store import MemoryStore


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _remains(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.name != "lock")


async def test_a_folder_is_made_when_it_is_needed_is_private_and_goes(tmp_path: Path) -> None:
    with Workspaces(tmp_path / "work", budget_bytes=100) as workspaces:
        (own,) = _folders(tmp_path / "work")
        async with workspaces.open() as idle, workspaces.open() as workspace:
            assert _remains(own) == []
            folder = workspace.folder
            assert workspace.folder == folder
            assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(own.stat().st_mode) == 0o700
            first, second = workspace.new_path(".mp4"), workspace.new_path(".mp4")
            assert first != second
            first.write_bytes(b"x")
            assert _remains(own) == sorted([folder.name, first.name])
            assert idle.held_bytes == 0
        assert _remains(own) == []
    assert _folders(tmp_path / "work") == []


async def test_a_folder_goes_also_where_its_job_fails_or_is_cancelled(tmp_path: Path) -> None:
    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        (own,) = _folders(tmp_path)
        begun = asyncio.Event()

        async def work(*, fail: bool) -> None:
            async with workspaces.open() as workspace:
                await workspace.reserve(60)
                workspace.new_path().write_bytes(b"x")
                if fail:
                    raise ValueError
                begun.set()
                await asyncio.sleep(60)

        with pytest.raises(ValueError, match=r"^$"):
            await work(fail=True)
        assert (_remains(own), workspaces.held_bytes) == ([], 0)
        job = asyncio.create_task(work(fail=False))
        await begun.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert (_remains(own), workspaces.held_bytes) == ([], 0)


async def test_a_folder_goes_while_a_thread_still_writes_into_it(tmp_path: Path) -> None:
    """As where an encoder's thread outlives its job: what it makes afterwards has no place to be."""
    writing, ended = threading.Event(), threading.Event()
    failures: list[OSError] = []
    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        (own,) = _folders(tmp_path)

        def write() -> None:
            path = workspace.new_path()
            with path.open("wb") as file:
                writing.set()
                while not ended.is_set():
                    file.write(b"x" * 1000)
                    try:
                        path.with_name("another").write_bytes(b"x")
                        path.with_name("another").unlink()
                    except OSError as error:
                        failures.append(error)
            try:
                workspace.new_path()
            except OSError as error:
                failures.append(error)

        async with workspaces.open() as workspace:
            thread = asyncio.create_task(asyncio.to_thread(write))
            await asyncio.to_thread(writing.wait)
        assert _remains(own) == []
        ended.set()
        await thread
        assert failures
        assert _remains(own) == []
    assert _folders(tmp_path) == []


async def test_a_root_that_another_user_owns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(tmp_path, 12_345, -1) if os.getuid() == 0 else monkeypatch.setattr(os, "getuid", lambda: 12_345)
    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        async with workspaces.open() as workspace:
            with pytest.raises(WorkFolderUnusable, match="SWAPDROP_WORK_DIR"):
                workspace.path("secret")
    assert _folders(tmp_path) == []


async def test_a_root_that_cannot_be_used_keeps_no_process_from_its_start_and_is_asked_for_again(
    tmp_path: Path,
) -> None:
    root = tmp_path / "work"
    root.write_text("in the way")
    with Workspaces(root, budget_bytes=100) as workspaces:
        async with workspaces.open() as workspace:
            with pytest.raises(WorkFolderUnusable, match="SWAPDROP_WORK_DIR") as raised:
                workspace.path("large")
        assert workspaces.problem == str(raised.value)
        fault = judge(raised.value, stage="download")
        assert (fault.kind, fault.code) == ("machine", "internal")
        assert str(root) not in fault.message
        root.unlink()
        async with workspaces.open() as workspace:
            workspace.path("large").write_bytes(b"large")
        assert workspaces.problem is None
        assert len(_folders(root)) == 1
    assert _folders(root) == []


async def test_a_folder_that_somebody_has_removed_is_the_machines_fault(tmp_path: Path) -> None:
    """As by what cleans temporary folders: only a consumer that is started afresh has one again."""
    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        shutil.rmtree(workspaces.folder())
        async with workspaces.open() as workspace:
            with pytest.raises(WorkFolderUnusable):
                workspace.path("large")


async def test_a_disk_that_is_full_is_not_taken_for_a_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        monkeypatch.setattr(tempfile, "mkdtemp", full)
        async with workspaces.open() as workspace:
            with pytest.raises(OSError, match="No space left"):
                workspace.path("large")


async def test_downloads_count_against_the_budget(tmp_path: Path) -> None:
    store = MemoryStore()
    await store.put("uploads/a.mp4", bytes(60), content_type="video/mp4")
    await store.put("uploads/b.mp4", bytes(41), content_type="video/mp4")
    with Workspaces(tmp_path, budget_bytes=100) as workspaces:
        async with InputFetcher(store, policy=InputPolicy()) as fetcher, workspaces.open() as workspace:
            spool = Spool(disk=workspace)
            fetched = await fetcher.fetch("uploads/a.mp4", job_folder=None, spool=spool)
            assert fetched.path is not None
            assert fetched.path.parent == workspace.folder
            assert workspace.held_bytes == workspaces.held_bytes == 60
            with pytest.raises(InputTooLarge, match=r"^`uploads/b\.mp4`: The files of this job need more"):
                await fetcher.fetch("uploads/b.mp4", job_folder=None, spool=spool)
            assert [path.name for path in workspace.folder.iterdir()] == [fetched.path.name]
        assert workspaces.held_bytes == 0
