"""Beards, spectacles and what reaches into a face are told from the face."""

import numpy as np
import pytest

from pipeline.engines.mesh.covers import (
    beardless,
    covered_share,
    frame_contrast,
    is_bearded,
    off_skin,
    reaching_in,
    wears_frame,
    wears_spectacles,
)
from pipeline.engines.mesh.regions import View
from pipeline.engines.mesh.skin import SkinModel
from pipeline.face import Array
from tests.pipeline.engines.mesh.conftest import Seen
from tests.quality.looks import LOOKS
from tests.quality.scene import PORTRAITS

whose = pytest.mark.parametrize("who", PORTRAITS)


def _off(view: View) -> Array:
    return off_skin(view, SkinModel.fit(view).likelihood(view.lab))


@whose
def test_only_the_bearded_are_bearded(seen: Seen, who: str) -> None:
    found = [look for look in ("", *LOOKS) if is_bearded(view := seen(who, look), _off(view))]
    assert found == ["bearded"]


def test_a_mask_is_no_beard_since_it_hides_the_lips(seen: Seen) -> None:
    view = seen("hopper", "bearded")
    masked = view.lab.copy()
    low = int(view.points[2, 1])
    masked[low:] = (20, 0, 0)
    mask = View(lab=masked, points=view.points, regions=view.regions)
    off = _off(mask)
    assert view.about(off, (194, 418, 208, 428), 0.02).mean() > 0.5
    assert not is_bearded(mask, off)


def test_a_dark_frame_is_plain_a_clear_one_faint_and_no_spectacles_are_neither(seen: Seen) -> None:
    for who in PORTRAITS:
        assert wears_frame(seen(who, "spectacled"))
    assert wears_spectacles(seen("hopper", ""))
    assert not wears_frame(seen("hopper", ""))
    bare = [look for look in LOOKS if look != "spectacled"]
    assert max(frame_contrast(seen("collins", look)) for look in bare) < 15


def test_only_what_hangs_together_with_the_border_reaches_in() -> None:
    off = np.zeros((40, 40), np.float32)
    off[10, :20] = 1  # a strand from the border
    off[20, 18:25] = 1  # a wrinkle within
    rim = np.zeros((40, 40), bool)
    rim[:, :3] = True
    reaches = reaching_in(off, rim)
    assert reaches[10, :20].all()
    assert reaches.sum() == 20
    assert not reaching_in(off * 0, rim).any()


@whose
def test_a_bare_face_is_not_covered_and_a_beard_covers_what_lies_below_the_nose(seen: Seen, who: str) -> None:
    bare, bearded = (covered_share(view, _off(view)) for view in (seen(who, ""), seen(who, "bearded")))
    assert bare < 0.1
    assert bearded > bare + 0.2
    view = seen(who, "bearded")
    assert covered_share(view, beardless(_off(view), view)) < bare + 0.1
