"""Grown-ups are taken for grown-ups, the rule is the one that was measured, what cannot be judged is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import pytest

from models.embedded import ATTENTION_INDICES, LANDMARKS, embedded_path
from models.session import Feed, Session, Tensor, open_session
from pipeline.face import Array, Bgr, Face
from pipeline.faces.age import AgeModel, age_chip, can_be_judged, open_age_model
from pipeline.faces.find import FaceFinder, embedded_face_finder
from pipeline.faces.landmarks import LandmarkModel
from tests.support.faces import astronaut, hopper, made_up_face, scaled

# Where the chip has the outer and inner corner of the right eye, of the left eye, and the base of the nose.
PLACES: Final = {
    263: (48.882, 18.848),
    362: (38.231, 19.643),
    33: (14.473, 18.935),
    133: (25.015, 19.653),
    2: (31.520, 37.106),
}
# The same five of dlib's mean face (`get_face_chip_details`), at its padding of 0.2 in 64 pixels.
MEAN_FACE: Final = ((48.44, 18.90), (38.68, 19.61), (14.65, 18.91), (24.42, 19.61), (31.55, 37.84))


class KnownAges(Session):
    """Gives the same probabilities for whatever it is shown, which it keeps."""

    def __init__(self, **years: float) -> None:
        self.shown: list[Array] = []
        row = np.zeros(81, np.float32)
        for name, share in years.items():
            row[int(name.removeprefix("y"))] = share
        self._row = row

    def run(self, value: Tensor | Feed) -> Sequence[Tensor]:
        assert isinstance(value, np.ndarray)
        self.shown.append(value)
        return [np.tile(self._row, (len(value), 1))]


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return embedded_face_finder()


@pytest.fixture(scope="module")
def ages() -> AgeModel:
    return open_age_model()


def nobody_asks() -> LandmarkModel:
    raise AssertionError("a face with landmarks needs no others")


def face_at_template(times: float = 10.0) -> Face:
    """A face whose points lie as in the chip, `times` as large."""
    landmarks = np.zeros((478, 3), np.float32)
    for index, place in PLACES.items():
        landmarks[index, :2] = np.multiply(place, times)
    return replace(made_up_face(32 * times, 32 * times, 45 * times), landmarks=landmarks)


@pytest.mark.parametrize("portrait", [astronaut, hopper])
def test_grown_ups_are_not_taken_for_minors(
    finder: FaceFinder, ages: AgeModel, portrait: Callable[[], Bgr]
) -> None:
    """Neither with the landmarks they come with, nor where the model finds them; whole, and 45 px wide."""
    picture = portrait()
    (face,) = finder.find(picture)
    small = scaled(picture, factor := 45 / min(face.size))
    assert not ages.may_be_minor(picture, face)
    assert not ages.may_be_minor(picture, replace(face, landmarks=None))
    assert not ages.may_be_minor(small, replace(face.scaled(factor), landmarks=None))


def test_a_very_blurred_face_is_mistaken_for_a_child_as_the_docs_say(
    finder: FaceFinder, ages: AgeModel
) -> None:
    """A limit, and the proof that the network is not one that says no to all."""
    (face,) = finder.find(hopper())
    blurred = np.asarray(cv2.GaussianBlur(hopper(), (0, 0), 0.06 * max(face.size)), np.uint8)
    assert ages.may_be_minor(blurred, face)


@pytest.mark.parametrize(
    ("years", "is_suspect"),
    [
        ({"y12": 1.0}, True),
        ({"y40": 1.0}, False),
        ({"y17": 0.25, "y60": 0.75}, True),  # a quarter is enough, however old the rest
        ({"y17": 0.24, "y60": 0.76}, False),
        ({"y18": 1.0}, False),
        ({"y0": 0.2, "y20": 0.8}, True),  # 16 in the mean
        ({"y0": 0.1, "y20": 0.9}, False),  # 18.025: the first output stands for three months
    ],
)
def test_suspect_is_whose_mean_is_below_18_or_with_a_quarter_below(
    years: dict[str, float], *, is_suspect: bool
) -> None:
    model = AgeModel(KnownAges(**years), nobody_asks)
    picture = np.zeros((640, 640, 3), np.uint8)
    assert model.may_be_minor(picture, face_at_template()) == is_suspect


def test_the_network_is_shown_the_chip_and_its_mirror_image_in_rgb_about_the_mean() -> None:
    network = KnownAges(y40=1)
    picture = np.full((640, 640, 3), (200, 120, 40), np.uint8)
    picture[:, 320:] = (10, 20, 30)
    AgeModel(network, nobody_asks).may_be_minor(picture, face_at_template())
    (shown,) = network.shown
    left = (np.array((40, 120, 200)) - (122.782, 117.001, 104.298)) / 256
    right = (np.array((30, 20, 10)) - (122.782, 117.001, 104.298)) / 256
    assert shown.shape == (2, 3, 64, 64)
    assert shown.dtype == np.float32
    assert shown[0, :, 10, 5] == pytest.approx(left, abs=1e-5)
    assert shown[1, :, 10, 5] == pytest.approx(right, abs=1e-5)
    assert np.array_equal(shown[1], shown[0, :, :, ::-1])


def test_the_chip_puts_each_landmark_in_its_place() -> None:
    """A face whose points lie as in the chip, ten times as large: a mark on each must land on its place."""
    landmarks = face_at_template().landmarks
    assert landmarks is not None
    for x, y in PLACES.values():
        picture = np.zeros((640, 640, 3), np.uint8)
        cv2.circle(picture, (round(10 * x), round(10 * y)), 20, (255, 255, 255), -1)
        seen = cv2.moments(age_chip(picture, landmarks)[..., 0])
        assert (seen["m10"] / seen["m00"], seen["m01"] / seen["m00"]) == pytest.approx((x, y), abs=0.1)
    assert list(PLACES.values()) == pytest.approx(np.array(MEAN_FACE), abs=0.8)


def test_outside_the_picture_the_chip_is_black() -> None:
    landmarks = face_at_template().landmarks
    assert landmarks is not None
    chip = age_chip(np.full((320, 640, 3), 255, np.uint8), landmarks)
    assert chip[10, 2:-2].min() == 255
    assert chip[40:].max() == 0


@pytest.mark.parametrize(
    ("face", "can"),
    [
        (made_up_face(100, 100, 40), True),
        (made_up_face(100, 100, 39), False),
        (replace(made_up_face(100, 100), kps=np.full((5, 2), np.nan, np.float32)), False),
        (replace(made_up_face(100, 100), kps=np.full((5, 2), 7, np.float32)), False),
    ],
)
def test_small_faces_and_points_of_no_face_are_not_judged(face: Face, *, can: bool) -> None:
    assert can_be_judged(face) == can


@pytest.mark.parametrize(("off", "can"), [(0, True), (19, True), (21, False), (-21, False)])
def test_a_head_turned_far_aside_is_not_judged(off: float, *, can: bool) -> None:
    """The nose off the middle, where the eyes are 40 px apart."""
    face = made_up_face(100, 100)
    kps = face.kps.copy()
    kps[2, 0] += off
    assert can_be_judged(replace(face, kps=kps)) == can
    model = AgeModel(KnownAges(y10=1), nobody_asks)
    turned = replace(face_at_template(), kps=kps * 3)
    assert model.may_be_minor(np.zeros((640, 640, 3), np.uint8), turned) == can


def test_where_no_landmarks_are_found_nobody_is_suspected() -> None:
    """A box without a face, from an engine that has no landmarks of its own."""
    found = LandmarkModel(open_session(embedded_path(LANDMARKS)), embedded_path(ATTENTION_INDICES))
    model = AgeModel(KnownAges(y10=1), lambda: found)
    assert not model.may_be_minor(np.full((300, 300, 3), 90, np.uint8), made_up_face(150, 150))
    (face,) = embedded_face_finder().find(hopper())
    assert model.may_be_minor(hopper(), replace(face, landmarks=None))
