"""What a swap keeps of the target and leaves behind of the source, seen in whole results."""

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.engines.mesh.spaces import to_lab
from pipeline.face import Array, Bgr
from pipeline.faces.select import largest
from tests.quality.looks import painted
from tests.quality.scene import PORTRAITS, other_than

CHIN = (194, 418, 211, 431, 208, 428)
CHEEKS = (205, 425, 36, 266)
HAIRED = (116, 345, 123, 352)
JAW = (149, 378, 176, 400)  # on the border: only a beard is drawn up to there

whose = pytest.mark.parametrize("who", PORTRAITS)


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


class Swapped:
    """A target before and after it got a source's face, either with something painted on it."""

    def __init__(self, engine: MeshEngine, target: str, *, on_target: str = "", on_source: str = "") -> None:
        source = other_than(target)
        self.before = painted(target, on_target) if on_target else PORTRAITS[target][0]()
        given = painted(source, on_source) if on_source else PORTRAITS[source][0]()
        face = largest(engine.find_faces(self.before))
        assert face.landmarks is not None
        self.points, self.size = face.landmarks, max(face.size)
        self.after = self.before.copy()
        prepared = engine.prepare_source(given, largest(engine.find_faces(given)))
        assert engine.swap(self.after, [(face, prepared)], BlendOptions()) == [True]

    def lightness(self, picture: Bgr, names: tuple[int, ...], reach: float = 0.025) -> Array:
        """L about some points, (n,)."""
        light, radius = to_lab(picture.astype(np.float32))[..., 0], max(1, int(reach * self.size))
        return np.array(
            [
                np.median(light[y - radius : y + radius + 1, x - radius : x + radius + 1])
                for x, y in np.rint(self.points[list(names), :2]).astype(int)
            ]
        )


@whose
def test_the_targets_beard_stays_and_its_cheeks_go(engine: MeshEngine, who: str) -> None:
    swapped = Swapped(engine, who, on_target="bearded")
    changed = np.abs(swapped.after.astype(int) - swapped.before).max(axis=2)
    beard, cheeks = (
        np.mean([changed[y, x] for x, y in np.rint(swapped.points[list(names), :2]).astype(int)])
        for names in (CHIN, CHEEKS)
    )
    assert beard < 6
    assert cheeks > 8


@whose
def test_the_targets_dark_frame_stays_dark_all_round(engine: MeshEngine, who: str) -> None:
    swapped = Swapped(engine, who, on_target="spectacled")
    frame = (to_lab(swapped.before.astype(np.float32))[..., 0] < 16) & _about(swapped, (33, 133, 362, 263))
    assert frame.sum() > 100
    assert np.mean(to_lab(swapped.after.astype(np.float32))[..., 0][frame] < 30) > 0.85


def test_more_of_the_sources_shape_makes_it_more_alike(
    engine: MeshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(who: str) -> float:
        swapped, source = Swapped(engine, who), PORTRAITS[other_than(who)][0]()
        faces = [(picture, largest(engine.find_faces(picture))) for picture in (swapped.after, source)]
        one, other = (engine.embed(picture, face) for picture, face in faces)
        return float(np.linalg.norm(one - other))

    as_it_is = sum(map(apart, PORTRAITS))
    monkeypatch.setattr("pipeline.engines.mesh.swap._IDENTITY_SHARE", 0.45)  # that of version 5
    assert as_it_is < sum(map(apart, PORTRAITS)) - 0.005


def _about(swapped: Swapped, names: tuple[int, ...]) -> np.ndarray:
    """The box about some points, and a third of its height more below and above."""
    points = swapped.points[list(names), :2]
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    box = np.zeros(swapped.before.shape[:2], bool)
    box[int(top - 0.1 * swapped.size) : int(bottom + 0.12 * swapped.size), int(left) : int(right)] = True
    return box


@whose
def test_a_sources_hair_is_not_drawn_on_the_targets_cheeks(engine: MeshEngine, who: str) -> None:
    bare, haired = Swapped(engine, who), Swapped(engine, who, on_source="long-haired")
    off = haired.lightness(haired.after, HAIRED) - bare.lightness(bare.after, HAIRED)
    assert off.min() > -14


@whose
def test_a_sources_beard_is_drawn_up_to_the_jaw(engine: MeshEngine, who: str) -> None:
    bare, bearded = Swapped(engine, who), Swapped(engine, who, on_source="bearded")
    darker = bare.lightness(bare.after, CHIN) - bearded.lightness(bearded.after, CHIN)
    assert np.median(darker) > 8
    changed = np.abs(bearded.after.astype(int) - bearded.before).max(axis=2)
    plain = np.abs(bare.after.astype(int) - bare.before).max(axis=2)
    inward = bare.points[list(JAW), :2] + 0.04 * (bare.points[5, :2] - bare.points[list(JAW), :2])
    x, y = np.rint(inward).astype(int).T
    assert changed[y, x].mean() > 1.5 * plain[y, x].mean()


@whose
@pytest.mark.parametrize("look", ["lit from the left", "lit from the right", "lit from above"])
def test_a_sources_shade_is_not_drawn(engine: MeshEngine, who: str, look: str) -> None:
    bare, lit = Swapped(engine, who), Swapped(engine, who, on_source=look)
    off = lit.lightness(lit.after, (50, 280, 205, 425)) - bare.lightness(bare.after, (50, 280, 205, 425))
    assert np.ptp(off) < 12


@whose
@pytest.mark.parametrize("look", ["lit from the left", "lit from the right", "lit from above"])
def test_the_targets_shade_falls_on_the_new_face(engine: MeshEngine, who: str, look: str) -> None:
    swapped = Swapped(engine, who, on_target=look)
    before, after = (
        swapped.lightness(picture, (50, 280, 205, 425)) for picture in (swapped.before, swapped.after)
    )
    assert np.ptp(before) > 18
    assert np.ptp(after - before) < 0.5 * np.ptp(before)


def test_kept_lips_lose_the_lipstick_that_the_source_does_not_wear(engine: MeshEngine) -> None:
    swapped = Swapped(engine, "collins", on_target="made up")
    lips = [0, 17, 37, 267, 84, 314]
    x, y = np.rint(swapped.points[lips, :2]).astype(int).T
    red = [
        np.median(to_lab(picture.astype(np.float32))[y, x, 1]) for picture in (swapped.before, swapped.after)
    ]
    assert red[1] < red[0] - 12
