"""Animated GIF (89a): its timeline, and its frames composed as browsers do.

Pillow decodes each frame as a GIF of its own. What it makes of animations is not what they show: a frame that
does not say what becomes of it is treated as the one before, and what is cleared has a colour in some files.
"""

import io
import struct
from collections.abc import Iterator
from typing import Final

from PIL import GifImagePlugin, Image

from pipeline.errors import MediaCorrupt
from pipeline.media.animations.canvas import CLEARED, RESTORED, STAYS, Canvas, Cover, Placement
from pipeline.media.animations.timeline import Timeline
from pipeline.media.pictures.containers import (
    GIF_CONTROL,
    KeptParts,
    gif_blocks_end,
    gif_palette_bytes,
)

_LOOPS: Final = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")
_HEADER_BYTES: Final = 13
_IMAGE_BYTES: Final = 10
_CLEAR, _HAS_COLOURS, _INTERLACED = 0x01, 0x80, 0x40
_NO_CONTROL: Final = bytes((0x21, GIF_CONTROL, 4, 0, 0, 0, 0, 0))
_DISPOSALS: Final = (STAYS, STAYS, CLEARED)
"""By the numbers of GIF, 0..2; what is above was meant to be 3, which restores."""


def read_gif_timeline(data: bytes) -> Timeline:
    """Walk a GIF to its trailer; raises MediaCorrupt where an animation lacks it, or a frame."""
    at = _HEADER_BYTES + gif_palette_bytes(data, 10)
    kept, durations_ms = KeptParts(data, at), list[float]()
    size, cover = struct.unpack("<2H", data[6:10]), Cover((0, 0))
    plays, clear, control = 1, 0, _NO_CONTROL
    while (kind := data[at : at + 1]) != b";":
        start = at
        if kind == b",":
            placed = _placement(data, start, control)
            reach = max(size[0], placed.part[1].stop), max(size[1], placed.part[0].stop)
            if not durations_ms:
                size, cover = reach, Cover(reach)
            elif reach != size:
                raise MediaCorrupt  # the first frame may widen the canvas, as decoders do; no later one
            at = _image_end(data, start)
            cover.take(placed)
            durations_ms.append(10 * int.from_bytes(control[4:6], "little"))
            control = _NO_CONTROL
        elif kind == b"!":
            at = gif_blocks_end(data, start + 2)
            if data[start + 2 : start + 16] in _LOOPS and at == start + 19:
                repeats = int.from_bytes(data[start + 16 : start + 18], "little")
                plays = repeats + 1 if repeats else 0
            if data[start + 1] != GIF_CONTROL or at != start + 8:
                continue
            control = data[start:at]
            clear |= control[3] & _CLEAR
        elif kind == b"" and len(durations_ms) == 1:
            break  # many a still picture ends so
        else:
            raise MediaCorrupt
        kept.keep(start, at)
    if not durations_ms:
        raise MediaCorrupt
    return Timeline(
        size=size,
        data=kept.joined(b";"),
        durations_ms=tuple(durations_ms),
        plays=plays,
        has_alpha=bool(clear) or cover.has_gaps,
    )


def gif_images(timeline: Timeline) -> Iterator[Image.Image]:
    """Compose each frame of a GIF; an image holds until the next one is asked for.

    As in browsers the canvas begins transparent, and what is cleared is, whatever the background colour.

    Raises:
        MediaCorrupt: a frame is damaged.
    """
    canvas = Canvas(timeline.size, grey=False, has_alpha=timeline.has_alpha)
    return canvas.compose(_stills(timeline.data), GifImagePlugin.GifImageFile)


def _stills(data: bytes) -> Iterator[tuple[Placement, io.BytesIO]]:
    """Each frame as a still GIF, from the data of a timeline."""
    at = _HEADER_BYTES + gif_palette_bytes(data, 10)
    common, control = data[10:at], _NO_CONTROL
    while (kind := data[at : at + 1]) != b";":
        if kind == b"!":
            control, at = data[at : at + 8], at + 8
            continue
        placed, end = _placement(data, at, control), _image_end(data, at)
        yield placed, io.BytesIO(_still(data[at:end], common, control, placed.size))
        at, control = end, _NO_CONTROL


def _still(image: bytes, common: bytes, control: bytes, size: tuple[int, int]) -> bytes:
    """A GIF of one frame as large as that, with its own colours, if it has any, in place of common ones.

    Pillow takes the common ones for grey ones of its own. The disposal it would obey in a first frame too.
    """
    flags, sides = image[9], struct.pack("<2H", *size)
    pixels = _IMAGE_BYTES + gif_palette_bytes(image, 9)
    if flags & _HAS_COLOURS:
        common = bytes((flags & ~_INTERLACED, 0, 0)) + image[_IMAGE_BYTES:pixels]
    said = control[:3] + bytes((control[3] & _CLEAR,)) + control[4:]
    place = b"," + bytes(4) + sides + bytes((flags & _INTERLACED,))
    return b"".join((b"GIF89a", sides, common, said, place, memoryview(image)[pixels:], b";"))


def _placement(data: bytes, at: int, control: bytes) -> Placement:
    """Read the image descriptor at `at`, by the control that stands before it."""
    if at + _IMAGE_BYTES > len(data):
        raise MediaCorrupt
    left, top, width, height = struct.unpack("<4H", data[at + 1 : at + 9])
    disposal = control[3] >> 2 & 7
    return Placement(
        part=(slice(top, top + height), slice(left, left + width)),
        disposal=_DISPOSALS[disposal] if disposal < len(_DISPOSALS) else RESTORED,
        over=True,
    )


def _image_end(data: bytes, at: int) -> int:
    """Where the blocks of the image at `at` end, which come after its own colours."""
    return gif_blocks_end(data, at + _IMAGE_BYTES + gif_palette_bytes(data, at + 9) + 1)
