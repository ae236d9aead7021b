"""Files and manifests that are sent to break something: each is a failed job, and the consumer lives."""

import io
import json
import resource
import zipfile

import pytest

from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine, picture
from tests.support.engines import png as png_of
from tests.support.jobs import announce, drop_job, ended, inbox_empty, running, upload_pair
from tests.support.pictures import png

_MIB = 2**20


def zip_of_zips(depth: int = 3, width: int = 4) -> bytes:
    """Small on the way, gigabytes if anybody unpacked it all."""
    body = bytes(8 * _MIB)
    for _ in range(depth):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(width):
                archive.writestr(f"{number}.zip", body)
        body = buffer.getvalue()
    return body


FILES = {
    "a PNG of 65,000 x 65,000 pixels": (
        png((65_000, 65_000), depth=8, colour=2, rows=b"\0" * 195_001),
        "input_too_large",
    ),
    "a zip of zips": (zip_of_zips(), "unsupported_media"),
    "a video without end": (
        b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\0\0\0\1mdat" + b"\xff" * 8 + bytes(2 * _MIB),
        "unsupported_media",
    ),
    "more bytes than a picture may have": (bytes(9 * _MIB), "input_too_large"),
    "a picture cut off": (png_of(picture())[:-20], "media_corrupt"),
    "a page named like a picture": (b"<html><body>Not found</body></html>", "unsupported_media"),
}
MANIFESTS = {
    "a key that climbs out": ({"target": "uploads/../status/x.json"}, "input_forbidden"),
    "a key with NUL": ({"target": "uploads/a\0.png"}, "input_forbidden"),
    "an absolute path": ({"target": "/etc/passwd"}, "input_forbidden"),
    "a key that climbs out in disguise": ({"target": "uploads/%2e%2e/status/x.json"}, "input_forbidden"),
    "a key of another bucket": ({"target": "s3://other/uploads/a.png"}, "input_forbidden"),
    "a metadata service": ({"target": "https://169.254.169.254/latest/meta-data"}, "input_forbidden"),
    "an unknown version": ({"version": 7}, "invalid_manifest"),
}


@pytest.mark.parametrize(("target", "code"), FILES.values(), ids=FILES)
async def test_a_hostile_file_fails_its_job_in_bounded_memory_and_the_next_job_runs(
    target: bytes, code: str
) -> None:
    store = MemoryStore()
    bad = await drop_job(store, target=target)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with running(store, FlatEngine(), max_input_bytes=8 * _MIB):
        status = await ended(store, bad)
        good = await ended(store, await drop_job(store))
        await inbox_empty(store)
    assert status.error is not None
    assert (status.status, status.error.code, status.attempt) == ("failed", code, 1)
    assert good.status == "completed"
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 256 * 1024


@pytest.mark.parametrize(("changes", "code"), MANIFESTS.values(), ids=MANIFESTS)
async def test_a_hostile_manifest_is_a_failed_job_and_the_next_job_runs(
    changes: dict[str, object], code: str
) -> None:
    store = MemoryStore()
    bad = await announce(store, {**await upload_pair(store), **changes})
    async with running(store, FlatEngine()):
        status = await ended(store, bad)
        good = await ended(store, await drop_job(store))
        await inbox_empty(store)
    assert status.error is not None
    assert (status.status, status.error.code, status.attempt) == ("failed", code, 1)
    assert good.status == "completed"


async def test_a_manifest_of_ten_megabytes_is_a_failed_job_and_the_next_job_runs() -> None:
    store = MemoryStore()
    body = json.dumps({"job_id": "big", "source": "x" * 10 * _MIB}).encode()
    await store.put(keys.manifest("big"), body, content_type="application/json")
    async with running(store, FlatEngine()):
        good = await ended(store, await drop_job(store))
        await inbox_empty(store)
    [listed] = (await store.list(f"{keys.STATUS}big")).objects
    status = Status.from_bytes((await store.get(listed.key, max_bytes=_MIB)).body)
    assert status.error is not None
    assert (status.status, status.error.code, good.status) == ("failed", "invalid_manifest", "completed")
