"""Shapes in space: areas, openness, the pose of a head, and a target bent towards a source's geometry."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.face import Array


def ramp(value: float, start: float, width: float) -> float:
    """`smoothstep` of one number: 0 up to `start`, 1 from `start + width`."""
    part = min(max((value - start) / width, 0.0), 1.0)
    return part * part * (3 - 2 * part)


def signed_areas(points: Array, triangles: NDArray[np.intp]) -> Array:
    """Twice the area of each triangle in the picture plane, (n,); negative where it shows its back.

    `points` is (m, 2 or more); only x and y count. Units are the points' units squared.
    """
    corner, first, second = (points[triangles[:, i], :2] for i in range(3))
    one, other = first - corner, second - corner
    areas: Array = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return areas


def rescaled(points: Array, shape: tuple[int, ...], goal: tuple[int, ...]) -> Array:
    """Carry (..., 2) pixel coordinates from a picture of one shape to its resized copy."""
    scale = np.array([goal[1] / shape[1], goal[0] / shape[0]], np.float32)
    return ((points + 0.5) * scale - 0.5).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Similarity:
    """Rotation, one scale and a shift in space: `point @ rotation * scale + shift`."""

    rotation: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]

    @classmethod
    def fit(cls, source: Array, target: Array) -> Self:
        """Find the least-squares similarity that takes (n, 3) `source` to (n, 3) `target`.

        Umeyama 1991 in its closed form; never a reflection.
        """
        one, other = source.astype(np.float64), target.astype(np.float64)
        middle, goal = one.mean(axis=0), other.mean(axis=0)
        one, other = one - middle, other - goal
        left, strength, right = np.linalg.svd(one.T @ other)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
        rotation = (left * sign) @ right
        scale = float((strength * sign).sum() / max(float((one**2).sum()), 1e-12))
        return cls(rotation=rotation, scale=scale, shift=goal - middle @ rotation * scale)

    def apply(self, points: Array) -> Array:
        """Move (n, 3) points."""
        return (points @ self.rotation * self.scale + self.shift).astype(np.float32)

    def undo_rotation(self, points: Array) -> Array:
        """Turn (n, 3) points back, keeping their scale and their own origin."""
        return (points @ self.rotation.T).astype(np.float32)

    @property
    def yaw_pitch_deg(self) -> tuple[float, float]:
        """How far the head is turned sideways and up or down, in degrees; 0, 0 looks at the camera."""
        ahead = -self.rotation[2]  # where the mean face's "towards the camera" went
        yaw = np.degrees(np.arctan2(ahead[0], -ahead[2]))
        pitch = np.degrees(np.arctan2(ahead[1], np.hypot(ahead[0], ahead[2])))
        return float(yaw), float(pitch)


def eye_openness(points: Array) -> tuple[float, float]:
    """Height over width of the right and left eye (the person's): 0.3 when open, under 0.1 when shut."""
    return _ratio(points, (159, 145), (33, 133)), _ratio(points, (386, 374), (263, 362))


def mouth_openness(points: Array) -> float:
    """Height over width of the gap between the lips; 0 when shut."""
    return _ratio(points, (13, 14), (61, 291))


def _ratio(points: Array, height: tuple[int, int], width: tuple[int, int]) -> float:
    gaps = [float(np.linalg.norm(points[a, :2] - points[b, :2])) for a, b in (height, width)]
    return gaps[0] / max(gaps[1], 1e-6)


def bend(target: Array, source: Array, pose: NDArray[np.intp], weight: Array) -> Array:
    """Move the target's (468, 3) points towards the source's geometry in the target's pose.

    `source` is (468, 3) in any pose and scale, `pose` the points to align on, `weight` (468,) how far each
    may go, 0..1. No point goes further than 6 % of the face's height: landmarks of a turned face are
    guesses. Depth stays the target's.
    """
    aligned = Similarity.fit(source[pose], target[pose]).apply(source)
    step = (aligned - target)[:, :2]
    length = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-6)
    step *= np.minimum(1, 0.06 * float(np.ptp(target[:, 1])) / length)
    bent = target.copy()
    bent[:, :2] += weight[:, None] * step
    return bent
