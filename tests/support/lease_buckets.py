"""Leases on a counted bucket in memory, whose clock a test turns."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage import keys
from storage.lease.leases import Findings, Lease, LeasePolicy, Leases, Output, Refusal
from storage.records.status import AttemptFailure, EngineRecord, Status
from storage.stores.memory_store import MemoryStore
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import CountingStore, Fault, FaultStore

POLICY = LeasePolicy()
EXPIRED_S = POLICY.ttl_s + POLICY.grace_s + 1
PIXELS = b"pixels"
OUTPUT = Output(body=PIXELS, extension="png", content_type="image/png", width=4, height=3, faces_swapped=1)
ENGINE = EngineRecord(name="mesh", version="1", provider="CPUExecutionProvider")


def failure(code: str = "storage_unavailable", stage: str = "download") -> AttemptFailure:
    """What an attempt died of, as the record tells it."""
    return AttemptFailure.model_validate(
        {"attempt": 0, "code": code, "message": "The store was away.", "stage": stage, "at": EPOCH}
    )


@dataclass
class Bucket:
    """A counted bucket in memory with one job, `j`, and its clock."""

    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)

    def leases(self, owner: str = "a", *, faults: Sequence[Fault] = ()) -> Leases:
        """What an owner claims by; its calls of the store fail by `faults`."""
        return Leases(
            FaultStore(self.store, faults),
            owner=owner,
            policy=POLICY,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            wall=self.time.store,
            rng=random.Random(1),
        )

    async def status(self) -> Status:
        """The record as it lies there."""
        return Status.from_bytes((await self.memory.get(keys.status("j"), max_bytes=10**7)).body)

    async def cancel(self) -> None:
        """Ask for an end of the job."""
        await self.memory.put(keys.cancel("j"), b"", content_type="text/plain")

    async def keys(self) -> set[str]:
        """Of everything there is."""
        return {listed.key for listed in (await self.memory.list("")).objects}


async def held(leases: Leases) -> Lease:
    """Claim the one job there is, which nobody else holds."""
    claim = await leases.claim("j", {"process_type": "single-image"})
    assert isinstance(claim, Lease)
    return claim


async def refused(leases: Leases) -> Refusal:
    """Claim it where somebody else holds it, or it is over."""
    claim = await leases.claim("j", None)
    assert isinstance(claim, Refusal)
    return claim


async def complete(lease: Lease, output: Output = OUTPUT) -> Status:
    """End the job with a small picture."""
    return await lease.complete(output, Findings(timings_ms={"swap": 3.0}, engine=ENGINE))


async def crash_attempts(bucket: Bucket, attempts: int) -> None:
    """Have owners die one after the other, each once its work has begun."""
    for n in range(attempts):
        lease = await held(bucket.leases(f"crashing-{n}"))
        lease.report("swap")
        await lease.beat()
        bucket.time.advance(EXPIRED_S)
