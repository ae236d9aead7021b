"""The threads that decode and encode: so many at once, and none that keeps the process from ending."""

import asyncio
import subprocess
import sys
import threading

import pytest

from consumer.devices.cpu_threads import CpuThreads

_NEVER_ENDS = """
import threading, time
from consumer.devices.cpu_threads import CpuThreads
begun = threading.Event()
CpuThreads(1).submit(lambda: (begun.set(), time.sleep(600)))
begun.wait()
"""


async def test_results_and_errors_reach_the_loop() -> None:
    threads, loop = CpuThreads(2), asyncio.get_running_loop()
    assert await loop.run_in_executor(threads, lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(threads, lambda: 1 / 0)
    threads.shutdown()


def test_as_many_functions_run_at_once_as_there_are_threads() -> None:
    threads, together = CpuThreads(3), threading.Barrier(3)
    assert sorted(future.result(30) for future in [threads.submit(together.wait, 30) for _ in range(3)]) == [
        0,
        1,
        2,
    ]
    threads.shutdown()


def test_what_has_not_begun_is_dropped_at_the_end_and_the_threads_leave() -> None:
    threads, begun, go = CpuThreads(1), threading.Event(), threading.Event()

    def block() -> bool:
        begun.set()
        return go.wait(30)

    running, waiting = threads.submit(block), threads.submit(int)
    assert begun.wait(30)
    threads.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    go.set()
    assert running.result(30)
    threads.shutdown()
    assert not any(thread.is_alive() for thread in threads._threads)


def test_a_picture_that_takes_for_ever_does_not_keep_the_process_from_ending() -> None:
    subprocess.run([sys.executable, "-c", _NEVER_ENDS], timeout=60, check=True)
