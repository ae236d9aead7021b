"""Landmarks neither tremble on a still face nor lag behind a moving one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from pipeline.engines.mesh.engine import MeshEngine
from pipeline.face import Array, Bgr
from pipeline.steps import at_once
from pipeline.tracks.frame import PictureView
from pipeline.tracks.tracker import Tracker
from tests.support.faces import astronaut

FRAMES = 30
POINTS = 468


def filmed(offset: float, seed: int) -> Bgr:
    """The portrait moved to the right by `offset` pixels, as a camera sees it and a codec keeps it."""
    matrix = np.array([[1.2, 0, 80 + offset], [0, 1.2, 0]])
    moved = cv2.warpAffine(
        astronaut(), matrix, (640, 480), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noisy = moved + np.random.default_rng(seed).normal(0, 2, moved.shape)
    packed = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, 92))[1]
    shown = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert shown is not None
    return np.asarray(shown, np.uint8)


def landmarks_in_place(mesh: MeshEngine, offsets: list[float]) -> Array:
    """(frames, 468, 2) landmarks less the movement."""
    tracker: Tracker[PictureView] = Tracker(mesh)
    frames = [
        it for seed, x in enumerate(offsets) for it in at_once(tracker.feed(PictureView(filmed(x, seed))))
    ]
    frames += tracker.finish()
    assert all(list(frame.faces) == [0] for frame in frames)
    points = [frame.faces[0].landmarks for frame in frames]
    assert all(it is not None for it in points)
    moved = np.column_stack([offsets, np.zeros(len(offsets))])[:, None]
    return np.asarray(np.array(points)[:, :POINTS, :2] - moved, np.float32)


def test_a_still_face_does_not_tremble(mesh: MeshEngine) -> None:
    points = landmarks_in_place(mesh, [0.0] * FRAMES)
    assert points.std(axis=0).mean() <= 0.2
    assert np.abs(off(points)).max() <= 0.3


def off(points: Array) -> Array:
    """(frames, 2) how far the whole face is from where it is on the average."""
    return np.asarray((points - points.mean(axis=0)).mean(axis=1), np.float32)


@pytest.mark.parametrize(
    "move", [lambda i: 3 * i - 40, lambda i: 60 * np.sin(i / 7)], ids=["steadily", "to and fro"]
)
def test_landmarks_are_where_a_moving_face_is(mesh: MeshEngine, move: Callable[[int], float]) -> None:
    points = landmarks_in_place(mesh, [float(move(i)) for i in range(FRAMES)])
    assert np.abs(off(points)).max() <= 0.3


def test_landmarks_do_not_lag_behind_a_face_that_moves_a_sixth_of_its_size_a_frame(mesh: MeshEngine) -> None:
    offsets = [float(80 * np.sin(i / 4)) for i in range(FRAMES)]
    beside = off(landmarks_in_place(mesh, offsets))[1:, 0]
    assert abs((beside * np.sign(np.diff(offsets))).mean()) <= 0.1
    assert np.abs(beside).max() <= 0.4
