"""The unrolled source: whole, sharp, and honest about what is skin."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from models.embedded import TOPOLOGY, embedded_path
from pipeline.engines.mesh.geometry import rescaled
from pipeline.engines.mesh.spaces import to_lab
from pipeline.engines.mesh.texture import Texture, make_texture
from pipeline.engines.mesh.topology import BROW_BELOW, Topology
from pipeline.face import Array, Bgr
from pipeline.faces.find import embedded_face_finder
from tests.pipeline.engines.mesh.conftest import Painted
from tests.quality.scene import PORTRAITS
from tests.support.faces import astronaut, hopper, scaled

MESH = Topology.load(embedded_path(TOPOLOGY))


@pytest.fixture(scope="module")
def portraits() -> dict[str, tuple[Bgr, Array]]:
    finder = embedded_face_finder()
    found = {}
    for name, picture in (("astronaut", astronaut()), ("hopper", hopper())):
        landmarks = finder.find(picture)[0].landmarks
        assert landmarks is not None
        found[name] = picture, landmarks
    return found


def _about(texture: Texture, point: int) -> Array:
    """The texture about a point, (21, 21, 3) float32."""
    x, y = texture.points[point, :2].astype(int)
    return texture.levels[0][y - 10 : y + 11, x - 10 : x + 11].astype(np.float32)


def test_every_point_of_a_frontal_face_keeps_its_colour(portraits: dict[str, tuple[Bgr, Array]]) -> None:
    picture, landmarks = portraits["hopper"]
    texture = make_texture(picture, landmarks, MESH)
    smooth, unrolled = cv2.blur(picture, (3, 3)), cv2.blur(texture.levels[0], (3, 3))
    points = [1, 4, 5, 6, 9, 50, 280, 199, 33, 263]
    for point in points:
        (x, y), (u, v) = (
            np.round(landmarks[point, :2]).astype(int),
            np.round(texture.points[point, :2]).astype(int),
        )
        assert np.abs(smooth[y, x].astype(int) - unrolled[v, u]).max() < 40, point


def test_the_side_beyond_the_pictures_edge_is_borrowed_from_the_other(
    portraits: dict[str, tuple[Bgr, Array]],
) -> None:
    picture, landmarks = portraits["hopper"]
    texture = make_texture(picture[:, 245:], landmarks - np.array([245, 0, 0], np.float32), MESH)
    lost, kept = _about(texture, 50), _about(texture, 280)  # the cheeks
    assert np.abs(lost.mean(axis=(0, 1)) - kept.mean(axis=(0, 1))).max() < 25
    # The picture's last column smeared across the missing side would have no detail along its rows.
    assert np.diff(lost, axis=1).std() > 0.6 * np.diff(kept, axis=1).std()


def test_levels_halve_down_to_a_small_one_and_fit_the_target(portraits: dict[str, tuple[Bgr, Array]]) -> None:
    picture, landmarks = portraits["hopper"]
    texture = make_texture(picture, landmarks, MESH)
    heights = [level.shape[0] for level in texture.levels]
    assert all(one // 2 == other for one, other in pairwise(heights))
    assert texture.level_for(texture.size)[0] is texture.levels[0]
    assert texture.level_for(texture.size * 9)[0] is texture.levels[0]
    half, points = texture.level_for(texture.size / 2)
    assert half is texture.levels[1]
    assert points[:, 0].max() < half.shape[1]
    assert texture.level_for(1e-9)[0] is texture.levels[-1]


def test_a_huge_source_costs_no_more_than_a_large_one(portraits: dict[str, tuple[Bgr, Array]]) -> None:
    picture, landmarks = portraits["hopper"]
    texture = make_texture(scaled(picture, 7), landmarks * 7, MESH)
    assert max(texture.levels[0].shape) <= 1024 + 14


@pytest.mark.parametrize("look", ["lit from the left", "lit from the right", "lit from above"])
def test_a_source_lit_from_one_side_is_drawn_evenly(portrait: Painted, look: str) -> None:
    for who in PORTRAITS:
        texture = make_texture(*portrait(who, look), MESH)
        lightness = [
            np.median(to_lab(_about(texture, name))[..., 0]) for name in (50, 280, 205, 425, 101, 330)
        ]
        assert np.ptp(lightness) < 20  # 36 to 51 as they are lit


def test_a_fringe_is_seen_and_a_free_forehead_too(portraits: dict[str, tuple[Bgr, Array]]) -> None:
    fringe = make_texture(*portraits["astronaut"], MESH).hairline
    free = make_texture(*portraits["hopper"], MESH).hairline
    assert len(fringe) == len(free) == len(BROW_BELOW)
    assert fringe.mean() < 0.6
    assert free.mean() > 0.65


def test_a_hat_is_not_skin_and_cheeks_are(portraits: dict[str, tuple[Bgr, Array]]) -> None:
    texture = make_texture(*portraits["hopper"], MESH)
    at = rescaled(texture.points[:, :2], texture.levels[0].shape, texture.skin.shape).astype(int)
    assert texture.skin[at[[50, 280], 1], at[[50, 280], 0]].min() > 0.8
    assert texture.skin[:4].mean() < 0.3


def test_resizing_keeps_pixel_centres() -> None:
    corner = np.array([[-0.5, -0.5], [9.5, 19.5]], np.float32)
    assert rescaled(corner, (20, 10), (10, 5)).tolist() == [[-0.5, -0.5], [4.5, 9.5]]
