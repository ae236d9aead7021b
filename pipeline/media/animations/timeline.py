"""The outside of an animation: its canvas, how long each frame shows, and how often it plays.

Read from the headers of all frames before any of them is decoded; a file that is cut short is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import MediaCorrupt
from pipeline.face import Notice
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
