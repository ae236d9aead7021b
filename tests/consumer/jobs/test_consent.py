"""Where the operator requires consent nobody is swapped without it, however the job came; it is on record."""

import asyncio
from pathlib import Path

import pytest

from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.command import swapdrop
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import astronaut, hopper
from tests.support.jobs import SOURCE_BGR, announce, ended, running, upload_pair
from tests.support.pictures import save, to_image

SAID = {"attested": True, "by": "u-7", "reference": "form 3", "time": "2026-05-01T10:00:00Z"}


async def done(consent: object, *, require_consent: bool = True, **changes: object) -> Status:
    store = MemoryStore()
    pair = await upload_pair(store)
    async with running(store, FlatEngine(), require_consent=require_consent):
        return await ended(store, await announce(store, {**pair, "consent": consent, **changes}))


@pytest.mark.parametrize("consent", [None, {"attested": False}])
async def test_a_swap_without_consent_is_refused_with_a_sentence_that_says_how_to_attest_it(
    consent: object,
) -> None:
    status = await done(consent)
    assert status.error is not None
    assert status.error.code == "consent_missing"
    assert not status.error.retryable
    assert '"consent": {"attested": true}' in status.error.message
    assert status.attempt == 1


async def test_a_swap_with_consent_is_done_and_its_record_keeps_who_said_so() -> None:
    status = await done(SAID)
    assert status.status == "completed"
    assert status.manifest is not None
    assert status.manifest["consent"] == SAID


async def test_nobody_is_asked_where_the_operator_does_not_require_it() -> None:
    assert (await done(None, require_consent=False)).status == "completed"


async def test_faces_are_looked_for_without_consent() -> None:
    status = await done(None, process_type="detect-faces", source=None)
    assert status.status == "completed"


async def test_a_dropped_folder_says_it_in_a_file_beside_its_pictures() -> None:
    store = MemoryStore()
    files = {"source.png": png(picture(colour=SOURCE_BGR)), "target.png": png(picture())}
    for folder, extra in {"with": {"consent.json": b'{"attested": true}'}, "without": {}}.items():
        for name, body in {**files, **extra}.items():
            await store.put(f"inbox/{folder}/{name}", body, content_type="application/octet-stream")
    async with running(store, FlatEngine(), require_consent=True):
        states = {
            folder: (await ended(store, await job_of(store, folder))).status for folder in ("with", "without")
        }
    assert states == {"with": "completed", "without": "failed"}


async def job_of(store: MemoryStore, folder: str) -> str:
    """The id of a folder's job, once a consumer has found it."""
    async with asyncio.timeout(30):
        while True:
            for listed in (await store.list("status/")).objects:
                name = listed.key.removeprefix("status/").removesuffix(".json")
                if name.rpartition("-")[0] == folder:
                    return name
            await asyncio.sleep(0.01)


def test_the_terminal_asks_for_it_too(tmp_path: Path) -> None:
    source, target = tmp_path / "source.png", tmp_path / "target.png"
    source.write_bytes(save(to_image(hopper()), "PNG"))
    target.write_bytes(save(to_image(astronaut()), "PNG"))
    words = ("swap", source, target, "-o", tmp_path / "out.png", "--engine", "mesh")
    environment = {"SWAPDROP_REQUIRE_CONSENT": "true"}
    refused = swapdrop(*words, environment=environment)
    assert refused.exit_code == 1
    assert "--consent" in refused.stderr
    assert not (tmp_path / "out.png").exists()
    assert swapdrop(*words, "--consent", environment=environment).exit_code == 0
