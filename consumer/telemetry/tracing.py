"""What traces are made of: the attempt, and the stages it went through."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol


class Traces(Protocol):
    """Where the times of attempts go."""

    def attempt(
        self, stages: Sequence[tuple[str, datetime]], *, ok: bool, attributes: Mapping[str, str | int]
    ) -> None:
        """Record an attempt that ends now; `stages` say when each began, the first being its beginning.

        Never waits, and never raises for a fault of whoever collects traces.
        """
        ...


class NoTraces:
    """Records nothing."""

    def attempt(
        self, stages: Sequence[tuple[str, datetime]], *, ok: bool, attributes: Mapping[str, str | int]
    ) -> None:
        """Do nothing."""
