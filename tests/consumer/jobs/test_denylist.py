"""Jobs that would put in somebody on the bucket's list end, and none goes on while it cannot be read."""

from pathlib import Path

import pytest
import typer

from consumer.cli.denylist import only_face
from consumer.jobs.denylist import DenylistKeeper, packed
from pipeline.swap.protected import IDENTITY_MODEL, ProtectedPeople
from storage import keys
from storage.denylist import change_denylist, read_denylist
from storage.errors import DenylistUnreadable
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore, StoredObject
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket
from tests.support.command import swapdrop
from tests.support.consumers import consumer_environment
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import astronaut, hopper, made_up_face, scaled
from tests.support.jobs import announce, drop_job, ended, running
from tests.support.people import ColourIdentity, colour_of
from tests.support.reels import ReelEngine

#: Settings with the engine that ships.
MESH = {"engine": "mesh"}
HER, HIM = (png(picture(colour=(10, 200, 30), people=(person,))) for person in (1, 2))


async def protect(store: ObjectStore, person: int, model: str = IDENTITY_MODEL) -> None:
    await change_denylist(store, lambda before: before.with_face(packed(colour_of(person)), model)[0])


def refused(status: Status) -> str:
    assert status.error is not None, status.status
    assert (status.error.code, status.error.retryable) == ("person_protected", False)
    assert status.result is None
    return status.error.message


async def test_a_listed_person_is_refused_as_source_and_anybody_else_is_not() -> None:
    store = MemoryStore()
    await protect(store, 1)
    async with running(store, FlatEngine(), protected=ProtectedPeople(ColourIdentity)) as consumer:
        her, him = [await ended(store, await drop_job(store, source=source)) for source in (HER, HIM)]
        as_target = await ended(store, await drop_job(store, source=HIM, target=HER))
        metrics = consumer.metrics.render().decode()
    assert "asked not to be put into pictures" in refused(her)
    assert him.status == as_target.status == "completed"
    assert 'swapdrop_jobs_total{code="person_protected",status="failed"} 1.0' in metrics


async def test_a_listed_person_is_refused_in_a_video_and_among_several() -> None:
    store = MemoryStore()
    await protect(store, 1)
    sources = [keys.new_upload("png") for _ in range(2)]
    for key, body in zip(sources, (HIM, HER), strict=True):
        await store.put(key, body, content_type="image/png")
    target = keys.new_upload("mp4")
    async with running(store, ReelEngine(), protected=ProtectedPeople(ColourIdentity)):
        job = {"process_type": "single-video", "source": sources, "target": target}
        status = await ended(store, await announce(store, job))  # whose target is never asked for
    assert "source picture 2" in refused(status)


async def test_a_list_that_cannot_be_read_lets_no_job_through() -> None:
    store = MemoryStore()
    await store.put(keys.DENYLIST, b"{", content_type="application/json")
    async with running(store, FlatEngine(), max_attempts=1):
        status = await ended(store, await drop_job(store))
    assert status.error is not None
    assert status.error.code == "attempts_exhausted"
    assert "could not be looked up" in status.error.attempts[0].message


async def test_a_list_of_another_network_lets_no_job_through() -> None:
    store = MemoryStore()
    await protect(store, 1, "sha256:00")
    with pytest.raises(DenylistUnreadable, match="add its people anew"):
        await DenylistKeeper(store, ProtectedPeople()).refresh()


class CountingStore(MemoryStore):
    """Counts the times that the list is read."""

    reads = 0

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        self.reads += key == keys.DENYLIST
        return await super().get(key, max_bytes=max_bytes)


async def test_the_list_is_read_once_in_a_while_and_changes_are_taken_up() -> None:
    store, people = CountingStore(), ProtectedPeople(ColourIdentity)
    seldom = DenylistKeeper(store, people)
    for _ in range(3):
        await seldom.refresh()
    assert store.reads == 1
    always = DenylistKeeper(store, people, every_s=0)
    await always.refresh()
    assert not people.anybody
    await protect(store, 1)
    await always.refresh()
    assert people.is_protected(colour_of(1), 100)
    face_id = (await read_denylist(store)).faces[0].id
    await change_denylist(store, lambda before: before.without(face_id))
    await always.refresh()
    assert not people.anybody


async def test_the_command_adds_lists_and_removes_real_faces_and_consumers_heed_it(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    (tmp_path / "her.png").write_bytes(png(hopper()))
    (tmp_path / "small.png").write_bytes(png(scaled(hopper(), 0.25)))
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings)
        words = ("denylist", "add", tmp_path / "her.png", tmp_path / "small.png")
        faulty = swapdrop(*words, environment=environment)
        assert faulty.exit_code == 1
        assert "small.png: The face has" in faulty.stderr
        assert (await read_denylist(store)).faces == ()
        added = swapdrop("denylist", "add", tmp_path / "her.png", environment=environment)
        assert added.exit_code == 0, added.stderr
        (face_id,) = added.stdout.split()
        assert swapdrop("denylist", "list", environment=environment).stdout.split() == [face_id]
        async with running(store, None, **MESH):
            smaller = png(scaled(hopper(), 0.6))
            hers = await ended(store, await drop_job(store, source=smaller, target=png(astronaut())))
            other = await ended(store, await drop_job(store, source=png(astronaut()), target=smaller))
        refused(hers)
        assert other.status == "completed"
        assert swapdrop("denylist", "remove", "0" * 16, environment=environment).exit_code == 1
        assert swapdrop("denylist", "remove", face_id, environment=environment).exit_code == 0
        assert (await read_denylist(store)).faces == ()


@pytest.mark.parametrize(
    ("faces", "said"),
    [(0, "No face was found"), (2, "2 faces were found"), (1, "too few to know somebody by")],
)
def test_a_picture_that_would_not_do_is_told_why(
    faces: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        only_face(Path("her.png"), [made_up_face(50, 50, 59)] * faces)
    assert said in capsys.readouterr().err
