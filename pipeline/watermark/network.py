"""RivaGAN, which hides 32 bits in a picture of 320 x 180 and finds them again, in plain ONNX Runtime.

Zhang et al., "Robust Invisible Video Watermarking with Attention", arXiv 1909.01285; weights: the package
invisible-watermark 0.2.0 (MIT). They are public, so that anybody can write such a mark or take it out.
"""

from typing import Final

import cv2
import numpy as np

from models.session import Session, Tensor
from pipeline.face import Array, Bgr

WIDTH: Final = 320
HEIGHT: Final = 180
"""The size that prototypes were measured at; the network takes any."""
BITS: Final = 32
_HALF: Final = np.float32(127.5)


def shrunk(bgr: Bgr) -> Bgr:
    """A BGR uint8 (h, w, 3) picture as the network is shown it: (180, 320, 3), squeezed or stretched."""
    is_large = bgr.shape[1] >= WIDTH and bgr.shape[0] >= HEIGHT
    how = cv2.INTER_AREA if is_large else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(bgr, (WIDTH, HEIGHT), interpolation=how), np.uint8)


class Encoder:
    """Hides bits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def change(self, small: Bgr, bits: Array) -> Array:
        """How a picture of `shrunk` changes to carry 32 `bits`, 0 and 1: float32 (180, 320, 3), in levels."""
        frame = _as_input(small)
        marked = self._session.run({"frame": frame, "data": bits[None].astype(np.float32)})[0]
        change = (np.clip(marked, -1, 1) - frame)[0, :, 0] * _HALF
        return np.ascontiguousarray(change.transpose(1, 2, 0), np.float32)


class Decoder:
    """Finds bits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, small: Bgr) -> Array:
        """What a picture of `shrunk` says: 32 float32, above 0 for a 1, and the farther off the clearer."""
        return np.asarray(self._session.run({"frame": _as_input(small)})[0][0], np.float32)


def _as_input(small: Bgr) -> Tensor:
    planes = small.astype(np.float32).transpose(2, 0, 1)[None, :, None]
    return np.ascontiguousarray(planes / _HALF - 1)
