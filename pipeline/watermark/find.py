"""Looking for a watermark in pictures, and telling one from what the network sees where there is none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.face import Array, Bgr
from pipeline.watermark.ids import agreeing, to_id
from pipeline.watermark.network import Decoder, shrunk

SURE: Final = 4.0
"""From here on a reading counts as a watermark although nobody says which. Without one none of 180
portraits reaches it (the highest has 2.1), and 4 of 94 drawings do (`tests.quality.watermark`)."""
ALIKE: Final = 27
"""... and so does one that has so many of the 32 bits that the marks name; 1 of 18,000 has by chance."""
_BLUR_PX: Final = 2.5
"""Sigma, of 320 x 180."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a decoder makes of a picture, be there a watermark in it or not."""

    mark_id: str
    #: How much clearer its bits are than those of the same picture blurred, see `confidence_of`.
    confidence: float
    #: In how many bits it agrees with the id that was expected; None where none was.
    agrees: int | None = None

    @property
    def matches(self) -> bool:
        """Whether it is the id that was expected."""
        return self.agrees is not None and self.agrees >= ALIKE

    @property
    def is_there(self) -> bool:
        """Whether there is a watermark."""
        return self.matches or self.confidence >= SURE


def confidence_of(logits: Array, blurred: Array) -> float:
    """How sure it is that bits were hidden, given what a decoder says of a picture and of it blurred.

    What it says alone is no measure: it is as sure of the bits that it sees in large letters on flat ground,
    where nobody hid any. But those outlast a blur, and what was hidden is too fine for that. This is by how
    much they lose, in the median of 32.
    """
    return round(float(np.median(np.sign(logits) * (logits - blurred))), 2)


def read_best(decoder: Decoder, pictures: Iterable[Bgr], *, expected: str | None) -> Reading | None:
    """What the surest of some pictures says, BGR uint8 (h, w, 3) each; None of no picture.

    Where an id is `expected` it is the one that agrees with it best.
    """
    readings = []
    for picture in pictures:
        small = shrunk(picture)
        logits = decoder.read(small)
        blurred = np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR_PX), np.uint8)
        mark_id = to_id(logits)
        readings.append(
            Reading(
                mark_id=mark_id,
                confidence=confidence_of(logits, decoder.read(blurred)),
                agrees=None if expected is None else agreeing(mark_id, expected),
            )
        )
    return max(readings, key=lambda each: (each.agrees or 0, each.confidence), default=None)
