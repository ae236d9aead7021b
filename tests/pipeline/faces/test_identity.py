"""Telling two real people apart, and knowing one again after what happens to pictures."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.embedded import EMBEDDING, embedded_path
from models.session import open_session
from pipeline.face import Array, Bgr
from pipeline.faces.find import FaceFinder, embedded_face_finder
from pipeline.faces.identity import IdentityModel, distance, identity_chip
from tests.support.faces import ASTRONAUT_FACE, astronaut, hopper, made_up_face, scaled, turned


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return embedded_face_finder()


@pytest.fixture(scope="module")
def identity() -> IdentityModel:
    return IdentityModel(open_session(embedded_path(EMBEDDING)))


@pytest.fixture(scope="module")
def embed(finder: FaceFinder, identity: IdentityModel) -> Callable[[Bgr], Array]:
    def embed_only_face(picture: Bgr) -> Array:
        (face,) = finder.find(picture)
        return identity.embed(picture, face)

    return embed_only_face


def _jpeg(picture: Bgr, quality: int) -> Bgr:
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _tight(picture: Bgr) -> Bgr:
    x0, y0, x1, y1 = ASTRONAUT_FACE
    return np.ascontiguousarray(picture[y0:y1, x0:x1])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda picture: scaled(picture, 0.5), id="half the size"),
        pytest.param(lambda picture: scaled(picture, 3), id="three times the size"),
        pytest.param(lambda picture: _jpeg(picture, 20), id="JPEG quality 20"),
        pytest.param(lambda picture: (picture * 0.4).astype(np.uint8), id="dark"),
        pytest.param(lambda picture: np.clip(picture * 1.4, 0, 255).astype(np.uint8), id="overexposed"),
        pytest.param(lambda picture: turned(picture, 40, (225, 122)), id="turned"),
        pytest.param(lambda picture: np.ascontiguousarray(picture[:, ::-1]), id="mirrored"),
        pytest.param(_tight, id="cropped to the face"),
    ],
)
def test_a_person_is_known_again(embed: Callable[[Bgr], Array], change: Callable[[Bgr], Bgr]) -> None:
    assert distance(embed(astronaut()), embed(change(astronaut()))) < 0.35


def test_two_people_are_told_apart(embed: Callable[[Bgr], Array]) -> None:
    assert distance(embed(astronaut()), embed(hopper())) > 0.6


def test_an_embedding_has_its_documented_form(embed: Callable[[Bgr], Array]) -> None:
    embedding = embed(astronaut())
    assert embedding.shape == (128,)
    assert embedding.dtype == np.float32
    assert distance(embedding, embedding) == 0


def test_five_points_alone_are_enough(finder: FaceFinder, identity: IdentityModel) -> None:
    """An engine without landmarks gets almost the same chip."""
    picture = astronaut()
    (face,) = finder.find(picture)
    with_landmarks = identity.embed(picture, face)
    without = identity.embed(picture, replace(face, landmarks=None))
    assert distance(with_landmarks, without) < 0.35


def test_the_chip_puts_each_landmark_in_its_place() -> None:
    """A face whose points already lie as in the template, ten times as large: marks must land on them."""
    template = {
        263: (111.93, 46.23),
        362: (88.63, 47.97),
        33: (36.66, 46.42),
        133: (59.72, 47.99),
        2: (73.95, 86.17),
    }
    landmarks = np.zeros((478, 3), np.float32)
    picture = np.zeros((1500, 1500, 3), np.uint8)
    for index, place in template.items():
        landmarks[index, :2] = np.multiply(place, 10)
        x, y = np.multiply(place, 10).round().astype(int)
        cv2.circle(picture, (int(x), int(y)), 25, (255, 255, 255), -1)
    chip = identity_chip(picture, replace(made_up_face(750, 750, 1500), landmarks=landmarks))
    count, _, _, centers = cv2.connectedComponentsWithStats((chip[..., 0] > 100).astype(np.uint8))
    assert count == 1 + len(template)
    assert sorted(map(tuple, centers[1:])) == pytest.approx(np.array(sorted(template.values())), abs=0.3)


def test_outside_the_picture_the_chip_is_black() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    chip = identity_chip(white, made_up_face(50, 50, 100))
    assert chip[75, 75].min() == 255
    assert chip[-1].max() == 0
