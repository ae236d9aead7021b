"""What the audit log and the metrics say of jobs that ended: inputs, results, and what was decided."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from consumer.jobs.denylist import packed
from consumer.runtime.decisions import decisions
from consumer.runtime.rounds import make_rounds
from pipeline.swap.protected import IDENTITY_MODEL, ProtectedPeople
from storage import keys
from storage.denylist import change_denylist
from storage.errors import StoreUnavailable
from storage.lease.leases import Lease, LeasePolicy, Leases
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.ages import check, people
from tests.support.clock import VirtualTime
from tests.support.content import DOUBTFUL, SHOCKING, content_check
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, drop_job, ended, inbox_empty, running, upload_pair
from tests.support.people import ColourIdentity, colour_of


async def logged(store: MemoryStore) -> list[dict[str, Any]]:
    objects = (await store.list(keys.AUDIT)).objects
    bodies = [(await store.get(each.key, max_bytes=1 << 20)).body for each in objects]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


async def test_a_line_tells_hashes_and_decisions_and_neither_pictures_nor_where_they_lie() -> None:
    store = MemoryStore()
    source, target = png(picture(colour=(10, 200, 30), people=(1,))), png(picture(colour=DOUBTFUL))
    references = await upload_pair(store, source=source, target=target)
    consent = {"attested": True, "reference": "case-17"}
    async with running(
        store, FlatEngine(), audit=True, content=content_check(), minors=check(people())
    ) as consumer:
        status = await ended(store, await announce(store, {**references, "consent": consent}))
        await inbox_empty(store)
        metrics = consumer.metrics.render().decode()
    (line,) = await logged(store)
    assert status.result is not None
    assert line["inputs"] == {
        "source": hashlib.sha256(source).hexdigest(),
        "target": hashlib.sha256(target).hexdigest(),
    }
    assert line["result"] == status.result.sha256
    assert (line["job_id"], line["status"], line["code"]) == (status.job_id, "completed", None)
    assert line["consent"]["reference"] == "case-17"
    assert line["decisions"] == {"content": "flagged", "denylist": "off", "minors": "passed"}
    assert line["at"] == json.loads(status.to_bytes())["finished_at"]
    assert line["engine"] == "flat 1"
    text = json.dumps(line)
    assert not [secret for secret in (*references.values(), status.result.key, "embedding") if secret in text]
    assert 'swapdrop_decisions_total{check="content",decision="flagged"} 1.0' in metrics
    assert 'swapdrop_decisions_total{check="minors",decision="passed"} 1.0' in metrics


async def test_refusals_are_told_by_the_check_that_refused() -> None:
    store = MemoryStore()
    await change_denylist(store, lambda before: before.with_face(packed(colour_of(1)), IDENTITY_MODEL)[0])
    by_content = png(picture(colour=SHOCKING, people=(2,)))
    by_list = png(picture(people=(1,)))
    async with running(
        store,
        FlatEngine(),
        audit=True,
        content=content_check(),
        protected=ProtectedPeople(ColourIdentity),
    ):
        for source in (by_content, by_list):
            await ended(store, await drop_job(store, source=source))
        await inbox_empty(store)
    found = [(line["code"], line["decisions"]) for line in await logged(store)]
    assert found == [
        ("content_rejected", {"content": "refused", "denylist": "open", "minors": "off"}),
        ("person_protected", {"content": "open", "denylist": "refused", "minors": "off"}),
    ]


async def test_a_job_whose_manifest_was_not_understood_has_a_line_as_well() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine(), audit=True):
        await ended(store, await announce(store, {"process_type": "no-such"}))
        await inbox_empty(store)
    (line,) = await logged(store)
    assert (line["code"], line["inputs"], line["result"]) == ("invalid_manifest", None, None)


async def test_a_job_that_is_cancelled_before_anybody_begins_has_a_line() -> None:
    store = MemoryStore()
    job_id = keys.new_job_id()
    await store.put(keys.cancel(job_id), b"", content_type="text/plain")
    await announce(store, {**await upload_pair(store), "job_id": job_id})
    async with running(store, FlatEngine(), audit=True):
        await inbox_empty(store)
    (line,) = await logged(store)
    assert (line["job_id"], line["status"], line["result"]) == (job_id, "cancelled", None)


async def test_a_job_that_upkeep_ends_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leads to it any more, and what it asked for is not all in its record."""
    assert make_rounds.__kwdefaults__ is not None
    monkeypatch.setitem(make_rounds.__kwdefaults__, "every_s", 0.01)
    time = VirtualTime()
    store = MemoryStore(time.store)
    document = {"process_type": "single-image", "source": "A" * 5000, "target": "uploads/b.png"}
    lease = await Leases(store, owner="dead", policy=LeasePolicy()).claim("stranded", document)
    assert isinstance(lease, Lease)
    time.advance(3600)
    async with running(store, FlatEngine(), audit=True, content=content_check()) as consumer:
        assert (await ended(store, "stranded")).status == "failed"
        async with asyncio.timeout(10):
            while not await logged(store):  # noqa: ASYNC110 -- what is waited for has no event
                await asyncio.sleep(0.01)
        owner = consumer.owner
    (line,) = await logged(store)
    assert (line["job_id"], line["code"], line["inputs"]) == ("stranded", "input_not_found", None)
    assert line["decisions"] == {"content": "open", "denylist": "off", "minors": "off"}
    assert line["consumer"] == owner


async def test_without_the_setting_there_is_no_log() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        await ended(store, await drop_job(store))
        await inbox_empty(store)
    assert await logged(store) == []


class AwayForTheLog(MemoryStore):
    """Refuses the first write to the audit log."""

    refused = 0

    async def put(self, key: str, body: bytes, **conditions: Any) -> str:  # noqa: ANN401 -- the port's
        if key.startswith(keys.AUDIT) and not self.refused:
            self.refused += 1
            raise StoreUnavailable
        return await super().put(key, body, **conditions)


async def test_an_announcement_stays_until_its_line_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.runtime.runner._CLEAN_UP_AGAIN_S", 0.0)
    store = AwayForTheLog()
    async with running(store, FlatEngine(), audit=True):
        await ended(store, await drop_job(store))
        await inbox_empty(store)
    (line,) = await logged(store)
    assert store.refused == 1
    assert set(line["inputs"]) == {"source", "target"}


@pytest.mark.parametrize(
    ("kind", "state", "decided"),
    [
        ("single-image", "completed", {"content": "passed", "denylist": "passed", "minors": "passed"}),
        ("single-image", "cancelled", {"content": "open", "denylist": "open", "minors": "open"}),
        ("detect-faces", "completed", {"content": "passed", "denylist": "off", "minors": "off"}),
    ],
)
def test_nothing_passes_that_was_not_looked_at(kind: str, state: str, decided: dict[str, str]) -> None:
    moment = "2026-11-30T12:00:00Z"
    record = {"job_id": "a", "status": state, "created_at": moment, "updated_at": moment}
    status = Status.model_validate({**record, "manifest": {"process_type": kind}})
    assert decisions(status, on={"content", "denylist", "minors"}) == decided
    assert set(decisions(status, on=set()).values()) == {"off"}
