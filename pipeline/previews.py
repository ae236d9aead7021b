"""Small square pictures of faces, for people to point at."""

from typing import Final

import cv2
import numpy as np

from pipeline.align import warp_crop
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
    scale = _SIDE / (_STRETCH * max(face.size))
    middle = (_SIDE - 1) / 2
    x, y = face.center
    matrix = np.array([[scale, 0, middle - scale * x], [0, scale, middle - scale * y]])
    return warp_crop(picture, matrix, _SIDE, border=cv2.BORDER_CONSTANT)
