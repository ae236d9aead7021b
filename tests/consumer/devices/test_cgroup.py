"""What the container of a process allows it."""

from pathlib import Path

import pytest

from consumer.devices import cgroup
from consumer.devices.cores import usable_cores


def laid_out(folder: Path, membership: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Where a process' groups are told, and what the kernel says of groups."""
    (folder / "cgroup").write_text(membership)
    for name, content in files.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / "cgroup", folder / "fs"


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
    assert cgroup.memory_bytes(*laid_out(tmp_path, membership, files)) == limit


def test_where_there_are_no_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup.memory_bytes(tmp_path / "cgroup", tmp_path) is None


@pytest.mark.parametrize(
    ("membership", "files", "granted"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        (
            "6:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "200000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            2,
        ),
        ("6:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
    ids=["a share", "no limit", "no file", "v1 group", "v1 no limit"],
)
def test_how_many_processors_the_container_has_the_time_of_is_found(
    membership: str, files: dict[str, str], granted: float | None, tmp_path: Path
) -> None:
    assert cgroup.cpus(*laid_out(tmp_path, membership, files)) == granted


def test_no_more_cores_are_used_than_the_container_has_the_time_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.devices.cgroup.cpus", lambda: None)
    all_of_them = usable_cores()
    for granted, cores in ((0.25, 1), (all_of_them + 0.5, all_of_them), (None, all_of_them)):
        monkeypatch.setattr("consumer.devices.cgroup.cpus", lambda granted=granted: granted)
        assert usable_cores() == cores
