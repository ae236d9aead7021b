"""Skin is told from what covers it: on bare faces, and where what covers them was painted."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.engines.mesh.regions import View
from pipeline.engines.mesh.skin import LEFT_CHEEK, RIGHT_CHEEK, SkinModel
from pipeline.face import Array
from tests.pipeline.engines.mesh.conftest import Seen
from tests.quality.scene import PORTRAITS

CHIN = (194, 418, 211, 431, 32, 262, 208, 428)
SIDES = (227, 447, 116, 345, 123, 352)
FRAME = (168, 6)

whose = pytest.mark.parametrize("who", PORTRAITS)


def _at(view: View, names: tuple[int, ...], likely: Array | None = None) -> float:
    found = SkinModel.fit(view).likelihood(view.lab) if likely is None else likely
    return float(view.about(found, names, 0.02).mean())


@whose
def test_a_bare_chin_is_skin_and_a_painted_beard_is_none(seen: Seen, who: str) -> None:
    assert _at(seen(who, ""), CHIN) > 0.95
    assert _at(seen(who, "bearded"), CHIN) < 0.35


@whose
def test_hair_and_frames_are_no_skin_where_there_would_be_some(seen: Seen, who: str) -> None:
    bare, haired = (_at(seen(who, look), SIDES) for look in ("", "long-haired"))
    assert haired < 0.65 * bare
    frame = seen(who, "spectacled")
    assert frame.about(SkinModel.fit(frame).likelihood(frame.lab), FRAME, 0.03).min() < 0.1


@whose
@pytest.mark.parametrize(
    "look",
    ["", "bearded", "long-haired", "lit from the left", "lit from above", "of dark skin", "of light skin"],
)
def test_cheeks_are_skin_whatever_lies_beside_them_and_falls_on_them(seen: Seen, who: str, look: str) -> None:
    assert _at(seen(who, look), (50, 280, 36, 266)) > 0.85


@whose
@pytest.mark.parametrize("look", ["lit from the left", "lit from the right"])
def test_a_cheek_in_the_shade_keeps_the_hue_of_the_lit_one(seen: Seen, who: str, look: str) -> None:
    view = seen(who, look)
    lit = np.percentile(view.about(view.lab, (*RIGHT_CHEEK, *LEFT_CHEEK), 0.02).reshape(-1, 3), 75, axis=0)
    model = SkinModel.even(np.asarray(lit, np.float32), view.regions.inside.shape, view.regions.face_px)
    hue, whole = (
        _at(view, (50, 280), likely(view.lab)) for likely in (model.hue_likelihood, model.likelihood)
    )
    assert hue > 0.8
    assert whole < hue - 0.1


def test_other_hues_are_no_skin_however_light(seen: Seen) -> None:
    view = seen("collins", "")
    model = SkinModel.fit(view)
    green = view.lab * np.array([1, -1, 1], np.float32)
    assert _at(view, CHIN, model.likelihood(view.lab)) > 0.95
    assert _at(view, CHIN, model.likelihood(green)) < 0.2


def test_a_face_beyond_the_edge_has_no_known_places_and_nothing_is_said(seen: Seen) -> None:
    view = seen("collins", "")
    away = replace(view, points=view.points + 1000)
    likely = SkinModel.fit(away).likelihood(view.lab)
    assert likely.min() == likely.max() == 1
