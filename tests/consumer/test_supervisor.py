"""The supervisor: real child processes that die, linger, ignore signals, or outlive it."""

import asyncio
import errno
import os
import random
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumer import supervisor as module
from consumer.children import python_command
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.supervisor import Child, RestartPolicy, Supervisor, plan_children
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.consumers import alive, consumer_environment, run_consumer
from tests.support.jobs import drop_job, ended, inbox_empty, reached, until

# Notes each start and each signal in $LOG, then does what $DO says.
SCRIPT = """
import os, signal, sys, time
def note(what):
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{what} {os.getpid()}\\n")
def told(*_):
    note("told")
    told.times += 1
    if told.times == int(os.environ.get("SIGNALS", "1")):
        sys.exit(0)
told.times = 0
signal.signal(signal.SIGTERM, told)
note("started")
starts = open(os.environ["LOG"]).read().count("started")
if starts == 1:
    time.sleep(float(os.environ.get("AFTER_S", "0")))
if starts <= int(os.environ.get("DEATHS", "0")):
    sys.exit(int(os.environ.get("CODE", "3")))
while True:
    time.sleep(60)
"""
QUICK = RestartPolicy(first_s=0.01, longest_s=0.05, give_up_after=4)


def child(folder: Path, name: str, **does: int) -> Child:
    environ = {"LOG": str(folder / name), **{key: str(value) for key, value in does.items()}}
    return Child(name=name, environ=environ)


def notes(folder: Path, name: str) -> list[str]:
    log = folder / name
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def supervise(
    children: Sequence[Child], *, policy: RestartPolicy = QUICK, kill_after_s: float = 30
) -> tuple[Supervisor, asyncio.Task[int]]:
    command = (sys.executable, "-I", "-S", "-c", SCRIPT)
    supervisor = Supervisor(children, kill_after_s=kill_after_s, command=command, policy=policy)
    return supervisor, asyncio.create_task(supervisor.run())


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_a_child_that_ends_unasked_is_started_again_and_the_others_are_left_alone(
    exit_code: int, tmp_path: Path
) -> None:
    children = [child(tmp_path, "dies", DEATHS=3, CODE=exit_code), child(tmp_path, "lives")]
    supervisor, task = supervise(children)
    await until(lambda: notes(tmp_path, "dies") == ["started"] * 4 and notes(tmp_path, "lives") != [])
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0
    assert notes(tmp_path, "dies") == ["started"] * 4 + ["told"]
    assert notes(tmp_path, "lives") == ["started", "told"]


async def test_a_second_signal_is_passed_on_and_all_children_are_waited_for(tmp_path: Path) -> None:
    children = [child(tmp_path, "patient", SIGNALS=2), child(tmp_path, "quick")]
    supervisor, task = supervise(children)
    await until(lambda: all(notes(tmp_path, name) for name in ("patient", "quick")))
    supervisor.stop()
    await until(lambda: notes(tmp_path, "patient") == ["started", "told"])
    assert not task.done()
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0
    assert notes(tmp_path, "patient") == ["started", "told", "told"]


async def test_what_does_not_end_is_killed_with_its_group_and_the_exit_code_tells(
    tmp_path: Path,
) -> None:
    supervisor, task = supervise([child(tmp_path, "deaf", SIGNALS=99)], kill_after_s=0.2)
    await until(lambda: notes(tmp_path, "deaf") == ["started"])
    pid = int((tmp_path / "deaf").read_text().split()[1])
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)


async def test_when_every_child_keeps_dying_the_machine_is_given_up(tmp_path: Path) -> None:
    children = [child(tmp_path, name, DEATHS=99) for name in ("one", "two")]
    _, task = supervise(children)
    assert await asyncio.wait_for(task, 30) == 1
    assert min(len(notes(tmp_path, name)) for name in ("one", "two")) == 4


async def test_one_device_that_keeps_failing_does_not_end_the_others(tmp_path: Path) -> None:
    supervisor, task = supervise([child(tmp_path, "dies", DEATHS=99), child(tmp_path, "lives")])
    await until(lambda: len(notes(tmp_path, "dies")) > 6)
    assert notes(tmp_path, "lives") == ["started"]
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0


async def test_a_child_that_has_recovered_is_not_given_up_with_one_that_keeps_dying(tmp_path: Path) -> None:
    policy = replace(QUICK, healthy_s=0.5)
    children = [child(tmp_path, "recovers", DEATHS=4), child(tmp_path, "fails later", AFTER_S=2, DEATHS=99)]
    supervisor, task = supervise(children, policy=policy)
    await until(lambda: len(notes(tmp_path, "fails later")) > 6)
    assert notes(tmp_path, "recovers") == ["started"] * 5
    assert not task.done()
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0


