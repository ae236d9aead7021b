"""What is known of how a person looks, and learned while they are followed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Bgr, Face
from pipeline.faces.detect import overlaps
from pipeline.tracks.frame import FrameView, Region, region_around

_SHARP: Final = 0.6
"""Share of a person's best sharpness below which a face is too blurred to tell anything."""
_FADING: Final = 0.99
"""The best sharpness is forgotten at this pace, as light and distance change."""
_WEIGHT: Final = 0.1
"""Of a new embedding in the running mean."""
_PX: Final = 64
_ALONE: Final = 0.05
"""Share of the boxes' union below which two faces are apart."""


class Sighting:
    """A face in a frame, and what can be told of it, which is computed when it is first asked for."""

    def __init__(self, engine: AnyEngine, face: Face, frame: FrameView) -> None:
        """Take a face of `frame`, of which enough lies within it; see `is_within`."""
        #: In pixels of the frame.
        self.face = face
        self._engine = engine
        self._frame = frame

    @cached_property
    def region(self) -> Region:
        """The part of the frame that shows the face."""
        region = region_around(self._frame, self.face.bbox)
        if region is None:
            raise ValueError("too little of the face lies within the frame")
        return region

    @cached_property
    def embedding(self) -> Array | None:
        """(n,) float32 identity embedding; None where the engine has no identity model."""
        return self._engine.embed(self.region.picture, self.region.inside(self.face))

    @cached_property
    def sharpness(self) -> float:
        """How much detail the face shows at a fixed size; to be compared between faces of one person."""
        return sharpness(self.region.picture, self.region.inside(self.face).bbox)

    @property
    def side_px(self) -> float:
        """The shorter side of its box."""
        return min(self.face.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """Somebody who is known.

    Attributes:
        embedding: (n,) float32 identity embedding; None where there is no identity model.
        side_px: shorter side of the faces that it was made of.
        sharpness: the best of them.
    """

    embedding: Array | None
    side_px: float
    sharpness: float


class Identity:
    """How a followed person looks: the mean of what was seen of them clearly, and what was seen last."""

    def __init__(self, person: Person | None = None) -> None:
        self.mean = person.embedding if person else None
        self.last = self.mean
        self.side_px = person.side_px if person else 0.0
        #: How many embeddings went into it since it is followed.
        self.count = 0
        self._sharpest = person.sharpness if person else 0.0

    @property
    def person(self) -> Person:
        """Who this is, for others to recognise."""
        return Person(embedding=self.mean, side_px=self.side_px, sharpness=self._sharpest)

    def is_sharp(self, sharpness: float) -> bool:
        """Whether a face is sharp enough to tell anything."""
        return sharpness >= _SHARP * self._sharpest

    def distance(self, engine: AnyEngine, embedding: Array | None) -> float:
        """Distance of the mean to an embedding; NaN where one is unknown."""
        return _distance(engine, self.mean, embedding)

    def nearest(self, engine: AnyEngine, embedding: Array | None) -> float:
        """The less of the distances of the mean and of what was seen last; NaN where unknown.

        Who turns away no longer looks like their mean, but like a moment ago.
        """
        distances = (self.distance(engine, embedding), _distance(engine, self.last, embedding))
        return float(np.fmin(*distances))

    def learn(self, engine: AnyEngine, sighting: Sighting) -> None:
        """Take in a face that is clear and alone; one that is no longer alike counts as seen last only."""
        embedding, sharpness = sighting.embedding, sighting.sharpness
        if embedding is None:
            return
        was_blurred = _SHARP * sharpness > self._sharpest
        self._sharpest = max(self._sharpest * _FADING, sharpness)
        self.last = embedding
        self.count += 1
        if self.mean is None or (was_blurred and self.count > 1):
            self.mean = embedding
            self.side_px = sighting.side_px
        elif self.distance(engine, embedding) <= engine.identity_scale.accept:
            self.mean = np.asarray((1 - _WEIGHT) * self.mean + _WEIGHT * embedding, np.float32)
            self.side_px = max(self.side_px, sighting.side_px)

    def join(self, other: "Identity") -> None:
        """Be one with another, each counting as often as it was seen."""
        count = self.count + other.count
        if self.mean is not None and other.mean is not None and count:
            self.mean = np.asarray((self.count * self.mean + other.count * other.mean) / count, np.float32)
        self.count, self.side_px = count, max(self.side_px, other.side_px)
        self._sharpest = max(self._sharpest, other._sharpest)  # noqa: SLF001 -- another of its kind


def shared(one: Face, other: Face) -> float:
    """Which share of the union of their boxes two faces of a frame have in common."""
    return float(overlaps(one.bbox, other.bbox[None])[0][0])


def is_alone(sighting: Sighting, sightings: Iterable[Sighting]) -> bool:
    """Whether none of the other `sightings` may be mistaken for this one, or covers it."""
    boxes = np.array([other.face.bbox for other in sightings if other is not sighting]).reshape(-1, 4)
    return bool((overlaps(sighting.face.bbox, boxes)[0] < _ALONE).all())


def sharpness(picture: Bgr, bbox: Array) -> float:
    """How much detail a (4,) box of a BGR uint8 picture shows: the variance of its Laplacian at 64 pixels."""
    height, width = picture.shape[:2]
    x0, y0 = np.clip(bbox[:2], 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(bbox[2:], (x0 + 1, y0 + 1), (width, height)).astype(int)
    small = cv2.resize(picture[y0:y1, x0:x1], (_PX, _PX), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())


def _distance(engine: AnyEngine, one: Array | None, other: Array | None) -> float:
    if one is None or other is None or one.shape != other.shape:
        return float("nan")
    return engine.distance(one, other)
