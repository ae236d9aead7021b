"""A decoded frame that stays as it was stored, and the parts of it that are looked at or changed."""

from dataclasses import dataclass
from typing import Final

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from pipeline.align import average_down
from pipeline.face import Bgr
from pipeline.media.video.colour import ColourTags

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last two beyond the box; all even, since chroma is of half the size."""

_EXACT: Final = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without the latter two FFmpeg's fast way makes a picture darker by two levels each time."""
_BY_AREA: Final = Interpolation.AREA
_FOOTROOM: Final = 16
_LUMA_STEPS: Final = 219
"""Of limited range: black, and how far white is from there (ITU-R BT.709, 4.6)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class YuvFrame:
    """A frame, upright, of 8 bits, with chroma of half its width and height."""

    #: yuv420p, whose memory is this frame's alone.
    image: av.VideoFrame
    #: When it shows, in ticks of the stream's time base.
    time: int
    #: How its samples are to be understood.
    colour: ColourTags
    #: Whether the decoder had to make up a part of it.
    is_garbled: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, both even."""
        return self.image.width, self.image.height

    @property
    def planes(self) -> tuple[Bgr, Bgr, Bgr]:
        """Luma (h, w) and both chroma (h / 2, w / 2) as uint8; views to read from and to write into."""
        return planes_of(self.image)


def planes_of(image: av.VideoFrame) -> tuple[Bgr, Bgr, Bgr]:
    """The planes of a yuv420p image as uint8; views."""
    luma, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in image.planes
    )
    return luma, blue, red


class FrameEditor:
    """Reads parts of frames as BGR and writes them back; for one thread at a time."""

    def __init__(self) -> None:
        self._to_bgr = VideoReformatter()
        self._to_yuv = VideoReformatter()
        self._to_see = VideoReformatter()

    def read(self, frame: YuvFrame, box: Box | None = None) -> Bgr:
        """Make BGR uint8 (h, w, 3) of a part of a frame, of all of it if none is named; the caller's own.

        Raises:
            ValueError: the box has odd or no edges, or leaves the frame.
        """
        width, height = frame.size
        part = _cut(frame, box or (0, 0, width, height))
        # The same values as those of bgr24, in half the time.
        planar = self._to_bgr.reformat(part, format="gbrp", interpolation=_EXACT, threads=1)
        green, blue, red = planes_of(planar)
        return np.asarray(cv2.merge((blue, green, red)), np.uint8)

    def look(self, frame: YuvFrame, box: Box, size: tuple[int, int] | None = None) -> Bgr:
        """Make BGR uint8 of a part of a frame, of `size` (width, height) if given: to see, not to change.

        That takes a tenth of what `read` takes. Chroma is not smoothed, and all may be darker by two levels.
        Raises as `read`.
        """
        width, height = size or (box[2] - box[0], box[3] - box[1])
        is_whole = box == (0, 0, *frame.size)
        if is_whole:
            _tag(frame.image, frame)
        image = frame.image if is_whole else _cut(frame, box)
        return _array(
            self._to_see.reformat(image, width, height, format="bgr24", interpolation=_BY_AREA, threads=1)
        )

    def write(self, frame: YuvFrame, box: Box, before: Bgr, after: Bgr) -> bool:
        """Change what lies in a box as `after` differs from `before`, which `read` gave; tells if it does.

        Every sample keeps its own value and gains what changed, so that nothing is lost by the way to BGR and
        back: a pixel that is the same in both stays as it was stored, and chroma where all of its four do.
        """
        blue, green, red = np.moveaxis(before ^ after, 2, 0)
        changed = (blue | green | red) != 0  # a tenth of the time that `any` along three channels takes
        inner = _bounds(changed)
        if inner is None:
            return False
        left, top, right, bottom = inner
        changed = changed[top:bottom, left:right]
        parts = [self._yuv(bgr[top:bottom, left:right], frame) for bgr in (before, after)]
        pairs = changed[0::2] | changed[1::2]
        masks = (changed, *[pairs[:, 0::2] | pairs[:, 1::2]] * 2)
        x0, y0 = box[0] + left, box[1] + top
        old, new = (planes_of(part) for part in parts)
        for plane, was, becomes, mask, scale in zip(frame.planes, old, new, masks, (1, 2, 2), strict=True):
            height, width = mask.shape
            target = plane[y0 // scale :, x0 // scale :][:height, :width]
            moved = target.astype(np.int16) + becomes - was
            np.copyto(target, np.clip(moved, 0, 255).astype(np.uint8), where=mask)
        return True

    def _yuv(self, bgr: Bgr, frame: YuvFrame) -> av.VideoFrame:
        return self._to_yuv.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24"),
            format="yuv420p",
            interpolation=_EXACT,
            dst_colorspace=frame.colour.matrix,
            dst_color_range=frame.colour.range,
            threads=1,
        )


def grey(frame: YuvFrame, size: tuple[int, int]) -> Bgr:
    """How bright a frame is, 0..255: uint8 of `size` (width, height), averaged."""
    luma = average_down(frame.planes[0], size)[0]
    if frame.colour.range == ColorRange.JPEG:
        return luma
    levels = (np.arange(256) - _FOOTROOM) * (255 / _LUMA_STEPS)
    return np.asarray(np.clip(levels.round(), 0, 255).astype(np.uint8)[luma])


def _cut(frame: YuvFrame, box: Box) -> av.VideoFrame:
    """A copy of a part of a frame; raises ValueError."""
    (x0, y0, x1, y1), (width, height) = box, frame.size
    if any(edge & 1 for edge in box) or not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(f"{box} is no box of even edges within {width} x {height} pixels")
    part = av.VideoFrame(x1 - x0, y1 - y0, "yuv420p")
    for whole, cut, scale in zip(frame.planes, planes_of(part), (1, 2, 2), strict=True):
        cut[...] = whole[y0 // scale : y1 // scale, x0 // scale : x1 // scale]
    _tag(part, frame)
    return part


def _tag(image: av.VideoFrame, frame: YuvFrame) -> None:
    image.colorspace, image.color_range = frame.colour.matrix, frame.colour.range


def _bounds(mask: Bgr) -> Box | None:
    """The smallest box of even edges that holds all that is set; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return (
        int(columns[0]) & ~1,
        int(rows[0]) & ~1,
        (int(columns[-1]) + 2) & ~1,
        (int(rows[-1]) + 2) & ~1,
    )


def _array(image: av.VideoFrame) -> Bgr:
    plane = image.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return np.ascontiguousarray(rows[:, : 3 * image.width]).reshape(image.height, image.width, 3)
