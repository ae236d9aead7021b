"""What covers a face, painted over it: sunglasses, masks, microphones, hands."""

from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.face import Bgr, Face
from pipeline.faces.landmarks import MESH_POINTS

# FaceMesh points around what a mask hides, from cheek to chin to cheek and over the nose.
MASK = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)
CHEEK = 50


def painted(picture: Bgr, outline: np.ndarray, colour: tuple[float, ...]) -> Bgr:
    """A soft-edged shape of one colour with some grain."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline.round().astype(np.int32)], 255)
    soft = cv2.GaussianBlur(mask, (0, 0), 1)[..., None] / 255
    grain = np.random.default_rng(3).normal(0, 4, picture.shape)
    return np.asarray((picture * (1 - soft) + (np.array(colour) + grain) * soft).clip(0, 255), np.uint8)


def ellipse(middle: np.ndarray, width: float, height: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 40)
    return np.stack([middle[0] + width * np.cos(angle), middle[1] + height * np.sin(angle)], axis=1)


def fingers(picture: Bgr, middle: np.ndarray, width: float, height: float, skin: np.ndarray) -> Bgr:
    covered = painted(picture, ellipse(middle, width, height), tuple(0.97 * skin))
    for row in (-0.5, 0, 0.5):
        left, right = (
            np.add(middle, (side * 0.8 * width, row * height)).round().astype(int) for side in (-1, 1)
        )
        cv2.line(covered, left.tolist(), right.tolist(), (0.75 * skin).tolist(), max(1, int(0.05 * height)))
    return covered


def covers(picture: Bgr, face: Face) -> Iterator[tuple[str, Bgr]]:
    """Each cover by its name, with the picture whose face it lies before."""
    assert face.landmarks is not None
    mesh, (left, right, _, *corners) = face.landmarks[:MESH_POINTS, :2], face.kps
    apart, mouth = float(np.linalg.norm(right - left)), np.mean(corners, axis=0)
    skin = picture[int(mesh[CHEEK][1]), int(mesh[CHEEK][0])].astype(float)
    for name, colour in (("black", (25, 22, 20)), ("brown", (30, 45, 70))):
        glasses = picture
        for eye in (left, right):
            glasses = painted(glasses, ellipse(eye, 0.38 * apart, 0.3 * apart), colour)
        yield f"{name} sunglasses", glasses
    mask = np.vstack([mesh[list(MASK)], mesh[[419, 197, 196]]])
    for name, colour in (("blue", (220, 190, 140)), ("white", (225, 225, 225)), ("black", (30, 28, 28))):
        yield f"{name} mask", painted(picture, mask, colour)
    for name, level in (("black", 25), ("grey", 120)):
        yield f"{name} microphone", painted(picture, ellipse(mouth, 0.5 * apart, 0.45 * apart), (level,) * 3)
    yield "hand over the mouth", fingers(picture, mouth, 0.9 * apart, 0.42 * apart, skin)
    yield "hand over an eye", fingers(picture, left, 0.5 * apart, 0.4 * apart, skin)
