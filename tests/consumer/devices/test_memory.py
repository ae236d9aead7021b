"""Memory: what this process holds, and what its container lets it hold."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from consumer.config.settings import Settings
from consumer.devices.memory import bytes_of, memory_limit_bytes, own_bytes, processes_for_segments

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


def test_a_limit_of_ones_own_comes_before_the_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.devices.cgroup.memory_bytes", lambda: 1000)
    assert memory_limit_bytes(Settings(memory_limit_bytes=512 * MIB)) == 512 * MIB
    assert memory_limit_bytes(Settings()) == 900
    monkeypatch.setattr("consumer.devices.cgroup.memory_bytes", lambda: None)
    assert memory_limit_bytes(Settings()) is None


@pytest.mark.parametrize(
    ("cores", "container_mib", "sharers", "processes"),
    [
        (16, None, 1, 16),
        (16, None, 4, 4),
        (2, 64_000, 1, 2),
        (16, 3072, 1, 2),
        (16, 6144, 2, 2),
        (64, 16_384, 1, 25),
        (16, 1024, 1, 1),
    ],
)
def test_no_more_processes_make_segments_than_cores_and_memory_are_there_for(
    monkeypatch: pytest.MonkeyPatch, cores: int, container_mib: int | None, sharers: int, processes: int
) -> None:
    monkeypatch.setattr("consumer.devices.memory.usable_cores", lambda: cores)
    container = None if container_mib is None else container_mib * MIB
    monkeypatch.setattr("consumer.devices.cgroup.memory_bytes", lambda: container)
    assert processes_for_segments(Settings(), sharers=sharers) == processes
    assert processes_for_segments(Settings(video_processes=7), sharers=sharers) == 7


def test_memory_of_other_processes_counts_as_long_as_they_live() -> None:
    assert bytes_of([os.getpid()]) == pytest.approx(own_bytes(), abs=MIB)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert bytes_of([gone.pid]) == 0
