"""The folder of one process: goes in the end whatever happens to the process, and no other with it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.devices.process_folder import ProcessFolder

_PROCESS = """
import sys
from pathlib import Path
from consumer.devices.process_folder import ProcessFolder

folder = ProcessFolder(Path(sys.argv[1]), chosen_by="WHERE")
(folder.path() / "clip.mp4").write_bytes(b"left")
print(folder.path(), flush=True)
sys.stdin.read()
folder.close()
"""


@contextmanager
def _process(root: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that has a folder below `root` until its input ends, or it is killed; and the folder."""
    command = [sys.executable, "-c", _PROCESS, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _folder(root: Path) -> ProcessFolder:
    return ProcessFolder(root, chosen_by="WHERE")


def test_it_is_made_when_it_is_needed_is_private_and_goes(tmp_path: Path) -> None:
    root = tmp_path / "below" / "root"
    folder = _folder(root)
    assert not root.exists()
    path = folder.path()
    assert folder.path() == path
    assert _folders(root) == [path]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (root, path)} == {0o700}
    folder.close()
    folder.close()
    assert _folders(root) == []
    assert folder.path() != path  # whoever needs one again has another
    folder.close()


def test_what_a_killed_process_left_goes_with_the_next_folder_and_what_a_live_one_has_stays(
    tmp_path: Path,
) -> None:
    with _process(tmp_path) as (dead, left), _process(tmp_path) as (_alive, kept):
        assert left != kept
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert _names(left) == _names(kept) == ["clip.mp4", "lock"]
        folder = _folder(tmp_path)
        own = folder.path()
        assert _folders(tmp_path) == sorted([kept, own])
        assert _names(kept) == ["clip.mp4", "lock"]
        folder.close()


def test_a_process_that_ends_in_order_leaves_nothing(tmp_path: Path) -> None:
    with _process(tmp_path) as (process, own):
        assert own.exists()
        process.communicate()
    assert process.returncode == 0
    assert _folders(tmp_path) == []


def test_files_that_are_not_ours_stay(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "consumer-half-made").mkdir()
    (tmp_path / "consumer-x.gone").mkdir()
    folder = _folder(tmp_path)
    own = folder.path()
    assert _folders(tmp_path) == sorted([own, tmp_path / "holiday"])
    folder.close()
    assert _folders(tmp_path) == [tmp_path / "holiday"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_root_that_another_user_owns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(tmp_path, 12_345, -1) if os.getuid() == 0 else monkeypatch.setattr(os, "getuid", lambda: 12_345)
    with pytest.raises(PermissionError, match="another user; set WHERE"):
        _folder(tmp_path).path()
    assert _folders(tmp_path) == []
