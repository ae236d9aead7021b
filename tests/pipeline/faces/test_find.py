"""From a picture to its faces: how many, where, in which order."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.align import transform
from pipeline.face import Bgr, Face
from pipeline.faces.closer import CloserLooks
from pipeline.faces.detect import overlaps
from pipeline.faces.find import FaceFinder, embedded_face_finder, one_each
from pipeline.steps import Stepwise, at_once
from tests.support.calls import counted
from tests.support.faces import (
    ASTRONAUT_FACE,
    HOPPER_FACE,
    astronaut,
    close_up,
    hopper,
    made_up_face,
    portrait,
    scaled,
    turned,
)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return embedded_face_finder()


@pytest.mark.parametrize(("picture", "box"), [(astronaut(), ASTRONAUT_FACE), (hopper(), HOPPER_FACE)])
def test_a_portrait_has_one_face(finder: FaceFinder, picture: Bgr, box: tuple[int, int, int, int]) -> None:
    (face,) = finder.find(picture)
    assert face.bbox == pytest.approx(box, abs=10)
    assert face.score > 0.8
    assert face.presence > 0.999
    assert face.landmarks is not None
    assert face.landmarks.shape == (478, 3)
    assert {face.bbox.dtype, face.kps.dtype, face.landmarks.dtype} == {np.dtype(np.float32)}


def test_the_five_points_are_named_from_the_viewers_side(finder: FaceFinder) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = finder.find(hopper())[0].kps
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_many_faces_come_in_reading_order(finder: FaceFinder) -> None:
    head = portrait(80)
    height, width = head.shape[:2]
    faces = finder.find(np.tile(head, (3, 4, 1)))
    places = [(int(face.center[1] // height), int(face.center[0] // width)) for face in faces]
    assert places == [(row, column) for row in range(3) for column in range(4)]


def test_two_people_side_by_side_are_two_faces(finder: FaceFinder) -> None:
    together = np.hstack([astronaut(), hopper()[:512]])
    faces = finder.find(together)
    assert len(faces) == 2
    assert faces[0].bbox == pytest.approx(ASTRONAUT_FACE, abs=10)
    assert faces[1].bbox == pytest.approx(np.add(HOPPER_FACE, (512, 0, 512, 0)), abs=10)


def test_a_small_face_in_a_large_picture_is_found(finder: FaceFinder) -> None:
    canvas = np.full((1100, 1600, 3), 127, np.uint8)
    head = portrait(45)
    canvas[700 : 700 + head.shape[0], 900 : 900 + head.shape[1]] = head
    (face,) = finder.find(canvas)
    assert face.size[0] == pytest.approx(45, abs=6)


@pytest.mark.parametrize("share", [0.7, 0.9, 1.0, 1.1, 1.25, 1.4])
@pytest.mark.parametrize(("picture", "box"), [(astronaut(), ASTRONAUT_FACE), (hopper(), HOPPER_FACE)])
def test_a_face_that_fills_the_frame_is_found(
    finder: FaceFinder, picture: Bgr, box: tuple[int, int, int, int], share: float
) -> None:
    (whole,) = finder.find(picture)
    (face,) = finder.find(close_up(picture, box, share=share))
    eyes, expected = np.diff(face.kps[:2], axis=0), np.diff(whole.kps[:2], axis=0)
    assert eyes == pytest.approx(expected, abs=0.05 * whole.size[0])
    assert face.size[1] > 0.8 * whole.size[1]


@pytest.mark.parametrize("degrees", [-90, -60, -30, 30, 60, 90])
@pytest.mark.parametrize(
    ("picture", "center"), [(astronaut(), (225, 122)), (hopper(), (263, 232))], ids=["astronaut", "hopper"]
)
def test_a_face_turned_in_the_picture_is_found(
    finder: FaceFinder, picture: Bgr, center: tuple[int, int], degrees: int
) -> None:
    (upright,) = finder.find(picture)
    (face,) = finder.find(turned(picture, degrees, center))
    matrix = np.asarray(cv2.getRotationMatrix2D(center, degrees, 1), np.float64)
    expected = transform(matrix, upright.kps)
    assert np.abs(face.kps - expected).max() < 0.04 * upright.size[1]


@pytest.mark.parametrize("degrees", [-150, -135, 120, 135, 150, 180])
@pytest.mark.parametrize(
    ("picture", "center"), [(astronaut(), (225, 122)), (hopper(), (263, 232))], ids=["astronaut", "hopper"]
)
def test_a_face_that_hangs_upside_down_is_found_right_or_not_at_all(
    finder: FaceFinder, picture: Bgr, center: tuple[int, int], degrees: int
) -> None:
    """Landmarks fitted upright onto such a face look sure of themselves; a swap would be grotesque."""
    (upright,) = finder.find(picture)
    matrix = np.asarray(cv2.getRotationMatrix2D(center, degrees, 1), np.float64)
    expected = transform(matrix, upright.kps)
    for face in finder.find(turned(picture, degrees, center)):
        assert np.abs(face.kps - expected).max() < 0.1 * upright.size[1]


def _noise(sigma: float) -> Bgr:
    rng = np.random.default_rng(7)
    return np.clip(rng.normal(127, sigma, (512, 700, 3)), 0, 255).astype(np.uint8)


def _gradient() -> Bgr:
    ramp = np.linspace(0, 255, 700).astype(np.uint8)
    return np.repeat(np.tile(ramp, (512, 1))[..., None], 3, axis=2)


def _faceless_astronaut() -> Bgr:
    picture = astronaut()
    picture[40:200, 160:290] = picture[20, 20]
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((400, 600, 3), np.uint8), id="black"),
        pytest.param(np.full((1200, 1600, 3), 255, np.uint8), id="white"),
        pytest.param(_noise(20), id="faint noise"),
        pytest.param(_noise(90), id="strong noise"),
        pytest.param(_gradient(), id="gradient"),
        pytest.param(_faceless_astronaut(), id="a person whose face is covered"),
        pytest.param(astronaut()[260:], id="a person below the head"),
    ],
)
def test_where_there_is_no_face_none_is_found(finder: FaceFinder, picture: Bgr) -> None:
    assert finder.find(picture) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 3), (2, 400_000)])
def test_a_picture_of_any_shape_is_looked_at(finder: FaceFinder, shape: tuple[int, int]) -> None:
    assert finder.find(np.full((*shape, 3), 60, np.uint8)) == []


def test_a_face_in_a_picture_wider_than_a_warp_can_be_is_found(finder: FaceFinder) -> None:
    strip = np.full((240, 33_500, 3), 90, np.uint8)
    head = portrait(90)[:240]
    strip[: head.shape[0], 33_100 : 33_100 + head.shape[1]] = head
    (face,) = finder.find(strip)
    assert face.size[0] == pytest.approx(90, abs=10)


def test_the_same_picture_gives_the_same_faces(finder: FaceFinder) -> None:
    first, second = finder.find(hopper()), finder.find(hopper())
    assert [face.kps.tolist() for face in first] == [face.kps.tolist() for face in second]


@pytest.mark.parametrize("factor", [0.35, 0.7, 1.9, 3.1])
def test_the_box_follows_the_pictures_scale(finder: FaceFinder, factor: float) -> None:
    (face,) = finder.find(scaled(hopper(), factor))
    assert face.bbox / factor == pytest.approx(HOPPER_FACE, abs=10)


@pytest.mark.parametrize("size", [(6000, 4000), (9238, 6928)], ids=["24 MP", "64 MP"])
def test_small_faces_in_a_very_large_picture_are_found(finder: FaceFinder, size: tuple[int, int]) -> None:
    width, height = size
    canvas = np.full((height, width, 3), 127, np.uint8)
    head = portrait(48 if width < 9000 else 74)
    places = [(20, 30), (width // 2, height // 2 - 7), (width - 280, height - 300), (width // 3, 900)]
    for x, y in places:
        canvas[y : y + head.shape[0], x : x + head.shape[1]] = head
    assert len(finder.find(canvas)) == len(places)


@pytest.mark.parametrize("width", [24, 32, 44])
def test_a_crowd_of_blurred_faces_is_found(finder: FaceFinder, width: int) -> None:
    """The second look at 48 px refuses many of them: a face as blurred as this is seen when it is small."""
    head = cv2.GaussianBlur(portrait(width), (0, 0), 0.04 * width)
    crowd = np.tile(np.asarray(head, np.uint8), (6, 10, 1))
    assert len(finder.find(crowd)) >= 57


def test_no_step_looks_at_more_than_one_suspect(finder: FaceFinder) -> None:
    """A picture with thousands of faces must not keep the device from a sign of life."""
    work = Stepwise(finder.find_in_steps(np.tile(portrait(80), (3, 4, 1))))
    longest, done = 0, False
    while not done:
        with counted(CloserLooks.at_detection) as calls:
            done = work.step()
        longest = max(longest, calls.total())
    assert longest == 1
    assert len(work.result.faces) == 12
    assert work.result.left_out == 0


@pytest.mark.parametrize(("suspects", "faces", "left_out"), [(6, 6, 9), (1000, 5, 7)])
def test_of_too_many_faces_the_largest_count_and_the_others_are_told(
    finder: FaceFinder, monkeypatch: pytest.MonkeyPatch, suspects: int, faces: int, left_out: int
) -> None:
    """There are 15 suspects, of which 12 are faces."""
    monkeypatch.setattr("pipeline.faces.find._MOST_SUSPECTS", suspects)
    monkeypatch.setattr("pipeline.faces.find.MOST_FACES", faces)
    widths = [48, 80, 60, 110, 72, 40, 96, 54, 90, 66, 44, 104]
    canvas = np.full((660, 920, 3), 127, np.uint8)
    for place, width in enumerate(widths):
        head, (row, column) = portrait(width)[:210, :220], divmod(place, 4)
        canvas[row * 220 :, column * 230 :][: head.shape[0], : head.shape[1]] = head
    with counted(CloserLooks.at_detection) as calls:
        found = at_once(finder.find_in_steps(canvas))
    assert calls.total() == min(15, suspects)
    assert found.left_out == left_out
    left = sorted(widths)[-faces:]
    assert sorted(face.size[0] for face in found.faces) == pytest.approx(left, rel=0.15)


@given(
    st.lists(
        st.builds(
            made_up_face,
            x=st.floats(0, 60, width=32),
            y=st.floats(0, 60, width=32),
            size=st.floats(4, 50, width=32),
        ),
        max_size=12,
    )
)
def test_of_faces_that_share_much_the_first_is_kept_as_by_a_look_at_each_pair(faces: list[Face]) -> None:
    kept: list[Face] = []
    for face in faces:
        shares = [overlaps(face.bbox, other.bbox[None])[1][0] for other in kept]
        if all(share <= 0.5 for share in shares):
            kept.append(face)
    assert list(map(id, one_each(faces))) == list(map(id, kept))
