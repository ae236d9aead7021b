"""Hard light is taken out of a face, wherever it comes from; what is dark by itself stays dark."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.engines.mesh.light import SHARP, SOFT, relit, shadow_gain
from pipeline.engines.mesh.regions import View
from pipeline.engines.mesh.spaces import from_light, to_bgr, to_lab, to_light
from tests.pipeline.engines.mesh.conftest import Seen
from tests.quality.scene import PORTRAITS

LIT = ("lit from the left", "lit from the right", "lit from above")
PLACES = (50, 280, 205, 425, 199)  # the cheeks, high and low, and the chin

whose = pytest.mark.parametrize("who", PORTRAITS)


def _lightness(view: View) -> np.ndarray:
    return np.median(view.about(view.lab[..., 0], PLACES, 0.025), axis=1)


@whose
@pytest.mark.parametrize("look", LIT)
def test_a_face_lit_from_one_side_is_evened(seen: Seen, who: str, look: str) -> None:
    view = seen(who, look)
    gain = shadow_gain(view, SHARP)
    assert gain is not None
    evened = replace(view, lab=to_lab(from_light(to_light(to_bgr(view.lab)) * gain)))
    shaded, after = (np.ptp(_lightness(it)) for it in (view, evened))
    assert shaded > 18
    assert after < 0.4 * shaded


@whose
@pytest.mark.parametrize(
    "look", ["", "bearded", "long-haired", "spectacled", "of dark skin", "of light skin"]
)
def test_evenly_lit_faces_are_left_alone_whatever_lies_before_them(seen: Seen, who: str, look: str) -> None:
    assert shadow_gain(seen(who, look), SOFT) is None


@whose
def test_a_black_mask_is_no_shade(seen: Seen, who: str) -> None:
    view = seen(who, "")
    masked = view.lab.copy()
    masked[int(view.points[5, 1]) :] = (12, 0, -1)
    assert shadow_gain(replace(view, lab=masked), SHARP) is None


def test_brows_and_pupils_in_the_shade_stay_darker_than_the_skin_about_them(seen: Seen) -> None:
    bare, view = seen("collins", ""), seen("collins", "lit from the left")
    gain = shadow_gain(view, SHARP)
    assert gain is not None
    evened = to_lab(from_light(to_light(to_bgr(view.lab)) * gain))
    pupil, cheek = ((386, 374), (280,))
    contrast = [
        np.median(view.about(lab[..., 0], cheek, 0.02)) - view.about(lab[..., 0], pupil, 0.02).min()
        for lab in (bare.lab, evened)
    ]
    assert contrast[1] > 0.7 * contrast[0]


def test_light_is_given_as_a_lamp_gives_it() -> None:
    grey = np.full((8, 8, 3), 188, np.uint8)
    assert relit(grey, np.full((2, 2, 3), 2, np.float32)).min() == 255
    assert np.array_equal(relit(grey, np.ones((2, 2, 3), np.float32)), grey)
    assert abs(int(relit(grey, np.full((2, 2, 3), 0.5, np.float32))[0, 0, 0]) - 137) <= 1  # 0.25 in sRGB
