"""One look of a detection model, with the shipped weights."""

import numpy as np
import pytest

from models.embedded import DETECTION_BACK, DETECTION_FULL_RANGE, embedded_path
from models.session import open_session
from pipeline.faces.blazeface import BACK, FULL_RANGE, BlazeFace, BlazeFaceShape
from tests.support.faces import ASTRONAUT_FACE, astronaut, portrait, scaled

MODELS = [(FULL_RANGE, DETECTION_FULL_RANGE), (BACK, DETECTION_BACK)]


@pytest.mark.parametrize("side", [128, 192, 256, 320])
@pytest.mark.parametrize(("shape", "file"), MODELS)
def test_each_model_finds_a_face_alone_at_any_size(shape: BlazeFaceShape, file: str, side: int) -> None:
    model = BlazeFace(open_session(embedded_path(file)), shape)
    found = model.look(scaled(astronaut(), side / 512))
    best = found[found[:, 16].argmax()]
    assert best[:4] * 512 / side == pytest.approx(ASTRONAUT_FACE, abs=20)


@pytest.mark.parametrize("place", [(20, 24), (440, 40), (250, 180)])
@pytest.mark.parametrize(("shape", "file"), MODELS)
def test_a_face_lies_where_it_is_in_an_oblong_picture(
    shape: BlazeFaceShape, file: str, place: tuple[int, int]
) -> None:
    model = BlazeFace(open_session(embedded_path(file)), shape)
    picture = np.full((320, 576, 3), 127, np.uint8)
    head, (x, y) = portrait(40), place
    picture[y : y + head.shape[0], x : x + head.shape[1]] = head
    found = model.look(picture)
    best = found[found[:, 16].argmax()]
    assert (best[:2] + best[2:4]) / 2 == pytest.approx(np.add(place, (50, 47)), abs=6)


@pytest.mark.parametrize(("shape", "file"), MODELS)
def test_there_is_an_anchor_for_every_row_of_the_output(shape: BlazeFaceShape, file: str) -> None:
    session = open_session(embedded_path(file))
    regressors, logits = session.run(np.zeros((1, 96, 160, 3), np.float32))
    assert len(shape.anchors(96, 160)) == regressors.shape[1] == logits.shape[1]


def test_a_box_without_area_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(embedded_path(DETECTION_BACK))
    regressors, logits = np.full((1, 896, 16), 20, np.float32), np.full((1, 896, 1), -50, np.float32)
    regressors[0, :3, 2:4] = [(30, 40), (-30, 40), (0, 0)]
    logits[0, :3] = 5
    monkeypatch.setattr(session, "run", lambda _: [regressors, logits])
    assert len(BlazeFace(session, BACK).look(np.zeros((256, 256, 3), np.uint8))) == 1
