"""The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12), looked at before FFmpeg makes its index of them.

A few bytes can say that a track has a thousand million samples: FFmpeg makes an index of as many entries, and
takes gigabytes and minutes for it, before anybody can tell it to stop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from pipeline.errors import MediaTooLarge, UnsupportedMedia

_HOLDING: Final = frozenset(
    b"moov trak mdia minf stbl edts dinf udta mvex moof traf tref wave gmhd sinf schi ipro ilst".split()
)
"""Boxes that hold nothing but boxes, as FFmpeg looks into them."""
_PERHAPS: Final = (b"free", b"hoov")
"""Where programs have hidden an index that they did not want; FFmpeg takes it for one all the same."""
_BEGINS_INDEX: Final = (b"mvhd", b"cmov")
_COUNTS: Final = {b"stsz": 8, b"stz2": 8, b"trun": 4}
"""Boxes that say how many samples there are, and where in their bodies, behind version and flags."""
_NOT_SOUND: Final = {b"vide", b"subp", b"clcp"}
_MOST_BOXES: Final = 1_000_000
_DEEPEST: Final = 12
"""FFmpeg looks no deeper than ten boxes."""
_SAMPLES_A_FRAME: Final = 4
_LEAST_SAMPLES: Final = 1_000_000
"""An index of so many takes 24 MB, whatever the limit is."""
_MOST_SOUND: Final = 1 << 33
"""Of sound that is not packed FFmpeg's index has one entry for 1024 samples: at most eight million."""


@dataclass
class _Track:
    """What the boxes of one track say."""

    samples: int = 0
    handlers: set[bytes] = field(default_factory=set)
    #: Whether every sample lasts one tick, as those of sound do that is not packed.
    lasts_a_tick: list[bool] = field(default_factory=list)

    @property
    def is_unpacked_sound(self) -> bool:
        return b"soun" in self.handlers and not self.handlers & _NOT_SOUND and self.lasts_a_tick == [True]


def check_index(path: Path, max_frames: int) -> None:
    """Refuse a file whose tracks say that they have far more samples than so many frames of video come with.

    Raises:
        MediaTooLarge: there are more, or more than a million boxes.
        UnsupportedMedia: the boxes are packed, as some were before 2005.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        most = max(_LEAST_SAMPLES, _SAMPLES_A_FRAME * max_frames)
        samples, track, number = 0, _Track(), 0
        for number, (kind, body, end) in enumerate(boxes(file, 0, size)):
            if kind in (b"trak", b"moof"):
                samples, track = samples + _counted(track), _Track()
            elif kind == b"cmov":
                raise UnsupportedMedia("The video's index is packed in a way this service does not read.")
            _look(file, kind, body, end, track)
            if samples > most or number > _MOST_BOXES:
                break
        if samples + _counted(track) > most or number > _MOST_BOXES:
            raise MediaTooLarge("The video says that it has more frames than are accepted.")


def _counted(track: _Track) -> int:
    if track.is_unpacked_sound and track.samples <= _MOST_SOUND:
        return 0
    return track.samples


def _look(file: BinaryIO, kind: bytes, body: int, end: int, track: _Track) -> None:
    if kind in _COUNTS:
        track.samples += _number(file, body + _COUNTS[kind], end)
    elif kind == b"hdlr":
        file.seek(body + 8)
        track.handlers.add(file.read(4))
    elif kind == b"stts":
        track.lasts_a_tick.append(_number(file, body + 4, end) == 1 and _number(file, body + 12, end) == 1)


def _number(file: BinaryIO, at: int, end: int) -> int:
    if at + 4 > end:
        return 0
    file.seek(at)
    return int.from_bytes(file.read(4), "big")


def boxes(file: BinaryIO, start: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of the body of each box, and of all that it holds."""
    at = start
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1:  # the size follows, as eight bytes
            size, body = int.from_bytes(head[8:], "big"), at + 16
        stop = min(end, at + size) if size else end
        if stop < body:
            return
        yield kind, body, stop
        holds = kind in _HOLDING or (kind in _PERHAPS and _kind_at(file, body) in _BEGINS_INDEX)
        if holds and depth < _DEEPEST:
            yield from boxes(file, body, stop, depth + 1)
        at = stop


def _kind_at(file: BinaryIO, at: int) -> bytes:
    file.seek(at + 4)
    return file.read(4)
