"""Animated GIF, which has 256 colours a frame and a transparency of all or nothing."""

import io
import struct
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.face import Bgr
from pipeline.media.packets import gif_xmp
from pipeline.media.pictures.containers import gif_palette_bytes
from pipeline.media.pictures.decode import Picture

# Where a frame has more colours than a palette, this many and its share of the pixels go to the rarer
# ones, spread by error diffusion; the common ones stay exact. On a portrait of 512 pixels as GIF with a
# swapped face, 4 % of the pixels beside the face change and all of them by 0.1 levels on average, against
# 22 % and 0.4 with one palette for all; blurred as the eye does, the face is off by 0.7 levels either way.
# Without diffusion it is 1.8, and shows bands. Refining the palette by k-means gains nothing for its time.
_SHARED_COLOURS: Final = 32
_PALETTE: Final = 256
_OPAQUE: Final = 128
_DISPOSE_TO_CLEAR, _DISPOSE_NOT = 2, 1

_Colours = NDArray[np.uint32]
_Mask = NDArray[np.bool_]


_CLEAR: Final = 1 << 24
"""What stands for a transparent pixel among colours, which are 0xRRGGBB."""


class GifWriter:
    """Packs an animation; a frame of up to 256 colours is exact, and only what changes is stored.

    It looks one frame ahead: what becomes transparent has to be cleared after the frame before. See
    `pipeline.media.animations.write.Packer`.
    """

    patch = None

    def __init__(self, delays_cs: Iterable[int], *, plays: int, xmp: bytes | None) -> None:
        """Begin an animation.

        Args:
            delays_cs: how long each frame shows, in hundredths of a second, at most 65535.
            plays: how often all of it is shown; 0 is for ever.
            xmp: the provenance mark, or None.
        """
        self._delays_cs = iter(delays_cs)
        self._extensions = _loops(plays) + (b"" if xmp is None else gif_xmp(xmp))
        self._waiting: _Colours | None = None
        # What a viewer has on its screen before the frame that waits, and what was meant to be there.
        self._shown: _Colours | None = None
        self._before: _Colours | None = None

    def add(self, frame: Picture) -> bytes:
        """Pack the frame before this one; half-transparent pixels become one or the other."""
        following = _colours(frame)
        if self._waiting is None:
            height, width = following.shape
            packed = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + self._extensions
        else:
            packed = self._pack(self._waiting, following)
        self._waiting = following
        return packed

    def finish(self) -> bytes:
        """Pack the last frame and the end."""
        if self._waiting is None:
            raise ValueError("an animation has frames")
        return self._pack(self._waiting, None) + b";"

    def _pack(self, frame: _Colours, following: _Colours | None) -> bytes:
        first = self._shown is None
        shown = np.full_like(frame, _CLEAR) if self._shown is None else self._shown
        before = shown if self._before is None else self._before
        # A GIF can only be cleared as a whole, and only after a frame has been shown.
        clears = following is not None and bool(np.any((following == _CLEAR) & (frame != _CLEAR)))
        exact = len(np.unique(frame[frame != _CLEAR])) <= _PALETTE
        changed = (frame != _CLEAR) & (frame != (shown if exact else before))
        part = (slice(None), slice(None)) if clears or first else _bounds(changed)
        indices, palette, clear = _quantise(frame[part], changed[part])
        if clears:
            self._shown, self._before = np.full_like(frame, _CLEAR), None
        else:
            shown[part] = np.where(changed[part], palette[indices], shown[part])
            self._shown, self._before = shown, frame
        return _control(next(self._delays_cs), _DISPOSE_TO_CLEAR if clears else _DISPOSE_NOT, clear) + _image(
            indices, palette, left=part[1].start or 0, top=part[0].start or 0
        )


def _colours(picture: Picture) -> _Colours:
    wide = picture.bgr.astype(np.uint32)
    colours: _Colours = (wide[..., 2] << 16 | wide[..., 1] << 8 | wide[..., 0]).astype(np.uint32)
    if picture.alpha is not None:
        colours[picture.alpha < _OPAQUE] = _CLEAR
    return colours