async def test_a_child_that_cannot_be_started_for_a_while_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, refusals = asyncio.create_subprocess_exec, [OSError(errno.EAGAIN, "no process to be had")] * 2

    async def start(*words: str, env: dict[str, str], **how: Any) -> asyncio.subprocess.Process:  # noqa: ANN401 -- as given
        if refusals and env["LOG"].endswith("late"):
            raise refusals.pop()
        return await really(*words, env=env, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    supervisor, task = supervise([child(tmp_path, "lives"), child(tmp_path, "late")])
    await until(lambda: all(notes(tmp_path, name) == ["started"] for name in ("lives", "late")))
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0


async def test_a_healthy_while_forgives_earlier_deaths(tmp_path: Path) -> None:
    supervisor, task = supervise([child(tmp_path, "dies", DEATHS=99)], policy=replace(QUICK, healthy_s=0))
    await until(lambda: len(notes(tmp_path, "dies")) > 6)
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0


async def test_told_to_stop_while_a_child_waits_for_its_restart_it_ends_at_once(tmp_path: Path) -> None:
    supervisor, task = supervise(
        [child(tmp_path, "dies", DEATHS=99)], policy=RestartPolicy(first_s=3600, longest_s=3600)
    )
    await until(lambda: notes(tmp_path, "dies") == ["started"])
    supervisor.stop()
    assert await asyncio.wait_for(task, 30) == 0


async def test_a_supervisor_that_fails_leaves_no_child_behind(tmp_path: Path) -> None:
    _, task = supervise([child(tmp_path, "deaf", SIGNALS=99)])
    await until(lambda: notes(tmp_path, "deaf") == ["started"])
    pid = int((tmp_path / "deaf").read_text().split()[1])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not Path(f"/proc/{pid}").exists())  # reaped, too: we are its parent


def test_restarts_come_ever_later_never_at_once_and_not_all_together() -> None:
    policy, rng = RestartPolicy(), random.Random(1)
    delays = [[policy.delay_s(deaths, rng) for _ in range(50)] for deaths in range(1, 12)]
    for deaths, given in enumerate(delays, 1):
        longest = min(2 ** (deaths - 1), 60)
        assert longest / 2 <= min(given) <= max(given) <= longest
        assert len(set(given)) == 50


def environs(devices: str, environ: dict[str, str] | None = None, **settings: Any) -> list[dict[str, str]]:  # noqa: ANN401 -- any setting
    planned = plan_children(devices, Settings.model_validate(settings), environ or {})
    return [dict(child.environ) for child in planned]


def test_each_child_sees_its_own_gpu_and_answers_on_its_own_port() -> None:
    given = environs("0, 2", {"PATH": "/bin"}, provider="cuda", health_port=9000)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["0", "2"]
    assert [one["SWAPDROP_HEALTH_PORT"] for one in given] == ["9000", "9001"]
    assert [one["SWAPDROP_DEVICE"] for one in given] == ["0", "2"]
    assert {one["PATH"] for one in given} == {"/bin"}
    assert {one["CUDA_DEVICE_ORDER"] for one in given} == {"PCI_BUS_ID"}


def test_a_number_counts_among_the_gpus_that_the_platform_shows() -> None:
    shown = {"CUDA_VISIBLE_DEVICES": "GPU-aa,3"}
    given = environs("0,1,MIG-bb", shown, provider="cuda", health_port=0)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["GPU-aa", "3", "MIG-bb"]
    assert {one["SWAPDROP_HEALTH_PORT"] for one in given} == {"0"}


def test_several_processes_on_one_device_have_names_of_their_own() -> None:
    assert [one["SWAPDROP_DEVICE"] for one in environs("cpu,cpu")] == ["cpu#0", "cpu#1"]
    assert not any("CUDA_VISIBLE_DEVICES" in one for one in environs("cpu,cpu"))


@pytest.mark.parametrize(("cores", "each"), [(8, "4"), (3, "1"), (1, "1")])
def test_the_cores_for_segments_are_shared_out_and_a_number_of_ones_own_is_each_ones(
    monkeypatch: pytest.MonkeyPatch, cores: int, each: str
) -> None:
    monkeypatch.setattr("consumer.devices.memory.usable_cores", lambda: cores)
    assert {one["SWAPDROP_VIDEO_PROCESSES"] for one in environs("cpu,cpu")} == {each}
    assert not any("SWAPDROP_VIDEO_PROCESSES" in one for one in environs("cpu,cpu", video_processes=3))


def test_the_containers_memory_is_shared_out_and_a_limit_of_ones_own_is_each_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "memory_limit_bytes", lambda settings: settings.memory_limit_bytes or 4 << 30)
    assert {one["SWAPDROP_MEMORY_LIMIT_BYTES"] for one in environs("cpu,cpu")} == {str(2 << 30)}
    assert not any(
        "SWAPDROP_MEMORY_LIMIT_BYTES" in one for one in environs("cpu,cpu", memory_limit_bytes=3 << 30)
    )


