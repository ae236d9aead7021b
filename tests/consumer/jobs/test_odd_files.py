"""The worst of the odd files, sent to a consumer as jobs: each ends, and the consumer works on."""

import cv2
import numpy as np

from storage.stores.memory_store import MemoryStore
from tests.corpus.bombs import bombs
from tests.corpus.lies import lies
from tests.corpus.strangers import strangers
from tests.support.engines import FlatEngine, picture
from tests.support.jobs import SOURCE_BGR, drop_job, ended, running

_WORST = (
    *("png-65000x65000-16bit", "png-more-pixels-than-it-has", "png-iCCP-of-gigabytes", "jpeg-65500"),
    *("gif-100000-frames", "webp-5000-frames", "tiff-2001-pages", "tiff-65535-entries"),
    *("jpeg-scans-without-end", "png-idat-length-ffffffff", "apng-of-1073741824", "tiff-258-vast"),
    *("heic-iloc-ones", "avif-ispe-ones", "empty", "html", "svg-with-entities", "zip", "png-and-zip"),
)


async def test_the_worst_files_end_their_own_jobs_and_no_other() -> None:
    files = {odd.name: odd for make in (bombs, lies, strangers) for odd in make() if odd.name in _WORST}
    assert set(files) == set(_WORST)
    store = MemoryStore()
    async with running(store, FlatEngine(), max_pixels=4_000_000) as consumer:
        jobs = {name: await drop_job(store, target=odd.data) for name, odd in files.items()}
        jobs_as_source = [await drop_job(store, source=odd.data) for odd in files.values()]
        sound = await drop_job(store)
        for name, job in jobs.items():
            status = await ended(store, job)
            assert status.status == "failed"  # a picture that can be read shows no face to this engine
            assert status.error is not None
            expected = {"no_face_in_target" if end == "result" else end for end in files[name].ends}
            assert status.error.code in expected, name
            assert not status.error.retryable
        for job in jobs_as_source:
            assert (await ended(store, job)).status == "failed"
        assert (await ended(store, sound)).status == "completed"
        assert consumer.decoded_bytes == 0
        assert consumer.health().status == "healthy"


async def test_a_target_of_16_bits_comes_back_with_them_where_nothing_changed() -> None:
    deep = picture().astype(np.uint16) * 257
    deep[40:, :, 0] += np.arange(64, dtype=np.uint16)  # finer than 8 bits, below the face
    store = MemoryStore()
    job = await drop_job(store, target=cv2.imencode(".tiff", deep)[1].tobytes())
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert status.result is not None
    body = (await store.get(status.result.key, max_bytes=status.result.size)).body
    found = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[40:], deep[40:])
    assert (found[10:34, 20:44] == np.multiply(SOURCE_BGR, 257)).all()