def _bounds(changed: _Mask) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)  # a frame has to have a pixel, and this one may be transparent
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _quantise(frame: _Colours, changed: _Mask) -> tuple[NDArray[np.uint8], _Colours, int | None]:
    """Index each pixel into a palette of colours; the third value is the index of what is left as it is."""
    palette = np.unique(frame[changed])
    if len(palette) >= _PALETTE and np.all(frame != _CLEAR):
        whole = np.unique(frame)
        if len(whole) <= _PALETTE:  # there is no room for a transparent colour, and no need of one
            return np.searchsorted(whole, frame).astype(np.uint8), whole, None
    if len(palette) < _PALETTE:
        indices = np.searchsorted(palette, np.where(changed, frame, 0)).clip(0, _PALETTE - 1)
    else:
        indices, palette = _diffuse(frame, _PALETTE - 1)
    clear = len(palette)
    return np.where(changed, indices, clear).astype(np.uint8), np.append(palette, np.uint32(_CLEAR)), clear


def _diffuse(frame: _Colours, room: int) -> tuple[NDArray[np.uint8], _Colours]:
    opaque = frame != _CLEAR
    colours, inverse, counts = np.unique(
        np.where(opaque, frame, frame[opaque][0]), return_inverse=True, return_counts=True
    )
    common = np.argsort(-counts, kind="stable")
    rare_share = counts[common[room - _SHARED_COLOURS :]].sum() / frame.size
    shared = max(_SHARED_COLOURS, int(room * rare_share))
    kept = common[: room - shared]
    place = np.full(len(colours), -1)
    place[kept] = np.arange(len(kept))
    indices = place[inverse.reshape(frame.shape)]
    rare = indices < 0
    learnt = _rgb_image(colours[inverse.reshape(frame.shape)[rare]][None]).quantize(shared)
    table = np.array(learnt.getpalette(), np.uint32).reshape(-1, 3)[:shared]
    palette = np.concatenate((colours[kept], table[:, 0] << 16 | table[:, 1] << 8 | table[:, 2]))
    by_palette = Image.new("P", (1, 1))
    by_palette.putpalette(_rgb(np.resize(palette, _PALETTE)).tobytes())
    spread = _rgb_image(np.where(opaque, frame, palette[0])).quantize(
        palette=by_palette, dither=Image.Dither.FLOYDSTEINBERG
    )
    return np.where(rare, np.asarray(spread) % len(palette), indices).astype(np.uint8), palette


def _rgb(colours: _Colours) -> Bgr:
    return np.stack((colours >> 16 & 255, colours >> 8 & 255, colours & 255), axis=-1).astype(np.uint8)


def _rgb_image(colours: _Colours) -> Image.Image:
    return Image.fromarray(_rgb(colours))


def _control(delay_cs: int, disposal: int, clear: int | None) -> bytes:
    flags = disposal << 2 | (clear is not None)
    return struct.pack("<4BHBB", 0x21, 0xF9, 4, flags, min(delay_cs, 65_535), clear or 0, 0)


def _image(indices: NDArray[np.uint8], palette: _Colours, *, left: int, top: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(indices).save(buffer, "GIF", optimize=False, interlace=0)
    packed = buffer.getvalue()
    at = 13 + gif_palette_bytes(packed, 10)
    bits = max(1, (len(palette) - 1).bit_length())
    table = _rgb(palette).tobytes().ljust(3 << bits, b"\0")
    height, width = indices.shape
    return (
        struct.pack("<c4HB", b",", left, top, width, height, 0x80 | bits - 1) + table + packed[at + 10 : -1]
    )


def _loops(plays: int) -> bytes:
    """Say how often to repeat what was shown once, 0 for ever; without this it shows once."""
    if plays == 1:
        return b""
    repeats = min(plays - 1, 65_535) if plays else 0
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repeats) + b"\0"
