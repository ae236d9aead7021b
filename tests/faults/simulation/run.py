"""Playing runs: one by its seed, with its trace where it goes wrong."""

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import structlog
from structlog.typing import EventDict

from consumer.telemetry.metrics import Metrics
from tests.faults.simulation.bugs import plant
from tests.faults.simulation.scenario import Scenario, draw_scenario
from tests.faults.simulation.world import World

_SHOWN_LINES = 120


@dataclass(frozen=True, kw_only=True)
class Played:
    """A run that held; `virtual_s` is how long it took inside."""

    trace: list[str]
    calls: int
    virtual_s: float


def simulate(seed: int, metrics: Metrics | None = None) -> Played:
    """Play the run of a seed; consumers share `metrics`. Raises as `play` does."""
    world = play(draw_scenario(seed), metrics)
    return Played(trace=[*world.trace], calls=world.calls.total(), virtual_s=world.loop.time())


def play(scenario: Scenario, metrics: Metrics | None = None) -> World:
    """Play a run; the world as it is left.

    Raises Violation where a promise of the protocol is broken. Its note, as that of any other error, holds
    the scenario and the end of the trace.
    """
    world = World(scenario, metrics or Metrics())
    numbers = itertools.count(1)
    with _quiet() as events, patch("storage.keys.new_secret", lambda: f"{next(numbers)}"):  # traces tell keys
        try:
            world.loop.run(world.play(events))
        except BaseException as error:
            error.add_note("\n".join((f"seed {scenario.seed}: {scenario}", *world.trace[-_SHOWN_LINES:])))
            raise
        finally:
            world.clear_away()
    return world


def outcome(seed: int, *, bug: str | None) -> tuple[int, int, str]:
    """Play one run, perhaps with a bug: its seed, its store calls, and what went wrong, if anything did."""
    with plant(bug):
        try:
            return seed, simulate(seed).calls, ""
        except Exception as error:  # noqa: BLE001 -- whatever it was is what the simulation is for
            return seed, 0, "\n".join((f"{type(error).__name__}: {error}", *error.__notes__))


@contextmanager
def _quiet() -> Iterator[list[EventDict]]:
    """Keep the runs out of the log."""
    logging.disable(logging.CRITICAL)
    try:
        with (
            structlog.testing.capture_logs([structlog.processors.format_exc_info]) as events,
        ):
            yield events
    finally:
        logging.disable(logging.NOTSET)
