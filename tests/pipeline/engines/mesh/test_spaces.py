"""To L*a*b* and to light, and back."""

import numpy as np
import pytest

from pipeline.engines.mesh.spaces import from_light, to_bgr, to_lab, to_light


def test_colours_survive_the_way_to_lab_and_back() -> None:
    bgr = np.random.default_rng(8).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    assert np.abs(to_bgr(to_lab(bgr)) - bgr).max() < 1


def test_darker_than_black_is_black() -> None:
    assert to_bgr(np.full((1, 1, 3), (-20, 0, 0), np.float32)).max() == pytest.approx(0, abs=0.01)


def test_levels_survive_the_way_to_light_and_back_and_half_the_light_is_188() -> None:
    levels = np.arange(256, dtype=np.float32)
    assert from_light(to_light(levels)) == pytest.approx(levels, abs=0.01)
    assert from_light(np.array([0.5], np.float32))[0] == pytest.approx(187.5, abs=0.2)  # IEC 61966-2-1
    assert from_light(np.array([-1, 2], np.float32)).tolist() == pytest.approx([0, 255])
