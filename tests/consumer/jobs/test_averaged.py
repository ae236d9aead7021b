"""Several pictures of one person as the source of a job."""

from pipeline.media.pictures.decode import Limits, decode
from storage.stores.memory_store import MemoryStore
from storage.upkeep.queries import run_again
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, ended, running, upload_pair


async def test_several_pictures_of_one_person_are_put_in_as_what_they_have_in_common() -> None:
    store = MemoryStore()
    target = (await upload_pair(store))["target"]
    several = [
        (await upload_pair(store, source=png(picture(colour=colour))))["source"]
        for colour in ((10, 200, 30), (30, 100, 50))
    ]
    async with running(store, FlatEngine()):
        status = await ended(store, await announce(store, {"source": several, "target": target}))
        again = await ended(store, await run_again(store, status))
    assert status.faces is not None, status.error
    assert [face.source for face in status.faces] == ["source"]
    assert status.manifest is not None
    assert status.manifest["source"] == several
    for each in (status, again):
        assert each.result is not None
        shown = decode((await store.get(each.result.key, max_bytes=10**7)).body, Limits()).bgr
        assert (shown == (20, 150, 40)).all(axis=2).any()
