"""What tests of videos do again and again: make results, and look at them without our own reader."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av

from pipeline.marks.provenance import Mark
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.containers import container_for
from pipeline.media.video.encode import EncodedSegment, SegmentWriter
from pipeline.media.video.encoders import EncoderName, encoder_line
from pipeline.media.video.frame import YuvFrame, planes_of
from pipeline.media.video.join import JoinedVideo, join_segments
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import SegmentPlan, Trim, plan_segments

LIMITS = VideoLimits(max_bytes=10_000_000, max_pixels=2_000_000, max_frames=1000, max_seconds=60)
MARK = Mark(
    output_id="output-1",
    provider="Somebody",
    system="swapdrop",
    version="1.2.3",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A frame of a file: when it shows, in seconds, and a digest of its samples."""

    at: Fraction
    digest: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A result, and all that led to it."""

    video: VideoFile
    plan: SegmentPlan
    segments: list[EncodedSegment]
    path: Path
    joined: JoinedVideo


def digest(image: av.VideoFrame) -> str:
    """Of the samples of a yuv420p image."""
    return hashlib.sha256(b"".join(plane.tobytes() for plane in planes_of(image))).hexdigest()[:16]


def shown(path: Path) -> list[Shown]:
    """Decode a file plainly, as any player does."""
    with av.open(str(path), metadata_errors="surrogateescape") as file:
        stream = file.streams.best("video")
        assert stream is not None
        return [
            Shown(at=Fraction(frame.pts or 0) * (stream.time_base or 1), digest=digest(frame))
            for frame in file.decode(stream)
            if isinstance(frame, av.VideoFrame)
        ]


def sounds(path: Path, *, header: int = 0) -> list[list[tuple[Fraction, bytes]]]:
    """When each packet of each stream of sound is heard, and its bytes, less the first `header` of each."""
    with av.open(str(path)) as file:
        found: dict[int, list[tuple[Fraction, bytes]]] = {stream.index: [] for stream in file.streams.audio}
        for packet in file.demux(*file.streams.audio):
            if packet.size and packet.pts is not None:
                found[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)[header:]))
    return list(found.values())


def wanted(made: Made) -> list[Fraction]:
    """When each frame of a result should show, in seconds."""
    clock = made.plan.clock
    return [tick * clock.time_base for time in clock.times.tolist() for tick in clock.shown_at(time)]


def read_all(
    video: VideoFile, mapper: ToneMapper, start: int | None = None, end: int | None = None
) -> list[YuvFrame]:
    """Read a part as segments do; all of it if none is named."""
    first = int(video.scan.times[0]) if start is None else start
    return list(VideoReader(video, mapper, threads=1).planned(first, end))


def produce(
    target: Path,
    folder: Path,
    mapper: ToneMapper,
    *,
    encoder: EncoderName = "libx264",
    quality: int = 18,
    segment_s: float = 0.5,
    fps: Fraction | None = None,
    trim: Trim | None = None,
    keep_audio: bool = True,
    change: Callable[[YuvFrame], None] = lambda _: None,
) -> Made:
    """Make a result of a target, as a job would."""
    video = open_video(target, LIMITS)
    plan = plan_segments(video, encoder_line(encoder, quality), fps=fps, trim=trim, segment_s=segment_s)
    segments = [
        encode(video, plan, number, folder, mapper, change=change) for number in range(len(plan.segments))
    ]
    container, _ = container_for(video.media, encoder)
    path = folder / f"result.{container.media.extension}"
    joined = join_segments(
        plan,
        video,
        [segment.path for segment in segments],
        path,
        container=container,
        mark=MARK,
        keep_audio=keep_audio,
    )
    return Made(video=video, plan=plan, segments=segments, path=path, joined=joined)


def encode(
    video: VideoFile,
    plan: SegmentPlan,
    number: int,
    folder: Path,
    mapper: ToneMapper,
    *,
    change: Callable[[YuvFrame], None] = lambda _: None,
) -> EncodedSegment:
    """Write one segment of a plan."""
    segment = plan.segments[number]
    with SegmentWriter(plan, segment, folder / f"{number}.mp4") as writer:
        for frame in VideoReader(video, mapper, threads=1).planned(segment.start, segment.end):
            change(frame)
            writer.add(frame)
        return writer.finish()
