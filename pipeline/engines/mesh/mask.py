"""Where the drawn face replaces the target's: feathered border, things in front of a face, eyes and mouth."""

import cv2
import numpy as np

from pipeline.blend.masks import smoothstep, soft_around
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.covers import below_nose
from pipeline.engines.mesh.geometry import eye_openness, mouth_openness, ramp
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.regions import Regions, View
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT, LIPS_OUTER
from pipeline.face import Array


def face_mask(regions: Regions, before_source: Array) -> Array:
    """The feathered face, (h, w) float32 0..1, with a rim that spares what lies before the source's.

    Hair and background lie near the border; further in, what is not skin is brows, lashes and nostrils and
    belongs to the face. `before_source` is (h, w) float32 0..1.
    """
    features = cv2.GaussianBlur(regions.features, (0, 0), max(0.8, 0.015 * regions.face_px))
    reach = max(3, int(0.03 * regions.face_px) | 1)
    wider = cv2.dilate(before_source, np.ones((reach, reach), np.uint8))
    soft = np.asarray(cv2.GaussianBlur(wider, (0, 0), max(0.8, 0.02 * regions.face_px)), np.float32)
    before = (1 - features) * smoothstep((soft - 0.25) / 0.5)
    border = smoothstep((regions.inside - 0.02) / 0.10)
    mask = border * (1 - before * (1 - smoothstep((regions.inside - 0.05) / 0.08)))
    return np.asarray(mask, np.float32)


def up_to_jaw(mask: Array, view: View) -> Array:
    """The same, but below the nose up to the border: a beard ends there, or not at all."""
    low = below_nose(view, 0.05 * view.regions.face_px)
    jaw = smoothstep((view.regions.inside - 0.002) / 0.035)
    return np.asarray(np.maximum(mask, low * jaw), np.float32)


def mouth_kept(landmarks: Array, source: MeshSource, blend: BlendOptions) -> float:
    """How surely the target's own mouth stays, 0..1; seldom between, since half of either is a ghost of both.

    A closed mouth cannot be drawn from an open one, nor the reverse.
    """
    if blend.mouth_mask:
        return 1.0
    # Not all at once, or lips that move would flicker from frame to frame of a video.
    return ramp(_strain(mouth_openness(landmarks), source.mouth, 0.03), 0.62, 0.06)


def kept_mask(patch: Patch, landmarks: Array, source: MeshSource, mouth: float) -> Array:
    """Where the target's own mouth and eyes stay, (h, w) float32 0..1; `mouth` is what `mouth_kept` says.

    Both eyes go together.
    """
    eyes = max(
        ramp(_strain(ours, theirs, 0.04), 0.6, 0.2)
        for ours, theirs in zip(eye_openness(landmarks), source.eyes, strict=True)
    )
    kept = np.zeros(patch.shape, np.float32)
    # Lashes reach further beyond the eye than a mouth beyond its lips, where other people's creases begin.
    for amount, group, margin, feather in (
        (mouth, LIPS_OUTER, 0.0, 0.015),
        (eyes, EYE_RIGHT, 0.025, 0.03),
        (eyes, EYE_LEFT, 0.025, 0.03),
    ):
        if amount > 0:
            outline, solid = patch.own[list(group)], 1 + margin * patch.face_px
            kept = np.maximum(
                kept, amount * soft_around(outline, patch.shape, solid, max(2.5, feather * patch.face_px))
            )
    return kept


def _strain(one: float, other: float, face_filter: float) -> float:
    """How differently two openings stand, as the size of the logarithm of their ratio."""
    return abs(float(np.log((one + face_filter) / (other + face_filter))))
