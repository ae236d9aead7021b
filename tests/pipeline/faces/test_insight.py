"""SCRFD and ArcFace through insightface's classes, on models whose results are known."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.session import open_session
from pipeline.face import Face
from pipeline.faces.insight import ArcFace, ScrfdFinder
from pipeline.steps import at_once
from tests.support.engines import picture
from tests.support.faces import astronaut
from tests.support.standins.detector import kps_of
from tests.support.standins.insight import embedding_by_insightface
from tests.support.standins.recogniser import embedding_of

BOXES = ((100, 200, 80, 120), (400, 30, 60, 60), (500, 300, 140, 300))  # in the order of the middle


@pytest.fixture(scope="module")
def finder(inswapper_files: dict[str, Path]) -> ScrfdFinder:
    return ScrfdFinder(open_session(inswapper_files["detector"]))


def test_every_face_is_found_where_it_is_in_reading_order_with_its_points(finder: ScrfdFinder) -> None:
    faces = finder.find(picture(640, 640, faces=BOXES))
    boxes = [(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in (face.bbox.tolist() for face in faces)]
    assert boxes == [BOXES[1], BOXES[0], BOXES[2]]
    for face, box in zip(faces, boxes, strict=True):
        assert np.abs(face.kps - kps_of(box)).max() < 1e-3
        assert 0.5 < face.score <= 1


def test_of_too_many_faces_the_largest_count_and_the_others_are_told(
    finder: ScrfdFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.faces.insight.MOST_FACES", 2)
    found = at_once(finder.find_in_steps(picture(640, 640, faces=BOXES)))
    assert [face.bbox[0] for face in found.faces] == [BOXES[0][0], BOXES[2][0]]
    assert found.left_out == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (300, 900), (64, 48), (4000, 500)])
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(
    finder: ScrfdFinder, width: int, height: int
) -> None:
    box = (width // 4, height // 4, width // 3, height // 3)
    (face,) = finder.find(picture(width, height, faces=(box,)))
    pixel = max(width, height, 640) / 640  # of the detector's input
    expected = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    assert np.abs(face.bbox - expected).max() <= 1.5 * pixel
    assert np.abs(face.kps - kps_of(box)).max() <= 1.5 * pixel


def test_people_far_away_are_found_in_a_large_photograph(finder: ScrfdFinder) -> None:
    boxes = tuple((300 + 700 * i, 900, 40, 50) for i in range(5))
    faces = finder.find(picture(4000, 2000, faces=boxes))  # 6 px at the detector's usual size
    assert np.abs([face.bbox[0] for face in faces] - np.array(boxes)[:, 0]).max() < 4


def test_warming_up_changes_nothing(finder: ScrfdFinder) -> None:
    finder.warm_up()
    assert len(finder.find(picture(640, 640, faces=BOXES))) == len(BOXES)


def test_a_picture_without_a_face_gives_none(finder: ScrfdFinder) -> None:
    assert finder.find(picture(320, 240, faces=())) == []
    for width, height in ((1, 1), (3000, 1), (1, 900), (9000, 60)):
        assert finder.find(picture(width, height, faces=())) == []


@pytest.mark.parametrize("turn_deg", [0, 30, 170])
def test_the_embedding_is_the_one_insightface_gives(
    inswapper_files: dict[str, Path], turn_deg: float
) -> None:
    path = inswapper_files["recogniser"]
    turn = np.radians(turn_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    kps = np.array([[-22, -18], [21, -17], [1, 4], [-18, 23], [19, 24]]) @ rotation.T + (226, 130)
    face = Face(bbox=np.zeros(4, np.float32), score=1, kps=kps.astype(np.float32))
    embedding = ArcFace(path, open_session(path)).embed(astronaut(), face)
    assert np.abs(embedding - embedding_by_insightface(path, astronaut(), face.kps)).max() < 1e-3
    crop = cv2.getRectSubPix(astronaut(), (112, 112), (226, 130))
    assert np.abs(embedding - embedding_of(np.asarray(crop, np.uint8))).max() > 0.5  # not just any crop


def test_nothing_reaches_standard_output(inswapper_files: dict[str, Path]) -> None:
    program = f"""
from pathlib import Path
import numpy as np
from models.session import open_session
from pipeline.faces.insight import ArcFace, ScrfdFinder
finder = ScrfdFinder(open_session(Path({str(inswapper_files["detector"])!r})))
path = Path({str(inswapper_files["recogniser"])!r})
recogniser = ArcFace(path, open_session(path))
picture = np.zeros((200, 200, 3), np.uint8)
picture[40:160, 40:160] = 0, 0, 255
recogniser.embed(picture, finder.find(picture)[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_insightface_is_not_loaded_before_a_model_is_opened() -> None:
    program = """
import sys
import pipeline.faces.insight, pipeline.engines.inswapper.engine
import pipeline.blend.enhance, pipeline.swap.whole
slow = {"insightface", "onnx", "skimage", "scipy"} & set(sys.modules)
assert not slow, slow
"""
    subprocess.run([sys.executable, "-c", program], check=True)
