"""What following faces needs of a frame: a small picture of all of it, and parts of it as they are."""

from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np

from pipeline.align import average_down
from pipeline.face import Array, Bgr, Face

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last two beyond the box; even, but where the frame ends at an odd one."""

_REACH: Final = 0.7
"""What is cut out around a face, in times its longer side: the landmark model sees 1.5 faces, turned."""
_LEAST_INSIDE: Final = 0.3
"""Share of a face's box from which on it can be told whether the face is there."""


class FrameView(Protocol):
    """An upright frame that is kept in whatever way its reader likes."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def grey(self, size: tuple[int, int]) -> Bgr:
        """How bright all of it is, 0..255: uint8 of `size` (width, height), averaged."""
        ...

    def region(self, box: Box) -> Bgr:
        """A part of it as BGR uint8 (h, w, 3); it is only read."""
        ...

    def reduced(self, box: Box, size: tuple[int, int]) -> Bgr:
        """A part of it as BGR uint8 of `size` (width, height), no larger than the part, averaged."""
        ...


class PictureView:
    """A frame that is one BGR uint8 (h, w, 3) array."""

    def __init__(self, picture: Bgr) -> None:
        self.picture = picture

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]

    def grey(self, size: tuple[int, int]) -> Bgr:
        """How bright it is, uint8 of `size` (width, height)."""
        small = cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)

    def region(self, box: Box) -> Bgr:
        """A part of it, a view."""
        x0, y0, x1, y1 = box
        return self.picture[y0:y1, x0:x1]

    def reduced(self, box: Box, size: tuple[int, int]) -> Bgr:
        """A part of it as BGR uint8 of `size` (width, height)."""
        part = self.region(box)
        if part.shape[1] > 2 * size[0]:
            return average_down(part, size)[0]
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """A part of a frame, BGR uint8 (h, w, 3), and where its first pixel lies in the frame: x, y."""

    picture: Bgr
    offset: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]

    def inside(self, face: Face) -> Face:
        """A face of the frame in pixels of the part."""
        return face.moved(-self.offset[0], -self.offset[1])

    def outside(self, face: Face) -> Face:
        """A face of the part in pixels of the frame."""
        return face.moved(*self.offset)


def shrunk(frame: FrameView, longest: float, box: Box | None = None) -> Bgr:
    """A part of a frame, all of it if none is named, as BGR uint8; no side is longer than `longest`."""
    x0, y0, x1, y1 = box = box or (0, 0, *frame.size)
    scale = min(1.0, longest / max(x1 - x0, y1 - y0))
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    return frame.region(box) if scale >= 1 else frame.reduced(box, size)


def region_around(frame: FrameView, bbox: Array, *, reach: float = _REACH) -> Region | None:
    """The part of a frame that `box_around` names."""
    box = box_around(frame, bbox, reach=reach)
    return None if box is None else Region(picture=frame.region(box), offset=box[:2])


def box_around(frame: FrameView, bbox: Array, *, reach: float) -> Box | None:
    """A part of a frame around a (4,) box, `reach` times its longer side to each side.

    None where too little of the box lies within the frame to see a face there.
    """
    if not is_within(frame, bbox):
        return None
    margin = reach * float((bbox[2:] - bbox[:2]).max())
    width, height = frame.size
    x0, y0 = (max(0, int(side - margin) & ~1) for side in bbox[:2].tolist())
    x1, y1 = (int(side + margin) + 2 & ~1 for side in bbox[2:].tolist())
    return x0, y0, min(x1, width), min(y1, height)


def is_within(frame: FrameView, bbox: Array) -> bool:
    """Whether enough of a (4,) box lies within a frame to see a face there."""
    return bool(np.isfinite(bbox).all()) and share_inside(bbox, frame.size) >= _LEAST_INSIDE


def share_inside(bbox: Array, size: tuple[int, int]) -> float:
    """Which share of a (4,) box lies within a frame of `size` (width, height)."""
    sides = bbox[2:] - bbox[:2]
    inside = np.minimum(bbox[2:], size) - np.maximum(bbox[:2], 0)
    if sides.min() <= 0 or inside.min() <= 0:
        return 0.0
    return float((inside / sides).prod())
