"""What a stream says of its colours, and HDR brought to what the pipeline and every player can show."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc, Interpolation, VideoReformatter

BT709: Final = 1
BT601: Final = 5
RGB: Final = 0
_UNSPECIFIED: Final = 2
"""Matrices by their numbers of ITU-T H.273, table 4."""

_BT2020: Final = 9
_READ: Final = (BT709, 4, BT601, 6, 7, _BT2020)
"""Those that FFmpeg converts by; it refuses others, such as YCgCo."""
_NEAREST: Final = {10: _BT2020}
"""What constant luminance is read by."""

_HDR_TRANSFERS: Final = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
_HD_LINES: Final = 720
_IDLE: Final = 4


@dataclass(frozen=True, kw_only=True)
class ColourTags:
    """How samples are to be understood, by the numbers of ITU-T H.273; range 1 is limited, 2 is full."""

    matrix: int = _UNSPECIFIED
    range: int = ColorRange.UNSPECIFIED
    primaries: int = ColorPrimaries.UNSPECIFIED
    transfer: int = ColorTrc.UNSPECIFIED

    @property
    def is_hdr(self) -> bool:
        """Whether it is PQ or HLG (ITU-R BT.2100)."""
        return self.transfer in _HDR_TRANSFERS

    @property
    def is_rgb(self) -> bool:
        """Whether it is no YUV."""
        return self.matrix == RGB

    def matrix_to_read_by(self, lines: int) -> int:
        """The matrix; where none is given that of HD from 720 lines on, else of SD, as players do.

        So it is where FFmpeg converts by none of that kind.
        """
        matrix = _NEAREST.get(self.matrix, self.matrix)
        if matrix not in _READ:
            return BT709 if lines >= _HD_LINES else BT601
        return matrix

    @property
    def is_refused(self) -> bool:
        """Whether FFmpeg would not convert by the matrix."""
        return self.matrix not in (*_READ, _UNSPECIFIED, RGB)


SDR: Final = ColourTags(
    matrix=BT709, range=ColorRange.MPEG, primaries=ColorPrimaries.BT709, transfer=ColorTrc.BT709
)
"""What HDR and RGB become."""


def tags_of(source: av.VideoFrame | VideoCodecContext) -> ColourTags:
    """Read the tags of a frame or a stream."""
    full = source.format is not None and source.format.name.startswith("yuvj")
    rgb = source.format is not None and (source.format.is_rgb or source.format.has_palette)
    return ColourTags(
        matrix=RGB if rgb else int(source.colorspace),
        range=ColorRange.JPEG if full else int(source.color_range),
        primaries=int(source.color_primaries),
        transfer=int(source.color_trc),
    )


def tag(target: av.VideoFrame | VideoCodecContext, tags: ColourTags) -> None:
    """Write tags onto a frame or an encoder."""
    target.colorspace = tags.matrix
    target.color_range = tags.range
    target.color_primaries = tags.primaries
    target.color_trc = tags.transfer


class ToneMapper:
    """Brings HDR frames to `SDR`; thread-safe, to be kept as long as the process lives.

    FFmpeg takes seconds to build its table for a size and kind of frame, and milliseconds to use it: tables
    are lent to one thread at a time and kept.
    """

    def __init__(self) -> None:
        self._idle: deque[tuple[object, VideoReformatter]] = deque(maxlen=_IDLE)
        self._lock = threading.Lock()

    def to_sdr(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Make a yuv420p frame of the same size and time from one of PQ or HLG."""
        with self._lent((frame.width, frame.height, frame.format.name, tags_of(frame))) as reformatter:
            return reformatter.reformat(
                frame,
                format="yuv420p",
                interpolation=Interpolation.BICUBIC,
                dst_colorspace=SDR.matrix,
                dst_color_range=SDR.range,
                dst_color_trc=SDR.transfer,
                dst_color_primaries=SDR.primaries,
                threads=1,
            )

    @contextmanager
    def _lent(self, key: object) -> Iterator[VideoReformatter]:
        with self._lock:
            found = next((entry for entry in self._idle if entry[0] == key), None)
            if found is not None:
                self._idle.remove(found)
        _, reformatter = found or (key, VideoReformatter())
        try:
            yield reformatter
        finally:
            with self._lock:
                self._idle.append((key, reformatter))
