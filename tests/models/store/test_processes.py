"""Processes that pull one file at once, and those that end in the middle of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.store.lock import exclusive
from models.store.model_store import Found
from tests.support.mirrors import FLAT_ZIP, MODEL, LoopbackFetcher, Page, Record, mirror, store
from tests.support.pulls import PATH, assert_no_file_at_all, assert_only_the_good_file, pull

PULL = """
import sys
from pathlib import Path
from tests.support.mirrors import LoopbackFetcher, Record, store
root, port, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
print(store(root).pull(name, [LoopbackFetcher({"one": port})], Record()).path)
"""


def pulling(root: Path, port: int, name: str) -> subprocess.Popen[str]:
    """A process that pulls a file once it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", PULL, str(root), str(port), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize(
    ("name", "path"), [("swapper.onnx", "/swapper.onnx"), ("det_10g.onnx", "/buffalo_l.zip")]
)
def test_processes_at_once_end_with_one_good_file_and_one_download(
    tmp_path: Path, name: str, path: str
) -> None:
    body = MODEL if name == "swapper.onnx" else FLAT_ZIP
    with mirror({path: Page(body=body, pause_s=0.02)}) as one:
        running = [pulling(tmp_path, one.port, name) for _ in range(2)]
        for process in running:
            begin(process)
        assert [process.communicate(timeout=60)[1] for process in running] == ["", ""]
    assert [asked for asked, _ in one.requests] == [path]
    assert isinstance(store(tmp_path).locate(name, afresh=True), Found)


class Impatient(Record):
    """A progress that breaks the download off, as a consumer does that has to end."""

    def advance(self, name: str, done: int, total: int | None) -> None:
        super().advance(name, done, total)
        raise InterruptedByUser


class InterruptedByUser(Exception):
    """What the progress raises."""


def test_a_download_that_is_broken_off_from_within_can_be_gone_on_with(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL)}) as one:
        with pytest.raises(InterruptedByUser):
            store(tmp_path).pull("swapper.onnx", [LoopbackFetcher({"one": one.port})], Impatient())
        assert_no_file_at_all(tmp_path / "models")
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert all(asked for _, asked in one.requests[1:])


def test_a_wait_for_another_process_can_be_broken_off(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    told = Impatient()
    with (
        exclusive(tmp_path / "models/.swapper.onnx.lock", lambda: None),
        pytest.raises(InterruptedByUser),
    ):
        store(tmp_path).pull("swapper.onnx", [], told)
    assert told.notes == ["swapper.onnx: another process is fetching it; waiting"]


def test_a_process_killed_in_the_middle_holds_nobody_up(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, pause_s=0.05)}) as one:
        with pulling(tmp_path, one.port, "swapper.onnx") as process:
            begin(process)
            while not (tmp_path / "models/.swapper.onnx.part").exists():
                assert process.poll() is None
            process.kill()
        one.pages[PATH] = Page(body=MODEL)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
