"""Between a picture's levels, L*a*b*, and light as it adds up."""

import cv2
import numpy as np

from pipeline.face import Array

_DARK = 0.0031308  # light up to which sRGB is a straight line (IEC 61966-2-1)


def to_lab(bgr: Array) -> Array:
    """(h, w, 3) BGR float32 0..255 to L*a*b*."""
    share = np.clip(bgr, 0, 255)
    share /= 255
    return np.asarray(cv2.cvtColor(share, cv2.COLOR_BGR2LAB), np.float32)


def to_bgr(lab: Array) -> Array:
    """L*a*b* to (h, w, 3) BGR float32 0..255."""
    inside = lab.copy()
    np.clip(lab[..., 0], 0, 100, out=inside[..., 0])  # OpenCV turns a negative L into bright garbage
    share = np.asarray(cv2.cvtColor(inside, cv2.COLOR_LAB2BGR), np.float32)
    np.clip(share, 0, 1, out=share)
    share *= 255
    return share


def to_light(bgr: Array) -> Array:
    """Levels 0..255 of any shape to light 0..1 (IEC 61966-2-1)."""
    value = np.asarray(bgr, np.float32) / 255
    curved = cv2.pow((value + np.float32(0.055)) / np.float32(1.055), 2.4).reshape(value.shape)
    return np.asarray(np.where(value <= 12.92 * _DARK, value / np.float32(12.92), curved), np.float32)


def from_light(light: Array) -> Array:
    """Light, clipped to 0..1, to float32 levels 0..255 (IEC 61966-2-1)."""
    some = np.clip(np.asarray(light, np.float32), 0, 1)
    curved = np.float32(1.055) * cv2.pow(some, 1 / 2.4).reshape(some.shape) - np.float32(0.055)
    return np.asarray(255 * np.where(some <= _DARK, np.float32(12.92) * some, curved), np.float32)
