"""How a video is cut into segments that are decoded, changed and encoded each on its own."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np

from pipeline.errors import InvalidTrim
from pipeline.media.video.clock import Clock
from pipeline.media.video.colour import ColourTags
from pipeline.media.video.encoders import EncoderLine
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.scan import Ticks

SEGMENT_S: Final = 10.0
"""Segments of 2 s cost 6 to 15 % more bytes, as each begins with a whole picture."""
_LEAST: Final = 0.8
_MOST: Final = 1.4
"""A segment is cut at a key frame if there is one between these shares of its length, else where it ends."""
_REVISION: Final = 2
"""Counts the changes to this code after which it makes other frames of the same plan."""
_RATES: Final = (Fraction(1), Fraction(240))
"""What encoders take for a number of frames a second; for them it is a hint, each frame has its own time."""


@dataclass(frozen=True, kw_only=True)
class Trim:
    """The part of a video that is kept, in seconds from its beginning; None is open."""

    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a video: what is read, and where it goes in the result."""

    number: int
    #: The frames that show from `start` on and before `end`, in ticks of the target; None is open.
    start: int
    end: int | None
    #: How many the packets announce.
    frames: int
    #: When the segment begins in the result, in ticks of the result.
    offset: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentPlan:
    """All that the frames of a result depend on, except what is done to their pixels."""

    segments: tuple[Segment, ...]
    encoder: EncoderLine
    #: Width and height of the result, and how wide a pixel is, divided by its height.
    size: tuple[int, int]
    sar: Fraction
    #: Frames a second as encoders are told.
    rate: Fraction
    #: How the result says that its samples are to be understood.
    colour: ColourTags
    clock: Clock
    #: Whether only a part is kept, and where it ends, in seconds of the target's own clock; None is open.
    is_trimmed: bool
    end_s: Fraction | None

    @property
    def frames(self) -> int:
        """How many frames are read."""
        return sum(segment.frames for segment in self.segments)

    def warm_start(self, segment: Segment, frames: int) -> int:
        """Where to begin reading, in ticks, for so many frames before a segment's own, if there are.

        What is read of them is for those who follow faces; a writer takes the frames from `segment.start` on.
        """
        place = int(np.searchsorted(self.clock.times, segment.start)) - frames
        return int(self.clock.times[max(0, place)])

    def describe(self) -> Mapping[str, object]:
        """What two plans differ in if the frames of their results may; of types that JSON has."""
        clock = self.clock
        exact = (
            self.sar,
            self.rate,
            clock.source_time_base,
            clock.time_base,
            clock.origin_s,
            clock.fps,
            clock.last_ticks,
        )
        return {
            "revision": _REVISION,
            "segments": [[each.start, each.end, each.frames, each.offset] for each in self.segments],
            "encoder": asdict(self.encoder),
            "size": self.size,
            "colour": asdict(self.colour),
            "times": [str(value) for value in exact],
            "ffmpeg": [av.__version__, *(str(version) for version in sorted(av.library_versions.items()))],
        }


def plan_id(*parts: Mapping[str, object]) -> str:
    """Name a plan by all that its results depend on: 64 hexadecimal digits.

    Args:
        parts: what `SegmentPlan.describe` says, and the same of the files, the faces, the models and the
            options; anything that JSON takes.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def plan_segments(
    video: VideoFile,
    encoder: EncoderLine,
    *,
    fps: Fraction | None = None,
    trim: Trim | None = None,
    segment_s: float = SEGMENT_S,
) -> SegmentPlan:
    """Cut a video into segments of about `segment_s` seconds, at key frames where there are any.

    Args:
        video: the target.
        encoder: what the result is encoded with.
        fps: a steady number of frames a second for the result; None keeps the time of each frame.
        trim: the part to keep.
        segment_s: how long a segment should be; none is shorter than 0.8 times that unless the video is.

    Raises:
        InvalidTrim: nothing lies within `trim`.
    """
    first, end = _kept(video, trim or Trim())
    times = video.scan.between(first, end)
    if not len(times):
        raise InvalidTrim
    over = int(video.scan.times[-1]) + video.last_ticks
    is_cut = first > int(video.scan.times[0])
    clock = Clock(
        source_time_base=video.time_base,
        time_base=video.time_base if fps is None else 1 / fps,
        origin_s=(first if is_cut else video.zero) * video.time_base,
        fps=fps,
        times=times,
        last_ticks=(over if end is None else min(end, over)) - int(times[-1]),
        is_timed=video.scan.is_timed,
    )
    starts = [int(times[0])]
    if video.scan.is_timed:  # else no part can be told from another
        starts += cuts(times, video.scan.keys, segment_s / float(video.time_base))
    bounds = list(zip(starts, [*starts[1:], end], strict=True))
    return SegmentPlan(
        segments=tuple(
            Segment(
                number=number,
                start=start,
                end=stop,
                frames=len(video.scan.between(start, stop)),
                offset=clock.shown_at(start).start,
            )
            for number, (start, stop) in enumerate(bounds)
        ),
        encoder=encoder,
        size=video.size,
        sar=video.sar,
        rate=fps or min(max(video.rate, _RATES[0]), _RATES[1]),
        colour=video.result_colour,
        clock=clock,
        is_trimmed=is_cut,
        end_s=None if end is None else end * video.time_base,
    )


def cuts(times: Ticks, keys: Ticks, length: float) -> list[int]:
    """Where to begin a new segment: at the key frame nearest to `length` ticks after the last cut.

    It has to lie between 0.8 and 1.4 times that; where none does, at the first frame after `length`. What is
    left at the end is no shorter than 0.8 times `length`.
    """
    found: list[int] = []
    last, final = int(times[0]), int(times[-1]) - _LEAST * length
    keys = np.intersect1d(keys, times)
    while True:
        earliest, latest = np.searchsorted(keys, (last + _LEAST * length, last + _MOST * length))
        near = keys[earliest:latest]
        if len(near):
            last = int(near[np.argmin(np.abs(near - (last + length)))])
        else:
            place = int(np.searchsorted(times, last + length))
            if place == len(times):
                return found
            last = int(times[place])
        if last > final:
            return found
        found.append(last)


def _kept(video: VideoFile, trim: Trim) -> tuple[int, int | None]:
    """The first frame to keep, which is the one that shows at `start_s`, and where to stop; in ticks."""
    times = video.scan.times
    first, end = int(times[0]), None
    if trim.start_s is not None:
        at = video.zero + trim.start_s / float(video.time_base)
        first = int(times[max(0, int(np.searchsorted(times, at, side="right")) - 1)])
        if at > times[-1] + video.last_ticks:
            raise InvalidTrim
    if trim.end_s is not None:
        end = video.zero + round(trim.end_s / float(video.time_base))
    return first, end
