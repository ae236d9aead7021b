"""A face that hangs upside down is found, told, prepared and swapped as if it stood upright."""

import cv2
import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from pipeline.steps import at_once
from pipeline.swap.request import Recognised
from pipeline.swap.turned import find_either_way_up
from tests.support.calls import counted
from tests.support.faces import ASTRONAUT_FACE, HOPPER_FACE, astronaut, hopper, turned
from tests.support.pictures import save, to_image
from tests.support.requests import a_request, swap


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


def file(bgr: Bgr) -> bytes:
    return save(to_image(bgr), "PNG")


def upside_down(bgr: Bgr) -> Bgr:
    return np.ascontiguousarray(bgr[::-1, ::-1])


def about(picture: Bgr, face: tuple[int, int, int, int], degrees: float) -> Bgr:
    """The picture with room around it, turned about its face."""
    margin = 200
    roomy = cv2.copyMakeBorder(picture, *(margin,) * 4, cv2.BORDER_REPLICATE).astype(np.uint8)
    x0, y0, x1, y1 = face
    return turned(roomy, degrees, ((x0 + x1) / 2 + margin, (y0 + y1) / 2 + margin))


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_faces_are_found_at_every_angle(engine: MeshEngine, degrees: int) -> None:
    for picture, box in ((astronaut(), ASTRONAUT_FACE), (hopper(), HOPPER_FACE)):
        (face,) = at_once(find_either_way_up(engine, about(picture, box, degrees))).faces
        middle = (np.array(box[:2]) + box[2:]) / 2 + 200
        assert np.linalg.norm(face.center - middle) < 0.25 * (box[2] - box[0])
        along = face.kps[1] - face.kps[0]
        tilt = np.degrees(np.arctan2(-along[1], along[0]))  # counter-clockwise as seen
        assert abs((tilt - degrees + 180) % 360 - 180) < 15


def test_an_upright_picture_is_looked_at_once(engine: MeshEngine) -> None:
    with counted(MeshEngine.find_in_steps) as calls:
        at_once(find_either_way_up(engine, astronaut()))
        assert calls.total() == 1
        at_once(find_either_way_up(engine, np.zeros((64, 64, 3), np.uint8)))
        assert calls.total() == 3


def test_a_swap_upside_down_is_the_swap_upside_down(engine: MeshEngine) -> None:
    source, target = file(hopper()), astronaut()
    upright = swap(a_request(source, file(target)), engine)
    hanging = swap(a_request(source, file(upside_down(target))), engine)
    expected = decode(upright.data, Limits()).bgr
    result = upside_down(decode(hanging.data, Limits()).bgr)
    changed = (expected != target).any(axis=2)
    assert np.abs(result.astype(int) - expected)[changed].mean() < 4
    (one,), (other,) = upright.result.faces, hanging.result.faces
    height, width = target.shape[:2]
    assert one.likeness is not None
    assert other.likeness is not None
    assert other.likeness.to_source == pytest.approx(one.likeness.to_source, abs=0.06)
    x, y, box_width, box_height = other.box
    assert one.box == pytest.approx(
        (width - 1 - x - box_width, height - 1 - y - box_height, box_width, box_height), abs=4
    )


def test_sources_and_reference_pictures_may_hang_upside_down(engine: MeshEngine) -> None:
    choice = Recognised(file(upside_down(astronaut())))
    result = swap(a_request(file(upside_down(hopper())), file(astronaut()), choice=choice), engine).result
    (face,) = result.faces
    assert face.likeness is not None
    assert face.likeness.to_source < face.likeness.to_target_before


def test_the_swap_leaves_what_is_outside_of_a_hanging_face(engine: MeshEngine) -> None:
    frame = upside_down(astronaut())
    (face,) = at_once(find_either_way_up(engine, frame)).faces
    source = engine.prepare_source(hopper(), *engine.find_faces(hopper()))
    after = frame.copy()
    assert engine.swap(after, [(face, source)], BlendOptions()) == [True]
    x0, y0, x1, y1 = face.bbox.astype(int)
    after[y0 - 12 : y1 + 12, x0 - 12 : x1 + 12] = frame[y0 - 12 : y1 + 12, x0 - 12 : x1 + 12]
    np.testing.assert_array_equal(after, frame)
