"""Animated WebP (RFC 9649): its timeline, and its frames, which libwebp composes."""

import io
from collections.abc import Iterator

from PIL import Image, WebPImagePlugin

from pipeline.media.animations.canvas import CLEARED, STAYS, Cover, Placement
from pipeline.media.animations.timeline import Timeline
from pipeline.media.pictures.containers import riff_chunks
from pipeline.media.pictures.decode import decoder_faults
from pipeline.media.pictures.metadata import orientation

_ANIMATED, _CLEAR = 0x02, 0x10
_DISPOSED, _REPLACES = 0x01, 0x02


def read_webp_timeline(data: bytes) -> Timeline | None:
    """Walk a WebP (RFC 9649); None where it is no animation, MediaCorrupt where it is cut short."""
    if data[12:16] != b"VP8X" or len(data) < 30 or not data[20] & _ANIMATED:  # noqa: PLR2004 -- VP8X's end
        return None
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    durations_ms, plays, lossless, about = list[float](), 0, True, dict[bytes, bytes]()
    cover = Cover((width, height))
    for kind, body in riff_chunks(data, 12, int.from_bytes(data[4:8], "little") + 8):
        if kind == b"ANIM":
            plays = int.from_bytes(body[4:6], "little")
        elif kind == b"ANMF":
            cover.take(_placement(body))
            durations_ms.append(int.from_bytes(body[12:15], "little"))
            parts = [part for part, _ in riff_chunks(body, 16, len(body))]
            lossless = lossless and b"VP8L" in parts
        elif kind in (b"EXIF", b"XMP ", b"ICCP"):
            about[kind] = body
    if cover.has_gaps:  # though no frame is transparent itself
        data = data[:20] + bytes((data[20] | _CLEAR,)) + data[21:]
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


def webp_images(timeline: Timeline) -> Iterator[Image.Image]:
    """Have libwebp compose each frame; an image holds until the next one is asked for.

    Raises:
        MediaCorrupt: a frame is damaged.
    """
    with decoder_faults():
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(timeline.data))
    for number in range(len(timeline.durations_ms)):
        with decoder_faults():
            image.seek(number)
            image.load()
        yield image


def _placement(frame: bytes) -> Placement:
    """Read what stands before the pixels in an ANMF."""
    left, top, width, height = (int.from_bytes(frame[at : at + 3], "little") for at in (0, 3, 6, 9))
    rows, columns = slice(2 * top, 2 * top + height + 1), slice(2 * left, 2 * left + width + 1)
    flags = frame[15]
    return Placement(
        part=(rows, columns), disposal=CLEARED if flags & _DISPOSED else STAYS, over=not flags & _REPLACES
    )
