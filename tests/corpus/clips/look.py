"""What a result shows, told by a plain decoder."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.face import Bgr
from tests.support.clips.frames import is_upright, number_of

_LEAST = (96, 64)
"""Smaller frames have no room for their number."""
_NEAR = 60
"""How far the colour of a swapped face may be from its source's, after two encoders."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a result shows.

    Attributes:
        size: width and height of all of its frames; None where they differ.
        frames: how many.
        seconds: from the first frame to the end of the last.
        starts: when the first frame shows, in seconds.
        numbers: what each frame says that it is; empty where frames are too small for that.
        upright: how many of the frames are.
        swapped: in how many of the frames the middle has the source's colour.
        rising: whether each frame shows later than the one before.
        sound_seconds: how long each stream of sound is heard.
    """

    size: tuple[int, int] | None
    frames: int
    seconds: float
    starts: float
    numbers: tuple[int, ...]
    upright: int
    swapped: int
    rising: bool
    sound_seconds: tuple[float, ...]


def look(path: Path, source_bgr: tuple[int, int, int]) -> Seen:
    """Decode a result whole."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        times, sizes, numbers, upright, swapped = [], set(), [], 0, 0
        for at, frame in _frames(file, stream):
            times.append(at)
            height, width = frame.shape[:2]
            sizes.add((width, height))
            middle = frame[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1].mean(
                axis=(0, 1)
            )
            swapped += bool(np.abs(middle - source_bgr).max() <= _NEAR)
            if width >= _LEAST[0] and height >= _LEAST[1]:
                numbers.append(number_of(frame))
                upright += is_upright(frame)
        lasts = _lasts(stream, times)
        heard = tuple(_heard(path, number) for number in range(len(file.streams.audio)))
    return Seen(
        size=sizes.pop() if len(sizes) == 1 else None,
        frames=len(times),
        seconds=times[-1] - times[0] + lasts if times else 0.0,
        starts=times[0] if times else 0.0,
        numbers=tuple(numbers),
        upright=upright,
        swapped=swapped,
        rising=bool(np.all(np.diff(times) > 0)),
        sound_seconds=heard,
    )


def _lasts(stream: VideoStream, times: list[float]) -> float:
    """How long the last frame shows: as MP4 says, else as FFmpeg guesses the rate."""
    if stream.duration is not None and stream.time_base and times:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - times[-1]
    return float(1 / (stream.guessed_rate or stream.average_rate or 25))


def _frames(file: InputContainer, stream: VideoStream) -> Iterator[tuple[float, Bgr]]:
    for frame in file.decode(stream):
        bgr = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        yield float((frame.pts or 0) * (stream.time_base or 1)), bgr


def _heard(path: Path, number: int) -> float:
    with av.open(str(path)) as file:
        heard = 0.0
        for packet in file.demux(audio=number):
            with suppress(av.FFmpegError):  # what was garbled in the clip is garbled in the result
                heard += sum(frame.samples / frame.sample_rate for frame in packet.decode())
        return heard
