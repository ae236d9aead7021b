"""The target's face as a swap sees it: its skin, in even light, and what its light was."""

from dataclasses import dataclass, replace

from pipeline.engines.mesh.light import SOFT, shadow_gain
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.regions import Regions, View
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.spaces import from_light, to_lab, to_light
from pipeline.face import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """The target's face at map size.

    Attributes:
        bgr: (h, w, 3) float32 0..255, evenly lit.
        view: the same as L*a*b*.
        shade: (h, w, 3) float32 by which its light must be divided to be as it was; None for even light.
        skin: (h, w) float32 0..1, what is skin.
    """

    bgr: Array
    view: View
    shade: Array | None
    skin: Array


def look_at(patch: Patch, regions: Regions) -> Look:
    """Look at what a patch of the frame shows, its regions being known."""
    bgr = patch.reduce(patch.roi)
    view = View(lab=to_lab(bgr), points=patch.own, regions=regions)
    shade = shadow_gain(view, SOFT)
    if shade is not None:
        bgr = from_light(to_light(bgr) * shade)
        view = replace(view, lab=to_lab(bgr))
    return Look(bgr=bgr, view=view, shade=shade, skin=SkinModel.fit(view).likelihood(view.lab))
