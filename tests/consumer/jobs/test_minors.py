"""Jobs in which somebody looks like a minor are told so, or refused, as the operator wants it."""

from pathlib import Path

import pytest

from consumer.config.settings import Settings
from consumer.engines.registry import open_registry
from models.embedded import embedded_weights, engine_weights
from pipeline.media.video.segments import plan_segments
from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.ages import ColourAges, check, people
from tests.support.command import Ended, swapdrop
from tests.support.consumers import without_settings
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import astronaut, hopper, scaled
from tests.support.jobs import SOURCE_BGR, announce, drop_job, ended, running
from tests.support.reels import ReelEngine, reel, seen, still

BOXES = ((4, 4, 12, 12), (24, 6, 16, 14), (46, 4, 12, 12))
THREE = png(picture(faces=BOXES, people=(0, 1, 2)))
SOURCE = png(picture(colour=SOURCE_BGR, people=(3,)))


def warned(status: Status) -> list[str]:
    assert status.status == "completed", status.error
    return [warning.message for warning in status.warnings if warning.code == "may_be_minor"]


def refused(status: Status) -> str:
    assert status.error is not None, status.status
    assert (status.error.code, status.error.retryable) == ("minor_refused", False)
    assert status.result is None
    return status.error.message


async def test_a_picture_job_names_the_source_and_the_faces_that_were_changed() -> None:
    store = MemoryStore()
    job = await drop_job(store, source=SOURCE, target=THREE, many_faces=True)
    async with running(store, FlatEngine(), minors=check(people(1, 3))):
        source, target = warned(await ended(store, job))
    assert source.startswith("The face in the source picture looks like a minor's.")
    assert target.startswith("face_1 of the target looks like a minor's.")


async def test_a_refused_picture_job_ends_at_once_with_what_to_do() -> None:
    store, engine = MemoryStore(), FlatEngine()
    async with running(store, engine, minors=check(people(0, 2), refuse=True)) as consumer:
        by_target = await ended(store, await drop_job(store, source=SOURCE, target=THREE, many_faces=True))
        fine = await ended(store, await drop_job(store, source=SOURCE, target=THREE))  # onto face_1
        metrics = consumer.metrics.render().decode()
    message = refused(by_target)
    assert message.startswith("face_0 and face_2 of the target look like minors'.")
    assert "another picture" in message
    assert by_target.faces is not None
    assert [face.swapped for face in by_target.faces] == [False] * 3
    assert warned(fine) == []
    assert engine.swaps == 1
    assert 'swapdrop_jobs_total{code="minor_refused",status="failed"} 1.0' in metrics


async def test_a_refused_source_is_refused_in_every_job_and_of_several_is_named() -> None:
    store = MemoryStore()
    several = [
        await upload(store, png(picture(colour=SOURCE_BGR, people=(number,))), "png") for number in (1, 3)
    ]
    async with running(store, FlatEngine(), minors=check(people(3), refuse=True)):
        alone = [await ended(store, await drop_job(store, source=SOURCE, target=THREE)) for _ in range(2)]
        target = await upload(store, THREE, "png")
        averaged = await ended(store, await announce(store, {"source": several, "target": target}))
    assert all(refused(each).startswith("The face in the source picture looks") for each in alone)
    assert "source picture 2" in refused(averaged)


async def test_a_detection_looks_at_nobody() -> None:
    store, ages = MemoryStore(), people(0, 1, 2)
    target = await upload(store, THREE, "png")
    async with running(store, FlatEngine(), minors=check(ages, refuse=True)):
        status = await ended(store, await announce(store, {"process_type": "detect-faces", "target": target}))
    assert warned(status) == []
    assert ages.looked == 0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Person 0 and, later, person 1."""
    people_in_it = {0: still(8, 20), 1: seen(still(100, 40), 20, 39)}
    return reel(tmp_path / "clip.mp4", people_in_it, frames=40, sounds=False)


async def upload(store: ObjectStore, body: bytes, extension: str) -> str:
    key = keys.new_upload(extension)
    await store.put(key, body, content_type="application/octet-stream")
    return key


async def video_job(store: ObjectStore, clip: Path, ages: ColourAges, *, refuse: bool = False) -> Status:
    """Put a source onto person 1 of the clip."""
    source = await upload(store, SOURCE, "png")
    target = await upload(store, clip.read_bytes(), "mp4")  # noqa: ASYNC240 -- a small file
    mapped = {"process_type": "multi-video", "target": target, "face_mappings": {"face_1": source}}
    async with running(store, ReelEngine(), minors=check(ages, refuse=refuse)):
        return await ended(store, await announce(store, mapped))


@pytest.fixture
def faces_of_reels_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are 32 px wide, so that clips of tests are small."""
    monkeypatch.setattr("pipeline.faces.age._SMALLEST_PX", 16.0)


@pytest.mark.usefixtures("faces_of_reels_are_large")
async def test_people_of_a_video_are_looked_at_once_if_they_are_changed(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", 1.0)
    ages = people(1)
    (message,) = warned(await video_job(MemoryStore(), clip, ages))
    assert message.startswith("face_1 of the target looks like a minor's.")
    assert ages.looked == 2  # the source and one person, in however many frames and segments
    bystander = people(0)
    assert warned(await video_job(MemoryStore(), clip, bystander)) == []


@pytest.mark.usefixtures("faces_of_reels_are_large")
async def test_a_refused_video_is_refused_before_a_segment_is_made(clip: Path) -> None:
    store = MemoryStore()
    assert refused(await video_job(store, clip, people(1), refuse=True)).startswith("face_1 of the target")
    assert not (await store.list("results/")).objects


async def test_people_of_a_video_who_are_too_small_are_not_judged_by_their_larger_preview(clip: Path) -> None:
    ages = people(1)
    assert warned(await video_job(MemoryStore(), clip, ages)) == []
    assert ages.looked == 1


def swap_command(folder: Path, minors: str) -> Ended:
    for name, shown in (("me.png", astronaut()), ("her.png", hopper())):
        (folder / name).write_bytes(png(scaled(shown, 0.5)))
    words = ("swap", folder / "me.png", folder / "her.png", "-o", folder / "out.png")
    return swapdrop(*words, environment={**without_settings(), "SWAPDROP_MINORS": minors})


def test_the_command_line_prints_the_warning_or_the_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the engine that ships and a network that takes everybody for a child."""

    class Everybody(ColourAges):
        def may_be_minor(self, *_: object) -> bool:
            return True

    monkeypatch.setattr("consumer.engines.registry.open_age_model", Everybody)
    flagged = swap_command(tmp_path, "flag")
    assert flagged.exit_code == 0, flagged.stderr
    said = " ".join(flagged.stderr.split())
    assert "The face in the source picture looks like a minor's." in said
    assert "face_0 of the target looks like a minor's." in said
    refused_one = swap_command(tmp_path, "refuse")
    assert refused_one.exit_code == 1
    assert "minor_refused" in refused_one.stderr


def test_with_off_there_is_no_check_and_without_a_swap_nothing_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("consumer.engines.registry.open_age_model", lambda: opened.append("ages"))
    assert open_registry(Settings(minors="off", engine="mesh")).minor_check() is None
    assert open_registry(Settings(engine="mesh")).minor_check() is not None  # flag, by default
    assert not opened
    # What only judges is no part of what a record says a swap was made with.
    assert embedded_weights().keys() - engine_weights().keys() == {"face_age.onnx"}
