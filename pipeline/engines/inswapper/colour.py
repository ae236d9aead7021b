"""What becomes of a swapped crop's colours: the target's tone, and none from beyond the frame's edge."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.align import Matrix, invert, transform
from pipeline.blend.masks import ellipse, fill_polygons, soft_within
from pipeline.face import Array, Bgr

_LEAST_GAIN: Final = 0.8  # of what the deviation of lightness is multiplied with
_MOST_GAIN: Final = 1.25  # of any channel
# Of the crop's side: where a face's skin lies in every template, clear of hair and background; and the
# whole face, beyond which the network gives the target's own background back.
_CENTER: Final = np.array([0.5, 0.56])
_SKIN_AXES: Final = np.array([0.24, 0.32])
_FACE_AXES: Final = np.array([0.46, 0.54])
_FACE_FEATHER: Final = 0.2
_ENOUGH: Final = 30  # pixels; statistics of fewer say nothing


def match_colour(swapped: Bgr, target: Bgr, shown: NDArray[np.bool_]) -> Bgr:
    """The swapped crop's face with mean and deviation of the target's skin, channel by channel in L*a*b*.

    What lies around the face stays as it is, and all does where the frame `shown` (s, s) hardly any skin.
    After Reinhard et al., "Color Transfer between Images" (2001). Both crops are BGR uint8 (s, s, 3).
    """
    size = swapped.shape[0]
    skin = (fill_polygons([ellipse(_CENTER * size, _SKIN_AXES * size)], (size, size)) > 0) & shown
    if np.count_nonzero(skin) < _ENOUGH:
        return swapped
    ours, theirs = _to_lab(swapped), _to_lab(target)
    our_mean, our_deviation = _statistics(ours, skin)
    their_mean, their_deviation = _statistics(theirs, skin)
    # In the dark nothing has much contrast, and in a grey picture nothing has any colour.
    least = min(_LEAST_GAIN, float(their_mean[0]) / max(float(our_mean[0]), 1.0))
    gain = np.clip(their_deviation / np.maximum(our_deviation, 1e-3), [least, 0, 0], _MOST_GAIN)
    outline = ellipse(_CENTER * size, _FACE_AXES * size)
    face = soft_within(outline, (size, size), _FACE_FEATHER * size)[..., None]
    matched = (ours + face * ((ours - our_mean) * gain + their_mean - ours)).astype(np.float32)
    np.clip(matched[..., 0], 0, 100, out=matched[..., 0])  # OpenCV turns a negative L into bright garbage
    bgr = cv2.cvtColor(matched, cv2.COLOR_LAB2BGR)
    return np.clip(np.rint(bgr * 255), 0, 255).astype(np.uint8)


def shown_by(shape: tuple[int, ...], matrix: Matrix, size: int) -> NDArray[np.bool_]:
    """Which pixels of a crop a frame of `shape` shows, (size, size); `matrix` takes the frame to the crop."""
    rows, columns = np.indices((size, size))
    at = transform(invert(matrix), np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64))
    shown = ((at >= 0) & (at <= (shape[1] - 1, shape[0] - 1))).all(axis=1)
    return np.asarray(shown.reshape(size, size), np.bool_)


def carry_outwards(crop: Bgr, shown: NDArray[np.bool_]) -> Bgr:
    """Give what the frame does not show the colour of the nearest pixel that it does.

    There the network was given black, and pasting mixes neighbours: at the frame's edge a dark line would
    come in.
    """
    if shown.all() or not shown.any():
        return crop
    _, nearest = cv2.distanceTransformWithLabels(
        1 - shown.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    of_label[nearest[shown]] = crop[shown]
    return np.asarray(np.where(shown[..., None], crop, of_label[nearest]), np.uint8)


def _to_lab(bgr: Bgr) -> Array:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def _statistics(lab: Array, skin: NDArray[np.bool_]) -> tuple[Array, Array]:
    mean, deviation = cv2.meanStdDev(lab, mask=skin.astype(np.uint8))
    return mean.ravel().astype(np.float32), deviation.ravel().astype(np.float32)
