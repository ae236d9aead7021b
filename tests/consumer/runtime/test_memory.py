"""Memory: what this process holds, and what its container lets it hold."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from consumer.config.settings import Settings
from consumer.runtime.memory import container_limit_bytes, memory_limit_bytes, own_bytes

MIB = 2**20


def test_memory_that_is_taken_and_written_counts() -> None:
    # Of the kernel itself: an array may get what others have freed and the process has kept.
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as taken:
        before = own_bytes()
        taken.write(bytes([1]) * (64 * MIB))
        assert own_bytes() - before > 60 * MIB


def test_files_mapped_from_disk_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(bytes(64 * MIB))
    before = own_bytes()
    mapped = np.memmap(file, np.uint8, "r")
    assert int(mapped.sum()) == 0
    assert own_bytes() - before < 32 * MIB


def test_all_memory_counts_where_the_kernel_does_not_tell_whose_it_is(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\ta: b\nVmRSS:\t  12 kB\nThreads:\t4\n")
    assert own_bytes(status) == 12 * 1024
    status.write_text("VmRSS:\t  12 kB\nRssAnon:\t  5 kB\n")
    assert own_bytes(status) == 5 * 1024


@pytest.mark.parametrize(
    ("membership", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/\n", {}, None),
        ("0::/user/job\n", {"user/job/memory.max": "500\n"}, 500),
        ("0::/host/path\n", {"memory.max": "700\n"}, 700),
        ("5:cpu:/a\n4:memory:/docker/x\n", {"memory/memory.limit_in_bytes": "800\n"}, 800),
        ("4:memory:/docker/x\n", {"memory/docker/x/memory.limit_in_bytes": "900\n"}, 900),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
    ],
    ids=["own root", "no limit", "no file", "a group", "a host's path", "v1 root", "v1 group", "v1 no limit"],
)
def test_the_containers_limit_is_found_in_both_versions_of_control_groups(
    membership: str, files: dict[str, str], limit: int | None, tmp_path: Path
) -> None:
    (tmp_path / "cgroup").write_text(membership)
    for name, content in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert container_limit_bytes(tmp_path / "cgroup", tmp_path / "fs") == limit


def test_where_there_are_no_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert container_limit_bytes(tmp_path / "cgroup", tmp_path) is None


def test_a_limit_of_ones_own_comes_before_the_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.runtime.memory.container_limit_bytes", lambda: 1000)
    assert memory_limit_bytes(Settings(memory_limit_bytes=512 * MIB)) == 512 * MIB
    assert memory_limit_bytes(Settings()) == 900
    monkeypatch.setattr("consumer.runtime.memory.container_limit_bytes", lambda: None)
    assert memory_limit_bytes(Settings()) is None
