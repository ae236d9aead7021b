"""Looking for a watermark in pictures, and telling one from what the network sees where there is none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.face import Bgr
from pipeline.watermark.ids import agreeing, to_id
from pipeline.watermark.network import Decoder

SURE: Final = 4.5
"""From here on a reading counts as a watermark although nobody says which; see `tests.quality.watermark`."""
ALIKE: Final = 27
"""... and so does one that has so many of the 32 bits that the marks name; 1 of 18,000 has by chance."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a decoder makes of a picture, be there a watermark in it or not."""

    mark_id: str
    #: How far from undecided half of its 32 outputs are at least.
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


def read_best(decoder: Decoder, pictures: Iterable[Bgr], *, expected: str | None) -> Reading | None:
    """What the surest of some pictures says, BGR uint8 (h, w, 3) each; None of no picture.

    Where an id is `expected` it is the one that agrees with it best.
    """
    readings = []
    for picture in pictures:
        logits = decoder.read(picture)
        mark_id = to_id(logits)
        readings.append(
            Reading(
                mark_id=mark_id,
                confidence=round(float(np.median(np.abs(logits))), 2),
                agrees=None if expected is None else agreeing(mark_id, expected),
            )
        )
    return max(readings, key=lambda each: (each.agrees or 0, each.confidence), default=None)
