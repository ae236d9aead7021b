"""A mouth that stays wears no lipstick that the new face does not."""

import numpy as np

from pipeline.engines.mesh.lips import less_red, lips_of
from pipeline.engines.mesh.regions import View
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.spaces import to_bgr, to_lab
from pipeline.face import Array
from tests.pipeline.engines.mesh.conftest import Seen

LIPS = (0, 17)


def _paler(view: View, drawn: View) -> Array | None:
    skin = SkinModel.fit(view).likelihood(view.lab)
    return less_red(to_bgr(view.lab), view, skin, drawn.lab, lips_of(view))


def _redness(view: View, lab: Array) -> float:
    red = lips_of(view) > 0.8
    return float(np.hypot(*np.median(lab[red], axis=0)[1:]))


def test_lipstick_goes_where_the_new_face_has_none(seen: Seen) -> None:
    bare, made_up = seen("collins", ""), seen("collins", "made up")
    paler = _paler(made_up, bare)
    assert paler is not None
    after = to_lab(to_bgr(made_up.lab) + paler)
    assert _redness(bare, made_up.lab) > _redness(bare, bare.lab) + 20
    assert abs(_redness(bare, after) - _redness(bare, bare.lab)) < 3


def test_nobody_is_made_up_who_was_not(seen: Seen) -> None:
    assert _paler(seen("collins", ""), seen("collins", "made up")) is None


def test_teeth_are_no_lips_and_too_small_a_mouth_is_left_alone(seen: Seen) -> None:
    view = seen("collins", "")
    x, y = np.rint(view.points[[13, 14], :2].mean(axis=0)).astype(int)
    assert lips_of(view)[y, x] < 0.3
    assert view.about(lips_of(view), LIPS, 0.01).max() > 0.9
    tiny = View(lab=view.lab, points=view.points * 0.02, regions=view.regions)
    assert _paler(tiny, view) is None
