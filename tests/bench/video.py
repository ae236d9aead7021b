"""A 1080p video with one face through the embedded engine: each stage alone, and the whole job."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encode import SegmentWriter
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import plan_segments
from pipeline.steps import at_once
from pipeline.swap.video.view import YuvView
from pipeline.tracks.cast import CastBuilder
from pipeline.tracks.frame import Region, box_around
from pipeline.tracks.tracker import TrackedFrame, Tracker
from tests.bench.report import Row, row
from tests.bench.video_clip import RATE, make_clip
from tests.bench.video_job import SOURCE, JobCost, measured

JOB_FRAMES: Final = 1200  # four segments
STAGE_FRAMES: Final = 150
MEMORY_FRAMES: Final = 300, 3600
MEMORY_SIZE: Final = 640, 360
# What each stage of the prototype took, in processor ms a frame on an idle machine of two cores.
PROTOTYPE_MS: Final = {
    "decode": 3.4,
    "look for people": None,
    "follow": 10.0,
    "swap": 22.7,
    "write back": 0.8,
    "encode": 17.0,
}
DEVICE: Final = "follow", "swap", "write back"
LEAST_FPS: Final = 20
_REACH: Final = 0.45  # as `SegmentSwap` paints


def video_rows() -> Iterator[Row]:
    """What stages take, how near the job comes to what they allow, and its memory by length."""
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder, "clip.mp4"), frames=JOB_FRAMES)
        stages = stages_ms(clip, Path(folder, "segment.mp4"))
        for name, value in stages.items():
            yield row(f"video 1080p, {name}, CPU a frame", value, "ms", reference=PROTOTYPE_MS[name])
        costs = list[JobCost]()
        for processes in (1, os.cpu_count() or 1):
            costs.append(measured(clip, new_folder(folder), processes=processes))
            yield from job_rows(costs[-1], stages, processes)
        yield against_one(costs[0], costs[-1], processes)
        few, many = (
            measured(
                make_clip(Path(folder, f"{frames}.mp4"), frames=frames, size=MEMORY_SIZE),
                new_folder(folder),
                processes=1,
            )
            for frames in MEMORY_FRAMES
        )
        title = f"memory of a job, {MEMORY_FRAMES[1]} frames of 640x360 to {MEMORY_FRAMES[0]}"
        yield row(title, many.peak_bytes / 1e6, "MB", reference=few.peak_bytes / 1e6, at_most=1.1)


def new_folder(within: str) -> Path:
    return Path(tempfile.mkdtemp(dir=within))


def job_rows(cost: JobCost, stages: Mapping[str, float], processes: int) -> Iterator[Row]:
    """The whole job; on a machine that others use as well, the bound counts what they leave of it."""
    fps = cost.frames / cost.wall_s
    job = f"video job 1080p, {processes} process{'es' if processes > 1 else ''}"
    yield row(f"{job}, CPU a frame", cost.cpu_s * 1000 / cost.frames, "ms")
    # One process is not how a job is done on several cores, and another number of free ones is no verdict.
    promised = processes > 1
    is_idle = cost.free_cores > (os.cpu_count() or 1) - 0.2
    title = f"{job}, {cost.free_cores:.1f} free cores"
    yield row(
        f"{title}, to what its stages allow",
        fps,
        "fps",
        reference=allowed_fps(stages, cost.free_cores, processes),
        at_least=0.9 if promised else None,
    )
    yield row(title, fps, "fps", at_least=LEAST_FPS if promised and is_idle else None)
    yield row(f"{job}, memory of the consumer", cost.peak_bytes / 1e6, "MB")
    if processes > 1:
        yield row(f"{job}, memory of the largest of them", cost.beside_bytes / 1e6, "MB")


def against_one(one: JobCost, several: JobCost, processes: int) -> Row:
    """How much faster segments come where several processes make them; no more than there are free cores."""
    free = f"{several.free_cores:.1f} free cores to {one.free_cores:.1f}"
    title = f"segments of a video, {processes} processes against one, {free}"
    return row(title, several.segments_fps, "fps", reference=one.segments_fps)


def allowed_fps(stages: Mapping[str, float], cores: float, processes: int) -> float:
    """How fast a job could be: each way through the video is bound by its slowest stage and the cores.

    On the first way one thread decodes and one looks for people. On the second each process has threads to
    decode, for the device and to encode; together they are bound by the cores alone.
    """
    look, decoding, encoding = (stages[name] for name in ("look for people", "decode", "encode"))
    device = sum(stages[name] for name in DEVICE)
    first_ms = max(look, decoding, (look + decoding) / cores)
    second_ms = (decoding + device + encoding) / cores
    if processes == 1:
        second_ms = max(second_ms, decoding, device, encoding)
    return 1000 / (first_ms + second_ms)


def stages_ms(clip: Path, segment: Path) -> dict[str, float]:
    """Processor milliseconds a frame of each stage, one after the other on the same frames."""
    spent: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        spent[name] = spent.get(name, 0.0) + (time.process_time() - began) * 1000 / STAGE_FRAMES

    limits = VideoLimits(max_bytes=10**9, max_pixels=10**7, max_frames=10**5, max_seconds=10**4)
    video = open_video(clip, limits)
    engine, editor = open_mesh_engine(), FrameEditor()
    with stage("decode"):
        frames = read(video)
    with stage("look for people"):
        builder = CastBuilder(engine)
        for number, frame in enumerate(frames):
            at_once(builder.add(YuvView(frame, editor), number, number / RATE))
        [member] = at_once(builder.finish())
    tracker: Tracker[YuvView] = Tracker(engine, known=[member.person])
    tracked: list[TrackedFrame[YuvView]] = []
    with stage("follow"):
        for frame in frames:
            tracked += at_once(tracker.feed(YuvView(frame, editor)))
        tracked += tracker.finish()
    portrait = decode(SOURCE.read_bytes(), Limits()).bgr
    source = engine.prepare_source(portrait, engine.find_faces(portrait)[0])
    for each in tracked:
        frame, face = each.frame.frame, each.faces[0]
        with stage("write back"):
            box = box_around(each.frame, face.bbox, reach=_REACH)
            assert box is not None
            region = Region(picture=editor.read(frame, box), offset=box[:2])
            before = region.picture.copy()
        with stage("swap"):
            engine.swap(region.picture, [(region.inside(face), source)], BlendOptions())
        with stage("write back"):
            editor.write(frame, box, before, region.picture)
    plan = plan_segments(video, encoder_line("libx264", 18), segment_s=10**4)
    with stage("encode"), SegmentWriter(plan, plan.segments[0], segment) as writer:
        for frame in frames:
            writer.add(frame)
        writer.finish()
    return {name: spent[name] for name in PROTOTYPE_MS}


def read(video: VideoFile) -> list[YuvFrame]:
    reader = VideoReader(video, ToneMapper(), threads=2)
    return list(islice(reader.planned(int(video.scan.times[0]), None), STAGE_FRAMES))
