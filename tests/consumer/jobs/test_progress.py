"""What is told of a job: its stage and progress, `queued` before its first turn, and that it lives."""

import asyncio

import pytest

from consumer.jobs.progress import JobProgress
from storage.records.status import Progress, Segments, Stage


class Told(list[tuple[Stage, Progress]]):
    """All that was told."""

    def __call__(self, stage: Stage, progress: Progress) -> None:
        self.append((stage, progress))


@pytest.mark.parametrize(("done", "total", "percent"), [(1, 3, 33), (0, 0, 0), (7, 5, 100)])
def test_percent_is_of_the_stage_and_never_too_much(done: int, total: int, percent: int) -> None:
    told = Told()
    JobProgress(told).report("encode", done, total, unit="frames")
    assert told == [("encode", Progress(done=done, total=total, unit="frames", percent=percent))]


def test_what_was_said_of_segments_stays_said() -> None:
    told, segments = Told(), Segments(done=2, total=5)
    progress = JobProgress(told)
    progress.report("swap", segments=segments)
    progress.report("encode")
    progress.line_up()
    assert [each.segments for _, each in told] == [segments] * 3


def test_in_line_it_is_queued_whatever_is_reported_and_its_stage_is_told_at_its_turn() -> None:
    told = Told()
    progress = JobProgress(told)
    progress.report("decode", 1, 2)
    progress.line_up()
    progress.report("swap", 0, 4)
    assert progress.stage == "swap"
    progress.leave_line()
    progress.leave_line()
    assert [stage for stage, _ in told] == ["decode", "queued", "queued", "swap"]
    assert [each.total for _, each in told] == [2, 0, 0, 4]


async def test_it_shows_life_only_as_long_as_it_is_alive() -> None:
    told, is_alive = Told(), [False, True, False, True, True]
    asked = asyncio.Event()

    def next_sign() -> bool:
        if len(is_alive) == 1:
            asked.set()
        return is_alive.pop(0) if is_alive else False

    progress = JobProgress(told)
    async with progress.living(0, next_sign):
        await asked.wait()
    await asyncio.sleep(0.01)
    assert [stage for stage, _ in told] == ["queued"] * 3
