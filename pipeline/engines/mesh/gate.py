"""Is a source picture good enough? What is not ideal becomes a notice, what is hopeless an error."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.engines.mesh.geometry import Similarity
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.errors import NoFaceInSource
from pipeline.face import Array, Face, Notice

# Degrees, of which the landmarks tell about three quarters. From the first on the hidden side is a guess;
# beyond the second the nose stands before it, and is drawn twice.
_TURNED_DEG, _HOPELESS_DEG = 24.0, 45.0
# Pixels of the face's larger side: brows and lids are a pixel wide at the first, guesses at the second.
_SMALL_PX, _HOPELESS_PX = 80.0, 24.0
# Share of the mesh outside the picture.
_CUT_OFF, _HOPELESS_CUT_OFF = 0.05, 0.35
_SHUT_EYE = 0.13  # height over width
_COVERED = 0.25  # share of the face; bare ones in hard light and hair about them reach 0.07
_JUDGED_DEG = 20.0  # a nose seen from further aside may look like a frame


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What the landmarks alone say of a source face.

    Attributes:
        size_px: the larger side of the mesh.
        yaw_deg: how far the head is turned sideways, 0 to the camera.
        pitch_deg: how far it is turned up or down.
        cut_off: share of the mesh points outside the picture, 0..1.
    """

    size_px: float
    yaw_deg: float
    pitch_deg: float
    cut_off: float


def measure(landmarks: Array, shape: tuple[int, ...], topology: Topology) -> Quality:
    """Measure a face at (468+, 3) `landmarks` in a picture of `shape` (h, w, ...)."""
    points = landmarks[:POINTS]
    yaw, pitch = Similarity.fit(topology.mean[topology.pose], points[topology.pose]).yaw_pitch_deg
    outside = (points[:, :2] < 0).any(axis=1) | (points[:, 0] > shape[1] - 1) | (points[:, 1] > shape[0] - 1)
    return Quality(
        size_px=float(np.ptp(points[:, :2], axis=0).max()),
        yaw_deg=yaw,
        pitch_deg=pitch,
        cut_off=float(outside.mean()),
    )


def usable_landmarks(face: Face) -> Array:
    """The landmarks of a source face; raises NoFaceInSource where there are none to work with."""
    if face.landmarks is None or not np.isfinite(face.landmarks).all():
        raise NoFaceInSource(
            "The face in the source picture is not clear enough to be measured; send a sharp, frontal one."
        )
    return face.landmarks


def refuse_hopeless(quality: Quality) -> None:
    """Raise NoFaceInSource, saying what to change, for a face nothing good can be drawn from."""
    if quality.size_px < _HOPELESS_PX:
        raise NoFaceInSource(
            f"The face in the source picture is only {quality.size_px:.0f} pixels high; "
            "send a picture in which it is at least 100 pixels high."
        )
    if quality.cut_off > _HOPELESS_CUT_OFF:
        raise NoFaceInSource(
            "Much of the face in the source picture lies beyond the picture's edge; "
            "send one that shows it whole."
        )
    if max(abs(quality.yaw_deg), abs(quality.pitch_deg)) > _HOPELESS_DEG:
        raise NoFaceInSource(
            "The face in the source picture is turned so far away that half of it is hidden; "
            "send one that looks at the camera."
        )


def find_flaws(quality: Quality, source: MeshSource, *, covered: bool) -> Iterator[Notice]:
    """Yield a notice for each thing about a usable source that a better picture would mend.

    `covered` says that eyes or mouth seem to be hidden, see `pipeline.faces.covered`.
    """
    if max(abs(quality.yaw_deg), abs(quality.pitch_deg)) > _TURNED_DEG:
        yield Notice(
            code="source_profile",
            message="The source face is turned away, so its hidden side is guessed; "
            "a picture that looks at the camera gives a better likeness.",
        )
    if quality.size_px < _SMALL_PX:
        yield Notice(
            code="source_small",
            message=f"The source face is only {quality.size_px:.0f} pixels high, so the result is soft; "
            "a picture in which it is at least 200 pixels high gives a sharper one.",
        )
    if quality.cut_off > _CUT_OFF:
        yield Notice(
            code="source_cut_off",
            message="Part of the source face lies beyond the picture's edge and is guessed; "
            "a picture that shows it whole gives a better likeness.",
        )
    if max(source.eyes) < _SHUT_EYE:
        yield Notice(
            code="source_eyes_closed",
            message="The eyes of the source face are shut, so the target keeps its own where they are open; "
            "a picture with open eyes gives a better likeness.",
        )
    if covered or source.texture.covered > _COVERED:
        yield Notice(
            code="source_covered",
            message="Something covers part of the source face and is copied with it; "
            "a picture without mask, hand or hair in the face gives a better likeness.",
        )
    elif source.texture.spectacled and abs(quality.yaw_deg) < _JUDGED_DEG:
        yield Notice(
            code="source_covered",
            message="The source face wears spectacles, which are copied without their temples; "
            "a picture without them gives a better result.",
        )
