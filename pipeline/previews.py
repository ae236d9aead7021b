"""Small square pictures of faces, for people to point at."""

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from pipeline.align import Matrix, transform, warp_crop
from pipeline.face import Bgr, Face
from pipeline.media.pictures.encode import encode

_SIDE: Final = 160  # pixels
_STRETCH: Final = 1.5  # of the face's longer side: hair and chin belong to what one recognises
_QUALITY: Final = 85


def preview(picture: Bgr, face: Face) -> bytes:
    """A JPEG of 160 x 160 pixels with the face in its middle, upright as in the picture.

    Args:
        picture: BGR uint8 (h, w, 3).
        face: a face of it; what its square shows beyond the picture's edge is black.
    """
    return to_jpeg(square(picture, face))


def to_jpeg(shown: Bgr) -> bytes:
    """A `square` as a file."""
    return encode(shown, None, to="jpeg", quality=_QUALITY, xmp=None).data


def square(picture: Bgr, face: Face) -> Bgr:
    """The pixels of `preview`, BGR uint8 (160, 160, 3)."""
    return warp_crop(picture, _to_square(face), _SIDE, border=cv2.BORDER_CONSTANT)


def in_square(face: Face) -> Face:
    """The same face in pixels of its `square`, without landmarks."""
    matrix = _to_square(face)
    bbox = transform(matrix, face.bbox.reshape(2, 2)).ravel()
    return replace(face, bbox=bbox, kps=transform(matrix, face.kps), landmarks=None)


def _to_square(face: Face) -> Matrix:
    scale = _SIDE / (_STRETCH * max(face.size))
    middle = (_SIDE - 1) / 2
    x, y = face.center
    return np.array([[scale, 0, middle - scale * x], [0, scale, middle - scale * y]])
