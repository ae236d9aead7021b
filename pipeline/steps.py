"""Long work for the device in steps, between which it works on other jobs and shows that it lives."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Yields after each step but the last, and returns what all of them came to."""


class Stepwise(Generic[T]):
    """Work of which somebody takes the steps."""

    #: What the work came to, once its last step was taken.
    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps

    def step(self) -> bool:
        """Take the next step; returns whether it was the last. Raises what the work raises."""
        try:
            next(self._steps)
        except StopIteration as end:
            self.result = end.value
            return True
        return False


def at_once(steps: Steps[T]) -> T:
    """Take all steps one after the other, and return what they came to."""
    work = Stepwise(steps)
    while not work.step():
        pass
    return work.result


def each_within(context: Callable[[], AbstractContextManager[None]], steps: Steps[T]) -> Steps[T]:
    """The same steps, each within a context of its own, such as one that takes its time."""
    work = Stepwise(steps)
    while True:
        with context():
            is_done = work.step()
        if is_done:
            return work.result
        yield
