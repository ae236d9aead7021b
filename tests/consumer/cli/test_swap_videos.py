"""Videos on the command line: named alone, in folders and tables; their bars, results and second runs."""

import asyncio
import threading
from pathlib import Path

import pytest

from consumer.cli.destination import Destination
from consumer.cli.options import picture_options
from consumer.cli.progress import describe_progress
from consumer.cli.submit_plan import SubmitCommand
from consumer.cli.submit_plan import plan as submit_plan
from consumer.cli.swap import swap_items
from consumer.cli.swap_plan import Batch, SwapCommand, plan
from consumer.cli.swap_work import DONE, Item
from consumer.client.csv_jobs import read_table
from consumer.client.fingerprint import ResultFingerprint, is_result
from consumer.client.submission import SubmittedFiles, WrongWords
from consumer.config.settings import Settings
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.segments import plan_segments
from pipeline.signing.reading import read_signature
from storage.records.status import Progress, Stage
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.command import swapdrop
from tests.support.engines import OneEngine, picture, png
from tests.support.jobs import SOURCE_BGR, until
from tests.support.reels import ReelEngine, across, colour_at, frames_of, reel, still

OPTIONS = picture_options()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ReelEngine:
    """What the terminal's jobs are done by."""
    engine = ReelEngine()
    monkeypatch.setattr("consumer.jobs.opening.open_registry", lambda _settings: OneEngine(lambda: engine))
    return engine


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    path.write_bytes(png(picture(colour=SOURCE_BGR)))
    return path


def settings(folder: Path) -> Settings:
    # No other process could have the engine, which is an object of the test.
    return Settings(work_dir=folder / "work", video_processes=1)


def batch_of(folder: Path, *words: Path, output: str, **more: object) -> Batch:
    command = SwapCommand(
        words=[str(word) for word in words], output=Destination.read(output), options={**OPTIONS, **more}
    )
    return plan(command, settings(folder))


@pytest.mark.usefixtures("engine")
async def test_a_video_is_swapped_told_of_and_known_again(source: Path, tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=30)
    batch = batch_of(tmp_path, source, clip, output=str(tmp_path / "out.mp4"))
    told: list[tuple[Stage, Progress]] = []

    def follow(_item: Item, stage: Stage, progress: Progress) -> None:
        told.append((stage, progress))

    [outcome] = await swap_items(settings(tmp_path), batch, batch.items, lambda _: None, follow)
    assert (outcome.state, outcome.swapped) == (DONE, 1), outcome.message
    frames = frames_of((tmp_path / "out.mp4").read_bytes(), tmp_path)
    corner = across()(12)
    assert corner is not None
    blue, green, red = colour_at(frames[12], corner)
    assert (len(frames), green > 150, blue < 60, red < 60) == (30, True, True, True)
    assert max(progress.done for stage, progress in told if stage == "swap") == 30
    assert is_result(tmp_path / "out.mp4")
    assert ResultFingerprint(batch.request).has_made(tmp_path / "out.mp4", clip)
    assert not list((tmp_path / "work" / "segments").glob("*"))


async def test_a_command_that_was_interrupted_goes_on_where_it_was(
    engine: ReelEngine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", 1.0)
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=60)
    batch = batch_of(tmp_path, source, clip, output=str(tmp_path / "out.mp4"))

    gate = threading.Event()
    monkeypatch.setattr(engine, "_on_swap", lambda: gate.wait(30) if engine.swaps == 50 else None)
    swapping = asyncio.create_task(swap_items(settings(tmp_path), batch, batch.items, lambda _: None))
    await until(lambda: engine.swaps == 50)
    swapping.cancel()
    gate.set()
    await asyncio.wait([swapping])
    engine.swaps = 0
    [outcome] = await swap_items(settings(tmp_path), batch, batch.items, lambda _: None)
    assert outcome.state == DONE
    assert engine.swaps <= 40


