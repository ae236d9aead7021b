"""Folders that take no file, for want of room or of leave, are named or left for the next."""

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.errors import ModelMissing
from models.store import download
from models.store.places import SearchPlace, make_ready
from tests.support.mirrors import MODEL, SIZE, Page, mirror, store
from tests.support.pulls import PATH, assert_only_the_good_file, files, pull


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """The system refuses bytes beyond `limit` in any file of this process, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_disk_that_fills_up_in_the_middle_is_named_and_given_its_space_back(tmp_path: Path) -> None:
    with (
        mirror({PATH: Page(body=MODEL)}) as one,
        file_size_limit(SIZE // 2),
        pytest.raises(ModelMissing, match=r"no folder of the search path takes it") as caught,
    ):
        pull(store(tmp_path), one=one)
    assert caught.value.where == (f"{tmp_path / 'models'}: the file is larger than this folder allows",)
    assert files(tmp_path / "models") == {".swapper.onnx.lock"}


def test_a_full_disk_is_left_for_the_next_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full, roomy = tmp_path / "full", tmp_path / "roomy"
    original = download.Download._receive

    def receive(self: download.Download, *arguments: object) -> None:
        if full in self._partial.path.parents:
            self._partial.path.write_bytes(MODEL[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(self, *arguments)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(download.Download, "_receive", receive)
    with mirror({PATH: Page(body=MODEL)}) as one:
        found = pull(store(tmp_path, full, roomy), one=one)
    assert found.path == roomy / "swapper.onnx"
    assert files(full) == {".swapper.onnx.lock"}


def test_a_disk_without_room_is_named_before_a_byte_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 95, 5))
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path), one=one)
    assert caught.value.where == (f"{tmp_path / 'models'}: the disk is full: 0 MB are needed, 0 MB are free",)
    assert one.requests == []


def test_a_folder_that_cannot_be_written_is_left_for_the_next(tmp_path: Path) -> None:
    """Below /proc/1 and below a file nothing can be made, not even by root."""
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file")
    with mirror({PATH: Page(body=MODEL)}) as one:
        found = pull(store(tmp_path, Path("/proc/1/models"), blocked / "models", tmp_path / "good"), one=one)
    assert found.path == tmp_path / "good/swapper.onnx"
    assert [candidate.reason for candidate in found.candidates][1] == "cannot be read: not a folder"


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Root may write anywhere, so as root be nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_folder_is_left_for_the_next_and_said_so_if_there_is_none() -> None:
    with tempfile.TemporaryDirectory() as name, mirror({PATH: Page(body=MODEL)}) as one:
        root = Path(name)
        for folder, mode in ((root / "good", 0o777), (root / "read-only", 0o555), (root, 0o755)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        with bound_by_permissions():
            with pytest.raises(ModelMissing) as caught:
                pull(store(root, root / "read-only", root / "read-only/below"), one=one)
            found = pull(store(root, root / "read-only", root / "good"), one=one)
        assert caught.value.where == (
            f"{root / 'read-only'}: not allowed for this user",
            f"{root / 'read-only/below'}: not allowed for this user",
        )
        assert found.path == root / "good/swapper.onnx"
        assert files(root) == {"good/swapper.onnx", "good/.swapper.onnx.lock"}


def test_a_file_that_may_not_be_read_says_so() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "swapper.onnx").write_bytes(MODEL)
        (root / "swapper.onnx").chmod(0)
        with bound_by_permissions():
            looked = store(root, root).locate("swapper.onnx")
        assert [candidate.reason for candidate in looked.candidates] == [
            "cannot be read: not allowed for this user"
        ]


def test_if_no_folder_takes_it_each_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file")
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path, Path("/proc/1/models"), blocked), one=one)
    assert caught.value.where == ("/proc/1/models: no such folder", f"{blocked}: not a folder")
    assert one.requests == []


def test_a_volume_that_is_not_mounted_is_not_made_up(tmp_path: Path) -> None:
    place = SearchPlace(folder=tmp_path / "volume/models", volume=tmp_path / "volume")
    with pytest.raises(FileNotFoundError):
        make_ready(place, 0)
    assert not (tmp_path / "volume").exists()


def test_a_dangling_link_gives_way_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/swapper.onnx").symlink_to(tmp_path / "gone.onnx")
    with mirror({PATH: Page(body=MODEL)}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert not (tmp_path / "models/swapper.onnx").is_symlink()
    assert not (tmp_path / "gone.onnx").exists()


def test_a_damaged_file_gives_way_only_to_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/swapper.onnx").write_bytes(MODEL[:99])
    with mirror({PATH: Page(body=MODEL[::-1])}) as one:
        with pytest.raises(ModelMissing):
            pull(store(tmp_path), one=one)
        assert (tmp_path / "models/swapper.onnx").read_bytes() == MODEL[:99]
        one.pages[PATH] = Page(body=MODEL)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


def test_a_folder_in_the_files_place_is_named_before_a_byte_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "models/swapper.onnx").mkdir(parents=True)
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path), one=one)
    assert "a folder is in the place of swapper.onnx" in caught.value.where[0]
    assert one.requests == []
