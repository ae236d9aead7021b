"""What every engine must keep to so that faces can be followed through a video, whatever the engine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import Catalogue
from pipeline.engines.base import AnyEngine
from pipeline.engines.inswapper.engine import open_inswapper_engine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Bgr, Face
from pipeline.faces.detect import overlaps
from pipeline.faces.select import largest
from tests.support.engines import FlatEngine, picture
from tests.support.faces import astronaut, scaled

SIDE = 320


@dataclass(frozen=True, kw_only=True)
class Case:
    """An engine, a picture of `SIDE` pixels with one face, and how close its points have to be found again.

    `blank` has none; `tolerance` is a share of the face's size.
    """

    engine: AnyEngine
    shown: Bgr
    blank: Bgr
    tolerance: float

    @property
    def face(self) -> Face:
        return largest(self.engine.find_faces(self.shown))


def flat(_files: dict[str, Path]) -> Case:
    shown, blank = picture(SIDE, SIDE, faces=((120, 90, 80, 80),)), picture(SIDE, SIDE, faces=())
    return Case(engine=FlatEngine(), shown=shown, blank=blank, tolerance=1e-6)


def mesh(_files: dict[str, Path]) -> Case:
    shown = scaled(astronaut()[0:320, 60:380], SIDE / 320)
    return Case(
        engine=open_mesh_engine(), shown=shown, blank=np.full((SIDE, SIDE, 3), 90, np.uint8), tolerance=0.02
    )


def inswapper(files: dict[str, Path]) -> Case:
    spec = Catalogue.load().engines["inswapper_128"]
    engine = open_inswapper_engine(files, spec, provider="cpu", threads=1, hashes={})
    shown, blank = picture(SIDE, SIDE, faces=((120, 90, 80, 80),)), picture(SIDE, SIDE, faces=())
    return Case(engine=engine, shown=shown, blank=blank, tolerance=0.03)


@pytest.fixture(scope="module", params=[flat, mesh, inswapper], ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, inswapper_files: dict[str, Path]) -> Case:
    made: Case = request.param(inswapper_files)
    return made


def test_a_glance_sees_a_face_about_where_it_is(case: Case) -> None:
    assert case.engine.glance_px >= 128
    assert case.engine.glance_px % 32 == 0
    rows = case.engine.glance(case.shown)
    assert rows.shape[1:] == (5,)
    assert rows.dtype == np.float32
    assert overlaps(case.face.bbox, rows[:, :4])[0].max() > 0.4


def test_a_glance_at_nothing_gives_no_rows(case: Case) -> None:
    assert case.engine.glance(case.blank).shape == (0, 5)


@pytest.mark.parametrize("step", [(0, 0), (6, -4), (-12, 9)])
def test_a_face_is_found_again_where_it_was_and_where_it_went(case: Case, step: tuple[int, int]) -> None:
    face = case.face
    before = face.moved(*step)
    found = case.engine.refine(case.shown, before)
    assert found is not None
    assert np.abs(found.kps - face.kps).max() <= case.tolerance * max(face.size)
    assert np.abs(found.bbox - face.bbox).max() <= case.tolerance * max(face.size)
    assert (found.landmarks is None) == (face.landmarks is None)


def test_a_part_of_the_picture_around_the_face_is_enough(case: Case) -> None:
    face = case.face
    margin = 0.7 * max(face.size)
    x0, y0 = np.maximum(face.bbox[:2] - margin, 0).astype(int)
    x1, y1 = (face.bbox[2:] + margin).astype(int)
    found = case.engine.refine(np.ascontiguousarray(case.shown[y0:y1, x0:x1]), face.moved(-x0, -y0))
    assert found is not None
    assert np.abs(found.moved(x0, y0).kps - face.kps).max() <= case.tolerance * max(face.size)


def test_a_face_that_is_gone_is_not_found(case: Case) -> None:
    assert case.engine.refine(case.blank, case.face) is None
