"""The crop of a face as a swap network takes it: one, or of a large face several that interleave."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.align import Matrix, warp_crop
from pipeline.engines.inswapper.network import SwapNetwork, Swapped
from pipeline.face import Array, Bgr


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceCrop:
    """A face cut out of a frame, aligned: BGR uint8 (k * s, k * s, 3) for a network of s pixels.

    `matrix` takes the frame to its pixels.
    """

    pixels: Bgr
    matrix: Matrix
    k: int

    @property
    def parts(self) -> list[Bgr]:
        """The k² crops, BGR uint8 (s, s, 3), of which each has every k-th pixel of every k-th row."""
        side, k = self.pixels.shape[0] // self.k, self.k
        apart = self.pixels.reshape(side, k, side, k, 3).transpose(1, 3, 0, 2, 4)
        return [np.ascontiguousarray(part) for part in apart.reshape(k * k, side, side, 3)]


def cut_out(frame: Bgr, matrix: Matrix, side: int, *, pixel_boost: int) -> FaceCrop:
    """Cut a face out of a BGR uint8 (h, w, 3) frame, for a network of `side` pixels.

    `matrix` takes the frame to a crop of that size. A face larger than that is cut in as many times the size
    as comes nearest to its own, up to `pixel_boost` pixels.
    """
    shown_px = side / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    k = int(np.clip(shown_px / side + 0.5, 1, max(1, pixel_boost // side)))
    larger = matrix * k
    larger[:, 2] += (k - 1) / 2  # pixel edges, not centres, are what scales
    # As the networks were trained: plain bilinear, black around the picture.
    pixels = warp_crop(frame, larger, k * side, border=cv2.BORDER_CONSTANT, antialias=False)
    return FaceCrop(pixels=pixels, matrix=larger, k=k)


def swap_crops(network: SwapNetwork, crops: Sequence[FaceCrop], latents: Sequence[Array]) -> list[Swapped]:
    """Put each latent (1, n) on its crop, all of whose parts go through the network; raises as that does."""
    parts = [(part, latent) for crop, latent in zip(crops, latents, strict=True) for part in crop.parts]
    swapped = iter(network.swap([part for part, _ in parts], [latent for _, latent in parts]))
    return [_joined([next(swapped) for _ in range(crop.k**2)], crop.k) for crop in crops]


def _joined(parts: Sequence[Swapped], k: int) -> Swapped:
    """What the network made of a crop, from what it made of each of its parts."""
    masks = [part.mask for part in parts if part.mask is not None]
    return Swapped(
        crop=_interleaved(np.stack([part.crop for part in parts]), k).astype(np.uint8, copy=False),
        mask=_interleaved(np.stack(masks)[..., None], k)[..., 0] if masks else None,
    )


def _interleaved(parts: Array | Bgr, k: int) -> Array:
    """The picture (k * s, k * s, c) whose parts (k², s, s, c) are; what `FaceCrop.parts` did, undone."""
    side, channels = parts.shape[1], parts.shape[3]
    together = parts.reshape(k, k, side, side, channels).transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(together.reshape(k * side, k * side, channels))
