"""Joining a Ray cluster: what can be wrong is told at once, and says what to do."""

import os
from pathlib import Path
from types import ModuleType

import pytest

from consumer.cli.doctor_cluster import cluster_findings
from consumer.cluster.session import ClusterUnavailable, RaySession
from consumer.config.environment import load_settings
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.faults import judge
from tests.support.ports import free_port


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A cluster whose head does not listen."""
    # Ray reads them once in a process: a later test here may start one of its own.
    for name, value in (("RAY_AUTH_MODE", "token"), ("RAY_USAGE_STATS_ENABLED", "0")):
        monkeypatch.setenv(name, value)
    pytest.importorskip("ray")
    return Settings(executor="ray", ray_address=f"127.0.0.1:{free_port()}")


async def test_a_head_that_is_not_there_is_told_at_once(nowhere: Settings) -> None:
    with pytest.raises(ClusterUnavailable, match=r"127\.0\.0\.1:\d+ could not be joined") as told:
        await RaySession(nowhere).open()
    fault = judge(told.value, stage="swap")
    assert fault.kind == "transient"
    assert "127.0.0.1" not in fault.message


async def test_the_doctor_finds_it_broken(nowhere: Settings) -> None:
    (finding,) = await cluster_findings(nowhere)
    assert (finding.name, finding.state) == ("ray", "broken")
    assert not await cluster_findings(Settings())


class BusyRay(ModuleType):
    """Ray on a machine that is too busy for the first tries: it has begun, and gives up."""

    def __init__(self, tries: int) -> None:
        super().__init__("ray")
        self.logs: list[Path] = []
        self._tries = tries

    def init(self, _address: str, *, _temp_dir: str, **_: object) -> None:
        self.logs.append(Path(_temp_dir) / f"session_{len(self.logs)}")
        self.logs[-1].mkdir()
        if len(self.logs) < self._tries:
            raise RuntimeError("The node timed out.")

    def is_initialized(self) -> bool:
        return False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def shutdown(self) -> None:
        """End what there is."""


@pytest.mark.parametrize(("tries", "starts"), [(3, True), (4, False)])
async def test_a_ray_of_our_own_has_three_tries_which_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int, *, starts: bool
) -> None:
    ray = BusyRay(tries)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr("consumer.cluster.session.find_spec", lambda _name: True)
    monkeypatch.setattr("consumer.cluster.session.load_ray", lambda: ray)
    session = RaySession(Settings(executor="ray"))
    if starts:
        assert (await session.open()).count == 2
        assert all(logs.is_dir() for logs in ray.logs)
        await session.close()
    else:
        with pytest.raises(ClusterUnavailable, match="timed out"):
            await session.open()
    assert len(ray.logs) == 3
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == [".lock"]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.cluster.session.find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"`ray`: uv pip install .*ray>="):
        RaySession(Settings(executor="ray"))


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", ""])
def test_an_address_that_would_carry_bytes_or_is_none_is_refused(address: str) -> None:
    given = {"SWAPDROP_EXECUTOR": "ray", "SWAPDROP_RAY_ADDRESS": address}
    if not address:
        assert load_settings(given).ray_address == "local"
        return
    with pytest.raises(SettingsError, match="HOST:PORT"):
        load_settings(given)
