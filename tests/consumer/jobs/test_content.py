"""Jobs whose pictures seem to show what is not wanted are told so, or end, as the operator wants it."""

from pathlib import Path
from typing import Any

import pytest
import structlog

from consumer.app import Consumer
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.engines.registry import CONTENT_MODEL, open_registry
from pipeline.content import ContentCheck
from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.animations import in_every_format
from tests.support.command import swapdrop
from tests.support.consumers import without_settings
from tests.support.content import (
    DOUBTFUL,
    HARMLESS,
    SHOCKING,
    CornerScorer,
    build_content_model,
    content_check,
)
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import astronaut, hopper, scaled
from tests.support.jobs import announce, drop_job, ended, quick_settings, running
from tests.support.model_files import entry
from tests.support.reels import ReelEngine, reel, still

FINE, ODD, BAD = (png(picture(colour=colour)) for colour in (HARMLESS, DOUBTFUL, SHOCKING))


def warned(status: Status) -> list[str]:
    assert status.status == "completed", status.error
    return [warning.message for warning in status.warnings if warning.code == "content_flagged"]


def rejected(status: Status) -> str:
    assert status.error is not None, status.status
    assert (status.error.code, status.error.retryable) == ("content_rejected", False)
    assert status.result is None
    assert "0." not in status.error.message  # how sure it was is nobody's business
    return status.error.message


async def judged(check: ContentCheck | None, *pairs: tuple[bytes, bytes]) -> list[Status]:
    """The records of jobs on sources and targets, one after the other."""
    store = MemoryStore()
    async with running(store, FlatEngine(), content=check):
        return [
            await ended(store, await drop_job(store, source=source, target=target))
            for source, target in pairs
        ]


async def test_block_ends_jobs_by_their_source_or_target_and_flags_what_is_doubtful() -> None:
    fine, by_source, by_target, odd = await judged(
        content_check(), (FINE, FINE), (BAD, FINE), (FINE, BAD), (ODD, ODD)
    )
    assert warned(fine) == []
    assert rejected(by_source).startswith("The source cannot be used. It seems to show nudity")
    assert rejected(by_target).startswith("The target cannot be used. It seems to show nudity")
    assert warned(odd) == [
        "The source picture may show nudity or sexual content.",
        "The target may show nudity or sexual content.",
    ]


async def test_flag_lets_all_pass_and_says_so() -> None:
    (status,) = await judged(content_check(block=False), (BAD, BAD))
    assert len(warned(status)) == 2


async def test_off_looks_at_nothing() -> None:
    (status,) = await judged(None, (BAD, BAD))
    assert warned(status) == []


async def test_a_source_is_blocked_or_flagged_in_every_job_although_its_face_is_kept() -> None:
    scorer = CornerScorer()
    first, second = await judged(content_check(scorer), (ODD, FINE), (ODD, FINE))
    assert len(warned(first)) == len(warned(second)) == 1
    assert scorer.looked == 3  # the source once, and each target
    assert all(rejected(each) for each in await judged(content_check(), (BAD, FINE), (BAD, FINE)))


async def test_of_several_sources_the_one_is_named() -> None:
    store = MemoryStore()
    sources = [await upload(store, body, "png") for body in (FINE, BAD)]
    target = await upload(store, FINE, "png")
    async with running(store, FlatEngine(), content=content_check()):
        status = await ended(store, await announce(store, {"source": sources, "target": target}))
    assert rejected(status).startswith("The source picture 2 cannot be used.")


async def test_what_a_detection_is_asked_about_is_looked_at_as_well() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine(), content=content_check()):
        odd, bad = [
            await ended(store, await announce(store, {"process_type": "detect-faces", "target": target}))
            for target in [await upload(store, body, "png") for body in (ODD, BAD)]
        ]
    assert warned(odd) == ["The target may show nudity or sexual content."]
    assert rejected(bad)


async def test_frames_of_an_animation_are_looked_at() -> None:
    frames = [picture(colour=colour) for colour in (HARMLESS, DOUBTFUL, HARMLESS)]
    moving = in_every_format(frames, [40] * 3)["png"]
    shocking = in_every_format([*frames, picture(colour=SHOCKING)], [40] * 4)["png"]
    odd, bad = await judged(content_check(), (FINE, moving), (FINE, shocking))
    assert warned(odd) == ["The target (frame 2) may show nudity or sexual content."]
    assert rejected(bad)


async def upload(store: ObjectStore, body: bytes, extension: str) -> str:
    key = keys.new_upload(extension)
    await store.put(key, body, content_type="application/octet-stream")
    return key


async def video_job(
    store: ObjectStore, body: bytes, check: ContentCheck | None, process_type: str = "single-video"
) -> Status:
    target = await upload(store, body, "mp4")
    manifest: dict[str, Any] = {"process_type": process_type, "target": target}
    if process_type == "single-video":
        manifest["source"] = await upload(store, FINE, "png")
    async with running(store, ReelEngine(), content=check):
        return await ended(store, await announce(store, manifest))