@pytest.mark.usefixtures("engine")
async def test_a_folder_may_hold_both_pictures_and_videos(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    reel(folder / "clip.mp4", {0: still(8, 20)}, frames=12)
    (folder / "me.png").write_bytes(png(picture()))
    (folder / "notes.txt").write_text("sunny")
    batch = batch_of(tmp_path, source, folder, output=f"{tmp_path / 'out'}/")
    assert [(item.output.name, item.is_video) for item in batch.items] == [
        ("clip.mp4", True),
        ("me.png", False),
    ]
    assert batch.ignored == 1
    outcomes = await swap_items(settings(tmp_path), batch, batch.items, lambda _: None)
    assert [outcome.state for outcome in outcomes] == [DONE, DONE]


@pytest.mark.usefixtures("engine")
async def test_signed_videos_of_one_name_have_a_signature_each(source: Path, tmp_path: Path) -> None:
    """Under one name the second would be the first one's, which would then seem to have been changed."""
    made = hierarchy()
    environment = signing(tmp_path, made)
    for name in ("clip.mkv", "clip.webm"):
        (tmp_path / "in").mkdir(exist_ok=True)
        reel(tmp_path / "in" / name, {0: still(8, 20)}, frames=12)
    words = ("swap", source, tmp_path / "in", "-o", f"{tmp_path}/out/", "--encoder", "libvpx-vp9")
    done = swapdrop(*words, environment=environment)
    assert done.exit_code == 0, done.stderr
    for kind in ("mkv", "webm"):
        signature = read_signature(
            tmp_path / "out" / f"clip.{kind}", MEDIA_TYPES[kind], anchors=made.root.pem
        )
        assert signature is not None
        assert signature.state == "trusted", signature.faults
    (tmp_path / "out" / "clip.mkv").unlink()
    (tmp_path / "out" / "clip.mkv.c2pa").write_text("mine")
    refused = swapdrop(*words, environment=environment)
    assert refused.exit_code == 1
    assert "1  file_exists" in refused.stderr
    assert "1  there already" in refused.stderr
    assert (tmp_path / "out" / "clip.mkv.c2pa").read_text() == "mine"


@pytest.mark.usefixtures("engine")
async def test_a_signature_of_its_own_replaces_no_other_file_and_is_never_left_out(
    source: Path, tmp_path: Path
) -> None:
    clip = reel(tmp_path / "clip.mkv", {0: still(8, 20)}, frames=12)
    environment = signing(tmp_path, hierarchy())
    beside = tmp_path / "k.mkv.c2pa"
    beside.write_text("mine")
    piped = swapdrop("swap", source, clip, "-o", "-", environment=environment)
    refused = swapdrop("swap", source, clip, "-o", tmp_path / "k.mkv", environment=environment)
    assert (piped.exit_code, piped.stdout, refused.exit_code) == (1, "", 1)
    assert "signature" in piped.stderr
    assert f"There is something else at {beside}" in refused.stderr
    assert beside.read_text() == "mine"
    forced = swapdrop("swap", source, clip, "-o", tmp_path / "k.mkv", "--force", environment=environment)
    assert forced.exit_code == 0, forced.stderr
    again = swapdrop("swap", source, clip, "-o", tmp_path / "k.mkv", environment=environment)
    assert again.exit_code == 0, again.stderr


def signing(folder: Path, made: Hierarchy) -> dict[str, str]:
    """Settings by which results are signed."""
    return {
        **made.write(folder),
        "SWAPDROP_WORK_DIR": str(folder / "work"),
        "SWAPDROP_VIDEO_PROCESSES": "1",
        "SWAPDROP_LOG_FORMAT": "json",
    }


def test_a_result_is_named_as_what_it_will_be(source: Path, tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {}, frames=4)
    with pytest.raises(WrongWords, match=r"name it .*out\.mp4"):
        batch_of(tmp_path, source, clip, output=str(tmp_path / "out.webm"))


def test_jobs_for_the_bucket_say_what_their_targets_are(source: Path, tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {}, frames=4)
    (tmp_path / "old.png").write_bytes(png(picture()))
    command = SubmitCommand(
        words=[str(source), str(clip), str(tmp_path / "old.png"), "https://example.com/a/film.MOV?x=1"],
        options=OPTIONS,
    )
    jobs = submit_plan(command, SubmittedFiles())
    assert [job.document["process_type"] for job in jobs] == ["single-video", "single-video", "single-image"]


@pytest.mark.usefixtures("source")
def test_a_table_may_hold_videos(tmp_path: Path) -> None:
    reel(tmp_path / "clip.mp4", {}, frames=4)
    table = tmp_path / "jobs.csv"
    table.write_text("face_0,source,target,video_quality\n,me.png,clip.mp4,30\nme.png,,clip.mp4,\n")
    jobs = read_table(table, {}, SubmittedFiles())
    assert [job.document["process_type"] for job in jobs] == ["single-video", "multi-video"]
    assert jobs[0].document["options"] == {"video_quality": 30}


@pytest.mark.parametrize(
    ("word", "trim"),
    [("12.5-60", {"start": 12.5, "end": 60}), ("12-", {"start": 12}), ("-60", {"end": 60}), (None, None)],
)
def test_a_part_is_said_from_to(word: str | None, trim: dict[str, float] | None) -> None:
    assert picture_options(trim=word)["trim"] == trim


def test_progress_is_told_in_words() -> None:
    progress = Progress(done=120, total=900, unit="frames", fps=31.2, left_s=65.2)
    assert describe_progress("swap", progress) == "swap 120 of 900 frames, 31.2 a second, 1:05 left"
    assert describe_progress("download", Progress()) == "download"
