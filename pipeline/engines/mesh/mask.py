"""Where the drawn face replaces the target's: feathered border, things in front of a face, eyes and mouth."""

import cv2
import numpy as np

from pipeline.blend.masks import smoothstep, soft_around
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.geometry import eye_openness, mouth_openness, ramp
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.regions import Regions
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT, LIPS_OUTER
from pipeline.face import Array


def face_mask(regions: Regions, target_skin: Array, source_skin: Array) -> Array:
    """The feathered face, (h, w) float32 0..1, with a rim that spares what is not skin on either face.

    Fringe, spectacles, hands and background lie near the border; further in, dark pixels are brows, lashes
    and nostrils and belong to the face. What stands before the target's face is covered or spared over a
    short way, since half of a spectacle frame looks worse than either.
    """
    features = cv2.GaussianBlur(regions.features, (0, 0), max(0.8, 0.015 * regions.face_px))
    reach = max(3, int(0.03 * regions.face_px) | 1)
    before_target = (1 - features) * _hidden(target_skin, 3, regions.face_px)
    before_source = (1 - features) * _hidden(source_skin, reach, regions.face_px)
    border = smoothstep((regions.inside - 0.02) / 0.10)
    covered = smoothstep((regions.inside - 0.05) / 0.05)
    mask = border + before_target * (covered - border)
    mask *= 1 - before_source * (1 - smoothstep((regions.inside - 0.05) / 0.08))
    return np.asarray(mask, np.float32)


def _hidden(skin: Array, reach_px: int, face_px: float) -> Array:
    """How surely something other than skin lies within reach, softened; (h, w) float32 0..1."""
    least = cv2.erode(skin, np.ones((reach_px, reach_px), np.uint8))
    soft = np.asarray(cv2.GaussianBlur(least, (0, 0), max(0.8, 0.02 * face_px)), np.float32)
    return 1 - smoothstep((soft - 0.25) / 0.5)


def kept_mask(patch: Patch, landmarks: Array, source: MeshSource, blend: BlendOptions) -> Array:
    """Where the target's own mouth and eyes stay, (h, w) float32 0..1.

    A closed mouth cannot be drawn from an open one, nor the reverse; both eyes go together.
    """
    target_mouth, target_eyes = mouth_openness(landmarks), eye_openness(landmarks)
    mouth = 1.0 if blend.mouth_mask else ramp(_strain(target_mouth, source.mouth, 0.03), 0.55, 0.2)
    eyes = max(
        ramp(_strain(ours, theirs, 0.04), 0.6, 0.2)
        for ours, theirs in zip(target_eyes, source.eyes, strict=True)
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
