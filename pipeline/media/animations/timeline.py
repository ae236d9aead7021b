"""The outside of an animation: its canvas, how long each frame shows, and how often it plays.

Read from the headers of all frames before any of them is decoded; a file that is cut short is refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import MediaCorrupt
from pipeline.face import Notice
from pipeline.media.pictures.containers import (
    GIF_CONTROL,
    KeptParts,
    gif_blocks_end,
    gif_palette_bytes,
)
from pipeline.media.pictures.metadata import orientation


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a file says of its animation."""

    #: (width, height) in pixels of the canvas that the decoder holds, before any turn.
    size: tuple[int, int]
    #: The file, less what the decoder does not need.
    data: bytes
    #: How long each frame shows, in milliseconds.
    durations_ms: tuple[float, ...]
    #: How often all of it is shown; 0 is for ever.
    plays: int
    #: Whether frames may be transparent.
    has_alpha: bool
    #: Whether every frame is stored without loss.
    lossless: bool = True
    #: How each frame is to be turned, 1..8, as EXIF counts.
    orientation: int = 1
    #: The ICC profile, empty if there is none.
    icc: bytes = b""
    #: What the sender should know of how the file is made.
    notices: tuple[Notice, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether there is more than one frame."""
        return len(self.durations_ms) > 1


_GIF_DISPOSAL, _GIF_STAYS = 0x1C, 0x04
_GIF_LOOPS = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")


def read_gif_timeline(data: bytes) -> Timeline:
    """Walk a GIF (89a) to its trailer; raises MediaCorrupt where an animation lacks it, or a frame."""
    at = 13 + gif_palette_bytes(data, 10)
    kept, durations_ms, tables = KeptParts(data, at), list[float](), list[tuple[int, int]]()
    common = 13, at
    controls, control = list[int](), list[int]()  # where the flags of all frames are in what is kept
    width, height = struct.unpack("<2H", data[6:10])
    plays, delay_ms, clear = 1, 0, 0
    while (kind := data[at : at + 1]) != b";":
        start = at
        if kind == b",":
            if start + 10 > len(data):
                raise MediaCorrupt
            left, top, frame_width, frame_height = struct.unpack("<4H", data[start + 1 : start + 9])
            reach = (max(width, left + frame_width), max(height, top + frame_height))
            if durations_ms and reach != (width, height):
                raise MediaCorrupt  # the first frame may widen the canvas, as decoders do; no later one
            width, height = reach
            own = start + 10, start + 10 + gif_palette_bytes(data, start + 9)
            at = gif_blocks_end(data, own[1] + 1)
            tables.append(own if own[0] < own[1] else common)
            durations_ms.append(delay_ms)
            controls += control
            delay_ms, control = 0, []
        elif kind == b"!":
            at = gif_blocks_end(data, start + 2)
            if data[start + 2 : start + 16] in _GIF_LOOPS and at == start + 19:
                repeats = int.from_bytes(data[start + 16 : start + 18], "little")
                plays = repeats + 1 if repeats else 0
            if data[start + 1] != GIF_CONTROL or at != start + 8:
                continue
            clear |= data[start + 3] & 1
            delay_ms = 10 * int.from_bytes(data[start + 4 : start + 6], "little")
            control = [kept.size + 3]
        elif kind == b"" and len(durations_ms) == 1:
            break  # many a still picture ends so
        else:
            raise MediaCorrupt
        kept.keep(start, at)
    if not durations_ms:
        raise MediaCorrupt
    return Timeline(
        size=(width, height),
        data=_staying(_readable_by_pillow(kept.joined(b";"), data, tables), controls),
        durations_ms=tuple(durations_ms),
        plays=plays,
        has_alpha=bool(clear),
    )


def _staying(gif: bytes, controls: list[int]) -> bytes:
    """Say of frames that leave it open, by their flags at `controls`, that they stay, as viewers take it.

    Pillow does with such a frame what was last said of one before.
    """
    said = bytearray(gif)
    for at in controls:
        if not said[at] & _GIF_DISPOSAL:
            said[at] |= _GIF_STAYS
    return bytes(said)


def _readable_by_pillow(gif: bytes, data: bytes, tables: list[tuple[int, int]]) -> bytes:
    """Tint the last grey of a first frame that is all grey by one level where colour follows.

    Pillow reads such a first frame without a palette, and what follows as grey of the wrong shades.
    """
    start, end = tables[0]
    if start == end or not _is_grey(data, start, end) or all(_is_grey(data, *table) for table in tables):
        return gif
    at = gif.index(data[start:end]) + end - start - 1
    return gif[:at] + bytes((gif[at] ^ 1,)) + gif[at + 1 :]


def _is_grey(data: bytes, start: int, end: int) -> bool:
    """Whether a colour table is that of a picture without colour."""
    return all(data[at] == (at - start) // 3 for at in range(start, end))


_ANIMATED, _CLEAR = 0x02, 0x10


def read_webp_timeline(data: bytes) -> Timeline | None:
    """Walk a WebP (RFC 9649); None where it is no animation, MediaCorrupt where it is cut short."""
    if data[12:16] != b"VP8X" or len(data) < 30 or not data[20] & _ANIMATED:  # noqa: PLR2004 -- VP8X's end
        return None
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    durations_ms, plays, lossless, about = list[float](), 0, True, dict[bytes, bytes]()
    for kind, body in riff_chunks(data, 12, int.from_bytes(data[4:8], "little") + 8):
        if kind == b"ANIM":
            plays = int.from_bytes(body[4:6], "little")
        elif kind == b"ANMF":
            durations_ms.append(int.from_bytes(body[12:15], "little"))
            parts = [part for part, _ in riff_chunks(body, 16, len(body))]
            lossless = lossless and b"VP8L" in parts
        elif kind in (b"EXIF", b"XMP ", b"ICCP"):
            about[kind] = body
    return Timeline(
        size=(width, height),
        data=data,
        durations_ms=tuple(durations_ms),
        plays=plays,
        has_alpha=bool(data[20] & _CLEAR),
        lossless=lossless,
        orientation=orientation(about.get(b"EXIF", b""), about.get(b"XMP ", b"")),
        icc=about.get(b"ICCP", b""),
    )


def riff_chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each RIFF chunk from `at` on; raises MediaCorrupt where one leaves `end`."""
    if end > len(data):
        raise MediaCorrupt
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise MediaCorrupt
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
