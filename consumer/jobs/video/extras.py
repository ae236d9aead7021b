"""What goes with a video's result: a picture of it, and a few seconds."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from av.video.reformatter import Interpolation

from pipeline.marks.provenance import Mark, xmp_packet
from pipeline.media.pictures.encode import encode
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.containers import CONTAINERS
from pipeline.media.video.encode import SegmentWriter
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.media.video.join import join_segments
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import SegmentPlan, Trim, plan_segments
from storage.lease.outcome import Extra

_POSTER_QUALITY: Final = 85
_PREVIEW_S: Final = 5.0
_PREVIEW_PX: Final = 480
_PREVIEW_QUALITY: Final = 26
_LEAD_S: Final = 0.5
"""The preview begins so long before the first swapped frame."""
_ENCODER: Final = "libx264"


def poster_and_preview(
    path: Path, limits: VideoLimits, *, at_s: float, folder: Path, mark: Mark, mapper: ToneMapper
) -> tuple[Extra, Extra]:
    """Make a JPEG of the frame of a video that shows at `at_s`, and a small MP4 of what is around it.

    Raises:
        InputError, OutputInvalid: the video cannot be read, or nothing be made of it.
        OSError: a file cannot be read or written.
    """
    video = open_video(path, limits)
    last_s = video.duration_s - 1 / float(video.rate)
    at_s = min(max(0.0, at_s), max(0.0, last_s))
    return _poster(video, at_s, mark, mapper), _preview(video, at_s, folder, mark, mapper)


def _poster(video: VideoFile, at_s: float, mark: Mark, mapper: ToneMapper) -> Extra:
    [segment, *_] = plan_segments(video, encoder_line(_ENCODER, 0), trim=Trim(start_s=at_s)).segments
    frame = next(iter(VideoReader(video, mapper, threads=1).planned(segment.start, segment.end)))
    bgr = FrameEditor().read(frame)
    jpeg = encode(bgr, None, to="jpeg", quality=_POSTER_QUALITY, xmp=xmp_packet(mark))
    return Extra(body=jpeg.data, extension="jpg", content_type="image/jpeg")


def _preview(video: VideoFile, at_s: float, folder: Path, mark: Mark, mapper: ToneMapper) -> Extra:
    start_s = max(0.0, min(at_s - _LEAD_S, video.duration_s - _PREVIEW_S))
    trim = Trim(start_s=start_s, end_s=start_s + _PREVIEW_S)
    plan = plan_segments(
        video, encoder_line(_ENCODER, _PREVIEW_QUALITY), trim=trim, segment_s=10 * _PREVIEW_S
    )
    plan = replace(plan, size=_smaller(plan.size), sar=Fraction(plan.sar))
    [segment] = plan.segments
    made, joined = folder / "preview-segment.mp4", folder / "preview.mp4"
    with SegmentWriter(plan, segment, made) as writer:
        for frame in VideoReader(video, mapper, threads=1).planned(segment.start, segment.end):
            writer.add(_scaled(frame, plan))
        writer.finish()
    container = CONTAINERS["mp4"]
    join_segments(plan, video, [made], joined, container=container, mark=mark, keep_audio=False)
    body = joined.read_bytes()
    return Extra(body=body, extension=container.media.extension, content_type=container.media.content_type)


def _smaller(size: tuple[int, int]) -> tuple[int, int]:
    """No side longer than 480 pixels, and even."""
    scale = min(1.0, _PREVIEW_PX / max(size))
    width, height = (max(2, round(side * scale / 2) * 2) for side in size)
    return width, height


def _scaled(frame: YuvFrame, plan: SegmentPlan) -> YuvFrame:
    image = frame.image.reformat(*plan.size, interpolation=Interpolation.AREA)
    return replace(frame, image=image)
