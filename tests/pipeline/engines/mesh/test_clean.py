"""A source's texture loses the hair that hangs into it, and keeps its beard and its spectacles whole."""

import numpy as np
import pytest

from pipeline.engines.mesh.geometry import rescaled
from pipeline.engines.mesh.spaces import to_lab
from pipeline.engines.mesh.texture import Texture, make_texture
from pipeline.engines.mesh.topology import Topology
from pipeline.face import Array
from tests.pipeline.engines.mesh.conftest import Painted
from tests.quality.scene import PORTRAITS

HAIRED = (116, 345, 123, 352, 147, 376)  # where the painted hair hangs over the cheeks
CHIN = (194, 418, 211, 431, 208, 428)

whose = pytest.mark.parametrize("who", PORTRAITS)


@pytest.fixture(scope="module")
def textures(portrait: Painted, topology: Topology) -> dict[tuple[str, str], Texture]:
    return {
        (who, look): make_texture(*portrait(who, look), topology)
        for who in PORTRAITS
        for look in ("", "bearded", "long-haired", "spectacled")
    }


def _colours(texture: Texture, names: tuple[int, ...]) -> Array:
    """The (n, 3) colours about points of a texture, L*a*b*."""
    lab, radius = to_lab(texture.levels[0].astype(np.float32)), max(1, int(0.02 * texture.size))
    middles = np.rint(texture.points[list(names), :2]).astype(int)
    return np.array(
        [
            np.median(lab[y - radius : y + radius + 1, x - radius : x + radius + 1], axis=(0, 1))
            for x, y in middles
        ]
    )


@whose
def test_hair_over_the_cheeks_is_replaced_by_their_skin(
    textures: dict[tuple[str, str], Texture], portrait: Painted, who: str
) -> None:
    bare, haired = (_colours(textures[who, look], HAIRED) for look in ("", "long-haired"))
    painted, landmarks = portrait(who, "long-haired")
    x, y = np.rint(landmarks[list(HAIRED), :2]).astype(int).T
    hair = to_lab(painted.astype(np.float32))[y, x]
    assert np.linalg.norm(haired - bare, axis=1).mean() < 0.55 * np.linalg.norm(hair - bare, axis=1).mean()


@whose
def test_a_beard_stays_whole_and_is_said_to_be_one(
    textures: dict[tuple[str, str], Texture], who: str
) -> None:
    assert [textures[who, look].bearded for look in ("", "bearded", "long-haired")] == [False, True, False]
    assert _colours(textures[who, "bearded"], CHIN)[:, 0].max() < 45
    texture = textures[who, "bearded"]
    at = rescaled(texture.points[:, :2], texture.levels[0].shape, texture.skin.shape).astype(int)[list(CHIN)]
    assert texture.skin[at[:, 1], at[:, 0]].max() < 0.6  # its colour teaches nothing of skin's
    assert texture.before[at[:, 1], at[:, 0]].max() < 0.1  # and yet it is drawn


@whose
def test_spectacles_stay_whole_and_are_said_to_be_there(
    textures: dict[tuple[str, str], Texture], who: str
) -> None:
    texture = textures[who, "spectacled"]
    assert texture.spectacled
    lightness = to_lab(texture.levels[0].astype(np.float32))[..., 0]
    reach = int(0.13 * texture.size)
    for name in (145, 374):  # below the lower lids, where nothing but the rim is dark
        x, y = np.rint(texture.points[name, :2]).astype(int)
        assert lightness[y + reach // 4 : y + reach, x].min() < 35
    x, y = np.rint(texture.points[168, :2]).astype(int)
    assert lightness[y - reach // 2 : y + reach // 2, x].min() < 35


def test_a_bare_face_keeps_every_pixel_well_inside(portrait: Painted, topology: Topology) -> None:
    texture = make_texture(*portrait("hopper", ""), topology)
    picture, landmarks = portrait("hopper", "")
    inside = (50, 280, 5, 199, 205, 425)
    x, y = np.rint(landmarks[list(inside), :2]).astype(int).T
    off = _colours(texture, inside) - to_lab(picture.astype(np.float32))[y, x]
    assert np.abs(off).mean() < 5
