"""Bugs that the simulation must find, each planted in the product by replacing one method or function."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar
from unittest.mock import patch

from consumer.triggers.inbox import InboxTicket
from consumer.triggers.queue import QueueTicket
from storage import keys
from storage.lease import transitions
from storage.lease.cas import Overtaken, StatusStore, Stored
from storage.lease.claim import LeasePolicy, Refusal, refusal
from storage.lease.heartbeat import Heartbeat, OnBeat, Stop
from storage.lease.held_lease import Lease
from storage.records.status import Status
from storage.upkeep.rounds import Rounds, Step
from tests.faults.simulation.process import WALL

T = TypeVar("T")
Planted = AbstractContextManager[object]


def _no_if_match_on_finish() -> Planted:
    swap = StatusStore.swap

    async def careless(
        self: StatusStore, new: Status, *, over: str | None, trusted: Callable[[], bool]
    ) -> str:
        if not new.terminal:
            return await swap(self, new, over=over, trusted=trusted)
        return await self._store.put(keys.status(new.job_id), new.to_bytes(), content_type="application/json")

    return patch.object(StatusStore, "swap", careless)


def _shared_result_key() -> Planted:
    return patch.object(
        keys, "new_result", lambda job_id, _attempt, extension: f"results/{job_id}.{extension}"
    )


def _early_inbox_delete() -> Planted:
    async def claimed(self: InboxTicket) -> None:
        await self._inbox.retire(self.entry, "nobody")

    return patch.object(InboxTicket, "claimed", claimed)


def _no_write_id() -> Planted:
    return patch("storage.records.status.new_write_id", lambda: "")


def _expiry_by_the_local_clock() -> Planted:
    def by_wall(stored: Stored, policy: LeasePolicy, **seen: Any) -> Refusal | None:  # noqa: ANN401 -- passed on
        local = replace(stored.info, store_now=WALL.get()())
        return refusal(replace(stored, info=local), policy, **seen)

    return patch("storage.lease.leases.refusal", by_wall)


def _heartbeat_ignored() -> Planted:
    keep = Lease.keep

    async def ignored(self: Lease, on_beat: OnBeat | None = None) -> Stop:
        while (stop := await keep(self, on_beat)) is Stop.LOST:  # noqa: ASYNC110 -- the point
            await asyncio.sleep(self._context.policy.min_write_gap_s)
        return stop

    return patch.object(Lease, "keep", ignored)


def _no_heartbeat_during_an_upload() -> Planted:
    async def alone(_self: Heartbeat, upload: Awaitable[T], on_beat: OnBeat | None = None) -> T:  # noqa: ARG001
        return await upload

    return patch.object(Heartbeat, "keep_during", alone)


def _lost_reply_taken_for_success() -> Planted:
    async def read_back(self: StatusStore, new: Status, _over: str | None) -> str | None:
        stands = await self.read(new.job_id)
        return stands.info.etag if stands else None

    return patch.object(StatusStore, "_read_back", read_back)


def _lost_reply_taken_for_failure() -> Planted:
    read_back = StatusStore._read_back

    async def never_mine(self: StatusStore, new: Status, over: str | None) -> str | None:
        if await read_back(self, new, over) is not None:
            raise Overtaken(None)
        return None

    return patch.object(StatusStore, "_read_back", never_mine)


def _no_dead_letter() -> Planted:
    async def nothing(*_: object) -> None:
        return

    return patch("storage.lease.leases.write_dead_letter", nothing)


def _attempts_never_end() -> Planted:
    return patch.object(transitions, "is_exhausted", lambda _status: False)


def _released_attempt_used_again() -> Planted:
    released = transitions.released

    def reused(status: Status, **when: Any) -> Status:  # noqa: ANN401 -- passed on
        given_back = released(status, **when)
        return given_back.model_copy(
            update={"attempt": status.attempt - 1, "max_attempts": status.max_attempts}
        )

    return patch.object(transitions, "released", reused)


def _mere_claims_count() -> Planted:
    return patch.object(transitions, "lapsed", lambda status: status)


def _mere_claims_never_count() -> Planted:
    return patch.object(transitions, "_MAX_UNCOUNTED", 1_000_000)


def _work_cut_off_does_not_count() -> Planted:
    lapsed = transitions.lapsed

    def as_if_queued(status: Status) -> Status:
        spared = lapsed(status.model_copy(update={"stage": "queued"}))
        return status if spared.max_attempts == status.max_attempts else spared

    return patch.object(transitions, "lapsed", as_if_queued)


def _message_acknowledged_at_claim() -> Planted:
    async def claimed(self: QueueTicket) -> None:
        if self._delivery:
            await self._delivery.done()

    return patch.object(QueueTicket, "claimed", claimed)


def _jobs_without_an_entry_forgotten() -> Planted:
    async def nothing(_self: Rounds) -> Step:
        return Step()

    return patch.object(Rounds, "step", nothing)


BUGS: Mapping[str, Callable[[], Planted]] = {
    "no If-Match on finish": _no_if_match_on_finish,
    "shared result key": _shared_result_key,
    "early inbox delete": _early_inbox_delete,
    "no write_id": _no_write_id,
    "expiry by the local clock": _expiry_by_the_local_clock,
    "heartbeat ignored by its owner": _heartbeat_ignored,
    "no heartbeat during an upload": _no_heartbeat_during_an_upload,
    "lost reply taken for success": _lost_reply_taken_for_success,
    "no dead letter": _no_dead_letter,
    "attempts never end": _attempts_never_end,
    "released attempt used again": _released_attempt_used_again,
    "mere claims count": _mere_claims_count,
    "mere claims never count": _mere_claims_never_count,
    "work that was cut off does not count": _work_cut_off_does_not_count,
    "message acknowledged at the claim": _message_acknowledged_at_claim,
    "jobs without an entry forgotten": _jobs_without_an_entry_forgotten,
}


def plant(name: str | None) -> Planted:
    """Plant a bug for as long as the context lasts; None leaves the product as it is."""
    return nullcontext() if name is None else BUGS[name]()
