"""Glasses, masks, microphones and hands before a face are noticed, and bare faces are left in peace."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.face import Bgr, Face
from pipeline.faces.covered import is_covered
from pipeline.faces.find import FaceFinder, embedded_face_finder
from pipeline.faces.landmarks import MESH_POINTS
from pipeline.faces.select import largest
from tests.quality.report import every_variant
from tests.support.faces import astronaut, hopper, made_up_face

# FaceMesh points around what a mask hides, from cheek to chin to cheek and over the nose.
MASK = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)
CHEEK = 50
PORTRAITS = {"collins": astronaut, "hopper": hopper}


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return embedded_face_finder()


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


def half(picture: Bgr) -> Bgr:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def lit(*colour: float) -> Callable[[Bgr], Bgr]:
    return lambda picture: np.asarray((picture * np.array(colour)).clip(0, 255), np.uint8)


CHANGES: dict[str, Callable[[Bgr], Bgr]] = {
    "as it is": lambda picture: picture,
    "half the size": half,
    "soft": lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.5), np.uint8),
    "dark": lit(0.35, 0.35, 0.35),
    "blue light": lit(1.15, 0.65, 0.55),
    "warm light": lit(0.55, 0.85, 1.1),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", PORTRAITS)
def test_what_covers_a_face_is_noticed(finder: FaceFinder, who: str, change: str) -> None:
    picture = PORTRAITS[who]()
    face = largest(finder.find(picture))
    scale = CHANGES[change](picture).shape[0] / picture.shape[0]
    seen = replace(face, bbox=face.bbox * scale, kps=face.kps * scale)
    assert not is_covered(CHANGES[change](picture), seen)
    for name, covered in covers(picture, face):
        assert is_covered(CHANGES[change](covered), seen), name


def test_covered_faces_are_found_and_noticed_where_they_are_found(finder: FaceFinder) -> None:
    picture = hopper()
    for name, covered in covers(picture, largest(finder.find(picture))):
        assert is_covered(covered, largest(finder.find(covered))), name


def test_bare_faces_are_left_in_peace_in_any_size_light_and_place(finder: FaceFinder) -> None:
    wrong, faces = [], 0
    for variant in every_variant()[::3]:  # people take turns, so both are among them
        picture = variant.make().picture
        found = finder.find(picture)
        faces += len(found)
        wrong += [f"{variant.kind} {variant.name}" for face in found if is_covered(picture, face)]
    assert faces > 60
    assert all(name.startswith("blurred") for name in wrong)  # where there is no mouth to be seen
    assert len(wrong) <= 2


def test_what_cannot_be_told_is_not_claimed() -> None:
    flat = np.full((200, 200, 3), (90, 120, 200), np.uint8)
    assert is_covered(flat, made_up_face(100, 100, 100))
    assert not is_covered(flat, made_up_face(100, 100, 30))  # too small
    assert not is_covered(flat, made_up_face(20, 100, 100))  # cut off
    aside = made_up_face(100, 100, 100)
    aside.kps[2] += (25, 0)
    assert not is_covered(flat, aside)
    point = made_up_face(100, 100, 100)
    point.kps[:] = 100
    assert not is_covered(flat, point)
    broken = made_up_face(100, 100, 100)
    broken.kps[:] = np.nan
    assert not is_covered(flat, broken)
