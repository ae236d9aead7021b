"""What work says of itself, from whatever thread."""

import time
from datetime import datetime
from threading import Thread

from storage.lease.work_report import WorkReport
from storage.records.status import Progress
from tests.support.clock import EPOCH, VirtualTime


def slow_wall() -> datetime:
    """A clock that lets other threads go first."""
    time.sleep(0.01)
    return EPOCH


def test_a_stage_told_by_many_threads_at_once_began_once() -> None:
    report = WorkReport("download", Progress(), monotonic=time.monotonic, wall=slow_wall)
    threads = [Thread(target=report.tell, args=("swap",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [stage for stage, _ in report.stages] == ["download", "swap"]


def test_progress_stays_what_it_was_until_more_is_told() -> None:
    report = WorkReport("download", Progress(), monotonic=time.monotonic, wall=lambda: EPOCH)
    report.tell("swap", Progress(done=1, total=2))
    report.tell("encode")
    assert report.latest == ("encode", Progress(done=1, total=2))


def test_every_report_is_a_sign_of_life_whether_it_tells_anything_new_or_not() -> None:
    clock = VirtualTime()
    report = WorkReport("download", Progress(), monotonic=clock.monotonic, wall=clock.store)
    clock.advance(100)
    assert report.silent_s == 100
    report.tell("download")
    assert (report.silent_s, report.latest, len(report.stages)) == (0, ("download", Progress()), 1)


def test_a_job_that_goes_to_and_fro_does_not_fill_the_memory() -> None:
    report = WorkReport("download", Progress(), monotonic=time.monotonic, wall=lambda: EPOCH)
    for _ in range(1000):
        report.tell("swap")
        report.tell("encode")
    assert len(report.stages) == 100