@pytest.fixture
def odd_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Three seconds of what is doubtful."""
    monkeypatch.setattr("tests.support.reels.BACKGROUND", DOUBTFUL)
    return reel(tmp_path / "odd.mp4", {0: still(60, 20)}, frames=60, sounds=False).read_bytes()


@pytest.fixture
def bad_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr("tests.support.reels.BACKGROUND", SHOCKING)
    return reel(tmp_path / "bad.mp4", {0: still(60, 20)}, frames=20, sounds=False).read_bytes()


async def test_of_a_video_one_frame_a_second_is_looked_at_and_the_times_are_told(odd_clip: bytes) -> None:
    scorer = CornerScorer()
    (message,) = warned(await video_job(MemoryStore(), odd_clip, content_check(scorer)))
    assert message == "The target, at 0 s, 1 s and 2 s, may show nudity or sexual content."
    assert scorer.looked == 1 + 3  # the source, and three seconds
    (message,) = warned(await video_job(MemoryStore(), odd_clip, content_check(), "detect-faces"))
    assert message.startswith("The target, at 0 s")


async def test_flag_lets_a_video_pass_and_says_so_and_off_says_nothing(bad_clip: bytes) -> None:
    (message,) = warned(await video_job(MemoryStore(), bad_clip, content_check(block=False)))
    assert message == "The target, at 0 s, may show nudity or sexual content."
    assert warned(await video_job(MemoryStore(), bad_clip, None)) == []


async def test_a_blocked_video_leaves_nothing(bad_clip: bytes) -> None:
    store = MemoryStore()
    assert rejected(await video_job(store, bad_clip, content_check())).startswith(
        "The target cannot be used."
    )
    assert not [*(await store.list("results/")).objects, *(await store.list("scratch/")).objects]
    assert rejected(await video_job(store, bad_clip, content_check(), "detect-faces"))


async def test_what_an_earlier_attempt_saw_of_a_video_is_told_by_the_next_one(
    odd_clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in a video is kept between attempts, and what it shows is kept with it."""
    failures = [OSError("once")]

    async def fails_once(*arguments: Any) -> Any:  # noqa: ANN401 -- whatever it takes
        if failures:
            raise failures.pop()
        return await finish(*arguments)

    from consumer.jobs.video.finish import finish  # noqa: PLC0415 -- the one that is replaced

    monkeypatch.setattr("consumer.jobs.swap_video.finish", fails_once)
    monkeypatch.setattr("consumer.runtime.attempt.retry_delay_s", lambda *_: 0.0)
    scorer = CornerScorer()
    status = await video_job(MemoryStore(), odd_clip, content_check(scorer))
    assert not failures
    assert len(warned(status)) == 1
    assert scorer.looked == 1 + 3


@pytest.fixture
def with_model(tmp_path: Path) -> dict[str, Any]:
    """Settings of an operator who has a file for the filter."""
    folder = tmp_path / "models"
    folder.mkdir()
    model = build_content_model(folder / CONTENT_MODEL)
    (tmp_path / "own.toml").write_text(entry(CONTENT_MODEL, model, "apache-2"))
    return {"catalogue": tmp_path / "own.toml", "models_dir": folder, "cache_dir": tmp_path / "cache"}


@pytest.fixture
def without_model(tmp_path: Path) -> dict[str, Any]:
    return {"models_dir": tmp_path / "none", "cache_dir": tmp_path / "cache"}


def rules(settings: dict[str, Any]) -> tuple[float, float | None] | None:
    check = open_registry(Settings(engine="mesh", **settings)).content_check()
    return None if check is None else check.rules


def test_the_settings_decide_and_auto_blocks_where_the_file_is(
    with_model: dict[str, Any], without_model: dict[str, Any]
) -> None:
    assert rules(with_model) == (0.5, 0.8)
    assert rules({**with_model, "content_filter": "block", "content_block_from": 0.9}) == (0.5, 0.9)
    assert rules({**with_model, "content_filter": "flag", "content_flag_from": 0.3}) == (0.3, None)
    assert rules({**with_model, "content_filter": "off"}) is None
    assert rules(without_model) is None


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="SWAPDROP_CONTENT_FLAG_FROM must not be more"):
        Settings(content_flag_from=0.9)


@pytest.mark.parametrize("wanted", ["flag", "block"])
def test_a_filter_that_is_asked_for_and_cannot_be_had_stops_the_start(
    wanted: str, without_model: dict[str, Any]
) -> None:
    settings = quick_settings(bucket="some-bucket", content_filter=wanted, **without_model)
    with pytest.raises(SettingsError, match=f"={wanted} needs a file.*swapdrop models pull open-nsfw.onnx"):
        Consumer(settings)


async def test_a_consumer_without_the_file_says_at_its_start_that_nothing_is_looked_at() -> None:
    with structlog.testing.capture_logs() as logged:
        store = MemoryStore()
        async with running(store, FlatEngine()):
            await ended(store, await drop_job(store))
    (line,) = [each for each in logged if each["event"] == "content_filter_off"]
    assert line["fix"] == "swapdrop models pull open-nsfw.onnx"


def test_the_command_line_refuses_as_well_with_the_engine_that_ships(
    tmp_path: Path, with_model: dict[str, Any]
) -> None:
    for name, shown in (("me.png", astronaut()), ("her.png", hopper())):
        (tmp_path / name).write_bytes(png(scaled(shown, 0.5)))
    environment = {
        **without_settings(),
        "MODELS_DIR": str(with_model["models_dir"]),
        "SWAPDROP_CACHE_DIR": str(with_model["cache_dir"]),
        "SWAPDROP_CATALOGUE": str(with_model["catalogue"]),
        "SWAPDROP_CONTENT_FLAG_FROM": "0.01",
    }
    words = ("swap", tmp_path / "me.png", tmp_path / "her.png", "-o", tmp_path / "out.png")
    flagged = swapdrop(*words, environment=environment)
    assert flagged.exit_code == 0, flagged.stderr
    assert "The source picture may show nudity" in " ".join(flagged.stderr.split())
    blocked = swapdrop(*words, environment={**environment, "SWAPDROP_CONTENT_BLOCK_FROM": "0.02"})
    assert blocked.exit_code == 1
    assert "content_rejected" in blocked.stderr
