"""The second look: at one suspected face alone, upright, in the middle.

The detector suspects faces in gravel and on engines, and the landmark model may agree. The other detection
model, which learned from other pictures, has to see the face as well.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.align import Matrix, invert, transform, warp_crop
from pipeline.face import Array, Bgr
from pipeline.faces.blazeface import BlazeFace
from pipeline.faces.detect import DetectedBox, overlaps
from pipeline.faces.landmarks import Roi, bounding_box, five_points, roi_of_detection, roi_of_points

STRETCH: Final = 4.0  # the crop's side over the face's
# The score that confirms a face, by the crop's side. At 192 a face is 48 px wide: there an engine scores at
# most 0.34 and a stain 0.47, but blurred true faces score little too. At 160 they score more, and so do the
# engine (0.57) and the stain (0.71). Of 733 faces in crowds that the landmark model confirms, a score of 0.5
# in the larger crop let 524 pass, or 0.7 in the smaller one as well 582. A head on a coin scores 0.58 at 192.
_SCORES: Final = {160: 0.75, 192: 0.55}
_FIRST: Final = 160
_IOU: Final = 0.4
# Eyes, nose and mouth as the model sees them lie within 7 % of the face's size of the landmarks if these
# fit, and beyond 9 % if they do not, as on a face that hangs upside down.
_DISTANCE: Final = 0.1
# What lies elsewhere in the crop is another face.
_SAME_IOU: Final = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class CloserLook:
    """What the model saw in one upright crop."""

    #: The crop's side in pixels.
    side: int
    #: (2, 3), takes pixels of the picture to the crop.
    matrix: Matrix
    #: (n, 17) float32 rows as `BlazeFace.look` gives them, in pixels of the crop.
    found: Array

    def confirms(self, points: Array) -> bool:
        """Whether a face was seen that fits (478, 3) landmarks in pixels of the picture."""
        expected = transform(self.matrix, points[:, :2])
        iou, _ = overlaps(bounding_box(expected), self.found)
        left_eye, right_eye, nose, *mouth = five_points(expected)
        features = np.array([left_eye, right_eye, nose, np.mean(mouth, axis=0)])
        offsets = np.linalg.norm(self.found[:, 4:12].reshape(-1, 4, 2) - features, axis=2).mean(axis=1)
        fits = offsets < _DISTANCE * self.side / STRETCH
        return bool((fits & (iou > _IOU) & (self.found[:, 16] > _SCORES[self.side])).any())

    def in_the_middle(self) -> DetectedBox | None:
        """The face in the crop's middle as the model sees it, in pixels of the picture; None if it does not.

        The box is that of the upright face, around its middle in the picture.
        """
        near, far = self.side / 2 * (1 - 1 / STRETCH), self.side / 2 * (1 + 1 / STRETCH)
        iou, _ = overlaps(np.array([near, near, far, far]), self.found)
        rows = self.found[iou > _SAME_IOU]
        if not len(rows):
            return None
        best = rows[rows[:, 16].argmax()]
        to_picture = invert(self.matrix)
        middle = transform(to_picture, (best[None, :2] + best[None, 2:4]) / 2)[0]
        half = (best[2:4] - best[:2]) / 2 * np.hypot(to_picture[0, 0], to_picture[1, 0])
        return DetectedBox(
            bbox=np.concatenate([middle - half, middle + half]).astype(np.float32),
            points=transform(to_picture, best[4:16].reshape(6, 2)),
            score=float(best[16]),
        )


class CloserLooks:
    """The looks of one model, `full_range`, that sees faces of 40 and 48 px in a crop."""

    def __init__(self, model: BlazeFace) -> None:
        self._model = model

    def at_detection(self, picture: Bgr, detection: DetectedBox) -> CloserLook:
        """Look at what was detected in a BGR uint8 (h, w, 3) picture."""
        return self._look(picture, roi_of_detection(detection, STRETCH), _FIRST)

    def confirm(self, picture: Bgr, points: Array) -> bool:
        """Whether a face is seen that (478, 3) landmarks, in pixels of the picture, fit."""
        roi = roi_of_points(points, STRETCH)
        return any(self._look(picture, roi, side).confirms(points) for side in sorted(_SCORES, reverse=True))

    def _look(self, picture: Bgr, roi: Roi, side: int) -> CloserLook:
        matrix = roi.to_crop(side)
        crop = warp_crop(picture, matrix, side, border=cv2.BORDER_CONSTANT)
        return CloserLook(side=side, matrix=matrix, found=self._model.look(crop))
