"""How a clip of a test is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from av.stream import Disposition

from pipeline.face import Bgr
from tests.support.clips.frames import HEIGHT, WIDTH, picture

NO_DISPOSITION = Disposition(0)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sine that lasts as long as the video."""

    codec: str = "aac"
    hertz: int = 440
    rate: int = 48000
    language: str | None = None
    disposition: Disposition = NO_DISPOSITION


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a clip is made; times are in ticks of `time_base`."""

    extension: str = "mp4"
    count: int = 45
    size: tuple[int, int] = (WIDTH, HEIGHT)
    codec: str = "libx264"
    options: Mapping[str, str] = field(default_factory=dict)
    pix_fmt: str = "yuv420p"
    rate: Fraction = Fraction(30)
    time_base: Fraction | None = None
    #: When each frame shows; a steady rate if not given.
    times: Sequence[int] | None = None
    sounds: Sequence[Sound] = (Sound(),)
    #: codec and (start, end, text) in milliseconds
    subtitles: tuple[str, Sequence[tuple[int, int, str]]] | None = None
    chapters: Sequence[tuple[int, int, str]] = ()
    #: Written as display matrix: degrees counter-clockwise, mirrored, flipped.
    turn: tuple[int, bool, bool] | None = None
    #: matrix, range, primaries, transfer by the numbers of ITU-T H.273, range 1 limited and 2 full
    colour: tuple[int, int, int, int] | None = None
    sar: Fraction | None = None
    muxer: Mapping[str, str] = field(default_factory=dict)
    interlaced: bool = False
    draw: Callable[[int, int, int], Bgr] = picture
