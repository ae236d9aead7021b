"""What of the target stays: its beard, hair and spectacles whole, its shadows not at all."""

import numpy as np
import pytest

from pipeline.engines.mesh.keep import kept
from pipeline.engines.mesh.regions import View
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT
from pipeline.face import Array
from tests.pipeline.engines.mesh.conftest import Seen
from tests.quality.scene import PORTRAITS

CHIN = (194, 418, 211, 431, 32, 262, 208, 428)
CHEEKS = (205, 425, 36, 266)

whose = pytest.mark.parametrize("who", PORTRAITS)


def _kept(view: View) -> Array:
    return kept(view, SkinModel.fit(view).likelihood(view.lab))


def _at(view: View, names: tuple[int, ...]) -> float:
    return float(view.about(_kept(view), names, 0.02).mean())


@whose
def test_a_beard_stays_and_a_bare_chin_goes(seen: Seen, who: str) -> None:
    assert _at(seen(who, "bearded"), CHIN) > 0.7
    assert _at(seen(who, ""), CHIN) < 0.05


@whose
@pytest.mark.parametrize("look", ["", "bearded", "long-haired", "spectacled"])
def test_cheeks_go_whatever_lies_beside_them(seen: Seen, who: str, look: str) -> None:
    assert _at(seen(who, look), CHEEKS) < 0.1


@whose
def test_spectacles_with_a_dark_frame_stay_all_round_both_eyes_and_the_eyes_go(seen: Seen, who: str) -> None:
    view = seen(who, "spectacled")
    stays = _kept(view)
    for ring in (EYE_RIGHT, EYE_LEFT):
        middle = view.points[list(ring), :2].mean(axis=0) + np.array([0, 0.03 * view.regions.face_px])
        width = float(np.linalg.norm(view.points[ring[0], :2] - view.points[ring[8], :2]))
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        rim = middle + width * np.column_stack([0.85 * np.cos(angle), 0.68 * np.sin(angle)])
        x, y = np.rint(rim).astype(int).T
        assert np.mean(stays[y, x] > 0.7) > 0.9
        x, y = np.rint(view.points[list(ring), :2].mean(axis=0)).astype(int)
        assert stays[y, x] < 0.1


def test_of_spectacles_with_a_faint_frame_nothing_stays_about_the_eyes(seen: Seen) -> None:
    view = seen("hopper", "")
    lenses = (119, 348, 230, 450, 6, 168, 52, 282)
    assert view.about(_kept(view), lenses, 0.02).max() < 0.1


def test_a_dark_patch_within_the_face_goes_and_one_that_reaches_its_border_stays(seen: Seen) -> None:
    view = seen("collins", "")
    x, y = np.rint(view.points[205, :2]).astype(int)
    radius = int(0.03 * view.regions.face_px)
    within, across = view.lab.copy(), view.lab.copy()
    within[y - radius : y + radius, x - radius : x + radius] = (15, 0, 0)
    across[y - radius : y + radius, : x + radius] = (15, 0, 0)
    found = [_kept(View(lab=lab, points=view.points, regions=view.regions))[y, x] for lab in (within, across)]
    assert found[0] < 0.05
    assert found[1] > 0.95
