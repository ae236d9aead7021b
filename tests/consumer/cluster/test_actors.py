"""Actors of a cluster, as those who want one see them; without Ray, whose actors have doubles here."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from consumer.cluster.actors import RayActors
from consumer.cluster.session import ClusterUnavailable


class Actor:
    """Comes, or does not."""

    pid = 1
    is_ready = False

    def __init__(self, *, comes: bool) -> None:
        self._comes = comes

    async def come(self) -> None:
        await asyncio.sleep(0)
        if not self._comes:
            raise ClusterUnavailable("An actor did not start.")
        self.is_ready = True

    async def end(self) -> None:
        self.is_ready = False


class Actors(RayActors[Any, Any, Any]):
    """Starts doubles, which come or do not as they are told."""

    def __init__(self, comes: Sequence[bool]) -> None:
        super().__init__(lambda: None, None)  # type: ignore[arg-type, return-value] # not asked here
        self.most = 2
        left = iter(comes)
        self._start = lambda: Actor(comes=next(left))  # type: ignore[assignment] # a double

    async def _connect(self) -> None:
        """They are there."""


async def test_an_actor_that_did_not_start_ahead_of_its_order_fails_no_later_one() -> None:
    actors = Actors([False, True])
    async with actors.kept():
        await actors.prepare(2)
        await asyncio.sleep(0.01)
        async with actors.one() as actor:
            assert actor.is_ready


async def test_whoever_waits_for_an_actor_that_does_not_start_is_told() -> None:
    actors = Actors([False])
    async with actors.kept():
        with pytest.raises(ClusterUnavailable, match="did not start"):
            async with actors.one():
                pass
