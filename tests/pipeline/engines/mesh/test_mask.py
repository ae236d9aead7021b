"""Where the target stays: at the border, behind what covers it, in eyes or a mouth that cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from models.embedded import TOPOLOGY, embedded_path
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.geometry import eye_openness, mouth_openness
from pipeline.engines.mesh.mask import face_mask, kept_mask, mouth_kept, up_to_jaw
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.regions import Regions, View
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.texture import make_texture
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.face import Array, Face
from pipeline.faces.find import embedded_face_finder
from tests.support.faces import astronaut

SIDE = 100
NOTHING = np.zeros((SIDE, SIDE), np.float32)


def _regions() -> Regions:
    """A square face whose left edge is its border: `inside` grows by 1 % of the face per column."""
    inside = np.broadcast_to(np.arange(SIDE, dtype=np.float32) / SIDE, (SIDE, SIDE))
    nothing = np.zeros((SIDE, SIDE), np.float32)
    return Regions(inside=np.ascontiguousarray(inside), openings=nothing, features=nothing, face_px=SIDE)


def test_a_free_face_is_feathered_at_its_border_and_whole_within() -> None:
    mask = face_mask(_regions(), NOTHING)
    assert not mask[:, :3].any()
    assert (np.diff(mask[50]) >= 0).all()
    assert mask[:, 12:] == pytest.approx(1)


def test_hair_at_the_rim_of_the_source_is_not_copied() -> None:
    hair = NOTHING.copy()
    hair[40:60, :30] = 1
    mask = face_mask(_regions(), hair)
    assert mask[50, 6] < 0.05 < face_mask(_regions(), NOTHING)[50, 6]
    assert mask[50, 20:] == pytest.approx(1)
    assert np.array_equal(mask[10], face_mask(_regions(), NOTHING)[10])


def test_features_near_the_rim_are_never_taken_for_something_in_front() -> None:
    regions = replace(_regions(), features=NOTHING + 1)
    assert np.array_equal(face_mask(regions, NOTHING + 1), face_mask(_regions(), NOTHING))


def test_a_beard_is_drawn_up_to_the_border_and_what_is_above_the_nose_is_not() -> None:
    points = np.zeros((POINTS, 2), np.float32)
    points[[10, 2, 152]] = (50, 0), (50, 60), (50, 99)
    regions = _regions()
    view = View(lab=np.zeros((SIDE, SIDE, 3), np.float32), points=points, regions=regions)
    plain = face_mask(regions, NOTHING)
    bearded = up_to_jaw(plain, view)
    assert np.array_equal(bearded[:50], plain[:50])
    assert bearded[80, 4] == pytest.approx(1)
    assert plain[80, 4] < 0.2


@pytest.fixture(scope="module")
def face() -> Face:
    return embedded_face_finder().find(astronaut())[0]


def _like(face: Face) -> MeshSource:
    """A source like the astronaut."""
    landmarks = face.landmarks
    assert landmarks is not None
    mesh = Topology.load(embedded_path(TOPOLOGY))
    return MeshSource(
        face=face,
        texture=make_texture(astronaut(), landmarks, mesh),
        shape=landmarks[:POINTS],
        eyes=eye_openness(landmarks),
        mouth=mouth_openness(landmarks),
    )


def _kept(
    face: Face, blend: BlendOptions, *, eyes: tuple[float, float] | None = None, mouth: float | None = None
) -> Array:
    """What of the astronaut stays when the source is like the astronaut but for its eyes or mouth."""
    landmarks = face.landmarks
    assert landmarks is not None
    like = _like(face)
    source = replace(like, eyes=eyes or like.eyes, mouth=like.mouth if mouth is None else mouth)
    patch = Patch.cut(astronaut(), landmarks[:POINTS], landmarks[:POINTS])
    assert patch is not None
    return kept_mask(patch, landmarks, source, mouth_kept(landmarks, source, blend))


def test_eyes_and_mouth_are_drawn_where_they_can_be(face: Face) -> None:
    assert not _kept(face, BlendOptions()).any()


def test_a_smile_is_not_drawn_from_shut_lips(face: Face) -> None:
    kept = _kept(face, BlendOptions(), mouth=0.0)
    rows = np.flatnonzero((kept == 1).any(axis=1)) / len(kept)
    assert 0.55 < rows.min() < rows.max() < 0.9


def test_one_shut_eye_keeps_both_of_the_targets(face: Face) -> None:
    kept = _kept(face, BlendOptions(), eyes=(0.02, 0.38))
    columns = (kept == 1).any(axis=0)
    assert columns[: len(columns) // 2].sum() > 10
    assert columns[len(columns) // 2 :].sum() > 10
    rows = np.flatnonzero((kept == 1).any(axis=1)) / len(kept)
    assert rows.max() < 0.5


def test_a_mouth_is_drawn_or_kept_and_hardly_ever_half_of_either(face: Face) -> None:
    assert face.landmarks is not None
    source = _like(face)
    amounts = [
        mouth_kept(face.landmarks, replace(source, mouth=openness), BlendOptions())
        for openness in np.linspace(0, 0.6, 121).tolist()
    ]
    assert (amounts[0], amounts[-1]) == (1, 1)
    assert 0 in amounts
    assert sum(0 < amount < 1 for amount in amounts) <= 5


def test_the_mouth_mask_keeps_the_mouth_although_it_could_be_drawn(face: Face) -> None:
    assert (_kept(face, BlendOptions(mouth_mask=True)) == 1).sum() > 300
