"""Work in steps: each is taken once, in order, and the last one gives the result."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.steps import Steps, Stepwise, at_once, each_within


def counting(seen: list[str], *, to: int = 3) -> Steps[int]:
    for number in range(1, to):
        seen.append(f"step {number}")
        yield
    seen.append(f"step {to}")
    return to


def test_steps_are_taken_one_by_one_and_the_last_says_so() -> None:
    seen: list[str] = []
    work = Stepwise(counting(seen))
    assert [work.step() for _ in range(3)] == [False, False, True]
    assert seen == ["step 1", "step 2", "step 3"]
    assert work.result == 3


def test_at_once_they_come_to_the_same() -> None:
    assert at_once(counting([], to=1)) == 1
    assert at_once(counting([])) == 3


def test_each_is_within_a_context_of_its_own() -> None:
    seen: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        seen.append("in")
        yield
        seen.append("out")

    work = Stepwise(each_within(context, counting(seen, to=2)))
    assert not work.step()
    assert seen == ["in", "step 1", "out"]
    assert work.step()
    assert seen == ["in", "step 1", "out", "in", "step 2", "out"]
    assert work.result == 2


def test_what_a_step_raises_is_heard() -> None:
    def failing() -> Steps[None]:
        yield
        raise ValueError("gone")

    work = Stepwise(failing())
    assert not work.step()
    with pytest.raises(ValueError, match="gone"):
        work.step()
