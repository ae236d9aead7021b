"""Work that is done step by step, so that a device may do other jobs' steps in between."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def run_through(steps: Generator[object, None, T]) -> T:
    """Take all steps at once; returns what the last one came to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            done: T = end.value
            return done