@pytest.mark.parametrize(
    ("devices", "settings", "said"),
    [
        ("0,1", {"provider": "cpu"}, r"SWAPDROP_PROVIDER=cpu uses no GPU; set cuda, or give cpu\."),
        ("cpu", {"provider": "cuda"}, r"'cpu' is no device for cuda"),
        ("0,,1", {"provider": "cuda"}, r"'' is no device"),
        ("gpu0", {"provider": "cuda"}, r"'gpu0' is no device for cuda; give GPUs as 0,1"),
        ("cpu,cpu", {"health_port": 65535}, r"SWAPDROP_HEALTH_PORT: 2 ports from 65535 on"),
    ],
)
def test_devices_that_cannot_be_are_refused_with_a_sentence(
    devices: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        environs(devices, **settings)


def test_a_gpu_that_the_platform_does_not_show_is_refused() -> None:
    with pytest.raises(SettingsError, match="shows 1 GPUs, from 0 on"):
        environs("1", {"CUDA_VISIBLE_DEVICES": "5"}, provider="cuda")


def slow_consumers(devices: str, swap_s: int) -> tuple[str, ...]:
    return python_command("tests.support.slow_consumers", devices, str(swap_s))


async def test_one_command_runs_a_consumer_a_device_and_replaces_one_that_is_killed(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    jobs = [await drop_job(store) for _ in range(2)]  # no faces in them that the embedded engine would see
    command = python_command("consumer", "run", "--devices", "cpu,cpu")
    with run_consumer(consumer_environment(bucket, engine="mesh"), tmp_path / "log", command) as supervisor:
        for job in jobs:
            assert (await ended(store, job)).status == "failed"
        await until(lambda: len(supervisor.events("starting")) == 2)
        os.kill(supervisor.children()[0], signal.SIGKILL)
        await until(lambda: len(supervisor.events("starting")) == 3)
        exit_code = await asyncio.to_thread(supervisor.terminate)
        assert exit_code == 0, supervisor.output()
        assert not any(alive(pid) for pid in supervisor.children())
    [death] = supervisor.events("consumer_died")
    assert (death["device"], death["exit_code"]) == ("cpu#0", -signal.SIGKILL)
    starts = supervisor.events("starting")
    assert len({line["health"] for line in starts}) == 3
    assert sorted(line["device"] for line in starts) == ["cpu#0", "cpu#0", "cpu#1"]
    assert {line["device"] for line in supervisor.events("job")} <= {"cpu#0", "cpu#1"}


async def test_ctrl_c_drains_once_although_the_terminal_signals_the_whole_group(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    job = await drop_job(store)
    command = slow_consumers("cpu", 1)
    with run_consumer(consumer_environment(bucket), tmp_path / "log", command) as supervisor:
        await reached(store, job, lambda status: status.status == "processing")
        os.killpg(supervisor.process.pid, signal.SIGINT)
        assert await asyncio.to_thread(supervisor.process.wait, 40) == 0, supervisor.output()
    status = await ended(store, job)
    assert (status.status, status.attempt) == ("completed", 1)
    await inbox_empty(store)


async def test_consumers_whose_supervisor_is_killed_finish_their_jobs_and_end(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    job = await drop_job(store)
    command = slow_consumers("cpu,cpu", 1)
    with run_consumer(consumer_environment(bucket), tmp_path / "log", command) as supervisor:
        await reached(store, job, lambda status: status.status == "processing")
        await until(lambda: len(supervisor.events("starting")) == 2)
        supervisor.kill()
        await until(lambda: not any(alive(pid) for pid in supervisor.children()))
    assert len(supervisor.events("supervisor_died")) == 2
    status = await ended(store, job)
    assert (status.status, status.attempt) == ("completed", 1)


async def test_a_job_that_hangs_its_device_ends_each_consumer_sick_until_it_is_given_up(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    job = await drop_job(store)
    settings = {"stall_timeout_s": 1, "lease_ttl_s": 2, "max_attempts": 2, "poll_max_s": 0.25}
    environment, command = consumer_environment(bucket, **settings), slow_consumers("cpu", 3600)
    with run_consumer(environment, tmp_path / "log", command) as supervisor:
        status = await ended(store, job)
        assert status.error is not None
        assert (status.status, status.error.code) == ("failed", "attempts_exhausted")
        assert await asyncio.to_thread(supervisor.terminate) == 0, supervisor.output()
    deaths = supervisor.events("consumer_died")
    assert [(death["exit_code"], death["deaths"]) for death in deaths] == [(1, 1), (1, 2)]
    assert re.search("machine_sick", supervisor.output())
