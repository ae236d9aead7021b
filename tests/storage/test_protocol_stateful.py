"""The job protocol under crashes, zombies, lost answers, cancels and drains, in any order.

The machine drives real code against a bucket in memory, one store call at a time. The planted bugs show
that it would see one.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage import keys
from storage.lease import cas, transitions
from storage.lease.leases import LeasePolicy
from storage.records import status
from storage.records.status import Status
from storage.stores.port import ObjectStore
from tests.support.protocol_world import ENDINGS, Plan, Reply, Violation, World, halted
from tests.support.stores import WrappedStore

_REPLIES = (*[Reply.ANSWERED] * 8, Reply.LOST, Reply.LOST, Reply.REFUSED)
_MAX_CONSUMERS = 3


class Protocol(RuleBasedStateMachine):
    """Several consumers, one job."""

    def __init__(self) -> None:
        super().__init__()
        self.disturbances: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self.world = self.make_world()
        self._wait(self.world.open())

    def make_world(self) -> World:
        return World()

    def _wait(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self._loop.run_until_complete(coroutine)

    @initialize(
        disturbances=st.sampled_from((set(), {"cancel"}, {"kill"}, {"fault"}, {"cancel", "kill", "fault"}))
    )
    def choose(self, disturbances: set[str]) -> None:
        """Some runs are free of a kind of fault: a cancel in each would end every job early."""
        self.disturbances = disturbances

    @precondition(lambda self: len(self.world.actors) < _MAX_CONSUMERS)
    @rule(beats=st.integers(0, 3), ending=st.sampled_from(ENDINGS))
    def start(self, beats: int, ending: str) -> None:
        self._wait(self.world.start(Plan(beats=beats, ending=ending)))

    @precondition(lambda self: bool(halted(self.world.actors)))
    @rule(data=st.data(), reply=st.sampled_from(_REPLIES), other=st.booleans())
    def step(self, data: st.DataObject, reply: Reply, other: bool) -> None:  # noqa: FBT001 -- drawn
        actor = data.draw(st.sampled_from(halted(self.world.actors)))
        reply = reply if "fault" in self.disturbances else Reply.ANSWERED
        self._wait(self.world.step(actor, reply, other=other))

    @precondition(lambda self: bool(halted(self.world.actors)))
    @rule(data=st.data(), prefix=st.sampled_from((keys.RESULTS, keys.STATUS, keys.CANCEL, keys.INBOX)))
    def run_until(self, data: st.DataObject, prefix: str) -> None:
        """One consumer goes on until it is about to touch a certain kind of object again."""
        actor = data.draw(st.sampled_from(halted(self.world.actors)))
        self._wait(self.world.step(actor, Reply.ANSWERED))
        while actor.halted and not actor.about_to_touch.startswith(prefix):
            self._wait(self.world.step(actor, Reply.ANSWERED))

    @precondition(lambda self: bool(halted(self.world.actors)))
    @rule(data=st.data())
    def run_to_the_end(self, data: st.DataObject) -> None:
        """One consumer is not disturbed any more, while the others stand still."""
        actor = data.draw(st.sampled_from(halted(self.world.actors)))
        while actor.halted:
            self._wait(self.world.step(actor, Reply.ANSWERED))

    @precondition(lambda self: "kill" in self.disturbances and bool(halted(self.world.actors)))
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        self._wait(self.world.kill(data.draw(st.sampled_from(halted(self.world.actors)))))

    @precondition(lambda self: bool(halted(self.world.actors)))
    @rule(data=st.data())
    def freeze(self, data: st.DataObject) -> None:
        """One consumer stands still past its lease: a zombie once it goes on, perhaps after the end."""
        data.draw(st.sampled_from(halted(self.world.actors))).frozen = True
        self.time_passes(96)

    @rule()
    def thaw(self) -> None:
        self.world.thaw()

    @rule(seconds=st.sampled_from((1, 20, 60, 96, 200)))
    def time_passes(self, seconds: int) -> None:
        self.world.time.advance(seconds)
        self._wait(self.world.check())

    @precondition(lambda self: "cancel" in self.disturbances)
    @rule()
    def cancel(self) -> None:
        self._wait(self.world.cancel())

    def teardown(self) -> None:
        try:
            self._wait(self.world.finish())
        finally:
            self._wait(self.world.close())
            self._loop.close()


_CHECKS = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
# The hunt ends with its prey, after a few to a thousand examples; a larger bound costs nothing.
_HUNT = settings(
    _CHECKS, max_examples=10_000, derandomize=True, database=None, phases=[Phase.generate], print_blob=False
)


def test_the_protocol_holds_whatever_happens() -> None:
    run_state_machine_as_test(Protocol, settings=_CHECKS)


class ForgetsIfMatchAtTheEnd(WrappedStore):
    """Writes a terminal status without its condition."""

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        if key.startswith(keys.STATUS) and Status.from_bytes(body).terminal:
            if_match, if_none_match = None, False
        return await super().put(
            key,
            body,
            content_type=content_type,
            metadata=metadata,
            if_match=if_match,
            if_none_match=if_none_match,
        )


class Overconfident(LeasePolicy):
    """Never stops trusting itself."""

    @property
    def trusted_for_s(self) -> float:
        return 1e6


def _shared_result_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        keys, "new_result", lambda job_id, _attempt, extension: f"results/{job_id}.{extension}"
    )


def _one_write_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "new_write_id", lambda: "always the same")


def _lost_answer_taken_for_success(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_back(_self: object, _new: Status, _over: str | None) -> str | None:
        await asyncio.sleep(0)
        return "an etag"

    monkeypatch.setattr(cas.StatusStore, "_read_back", read_back)


def _mere_claims_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "lapsed", lambda status: status)


def _nothing(_monkeypatch: pytest.MonkeyPatch) -> None:
    pass


def _world(**bug: object) -> Callable[[], World]:
    return lambda: World(**bug)  # type: ignore[arg-type] # each bug is one of its parameters


def _without_condition(store: ObjectStore) -> ObjectStore:
    return ForgetsIfMatchAtTheEnd(store)


@pytest.mark.parametrize(
    ("plant", "world"),
    [
        pytest.param(_nothing, _world(spoil=_without_condition), id="no If-Match on finish"),
        pytest.param(_shared_result_key, _world(), id="result key shared by attempts"),
        pytest.param(_nothing, _world(retires_early=True), id="inbox cleared before the end"),
        pytest.param(_one_write_id, _world(), id="write_id always the same"),
        pytest.param(_lost_answer_taken_for_success, _world(), id="no read-back"),
        pytest.param(_nothing, _world(policy=Overconfident()), id="no self-fencing"),
        pytest.param(_mere_claims_count, _world(), id="mere claims count"),
    ],
)
def test_a_planted_bug_is_seen(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], world: Callable[[], World]
) -> None:
    plant(monkeypatch)

    class Broken(Protocol):
        def make_world(self) -> World:
            return world()

    with pytest.raises(Violation):
        run_state_machine_as_test(Broken, settings=_HUNT)
