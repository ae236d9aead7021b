"""What is done to the two portraits to see how far the engine carries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face import Bgr
from tests.quality.groups import groups, overlapping
from tests.quality.looks import LOOKS, painted
from tests.quality.profile import aside
from tests.quality.scene import (
    PORTRAITS,
    Scene,
    cut,
    face_width,
    head,
    other_than,
    placed,
    portrait,
    resized,
    shifted,
    sized_head,
    turned,
)
from tests.support.pictures import scene as gradients

_CLOSE_UP_PX: Final = 500  # from here on the head alone, or the picture takes gigabytes


_KINDS: Final = {1: "one person", 2: "two people", 6: "six people"}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One transformation; reports sum up by `kind`, `name` says how much of it, `make` does it."""

    kind: str
    name: str
    make: Callable[[], Scene]


def variants(who: str) -> Iterator[Variant]:
    """Every variant of one person's portrait."""
    yield Variant(kind="as it is", name="", make=partial(portrait, who))
    yield from _sizes_and_turns(who)
    for kind, name, change in changes(face_width(who)):
        yield Variant(kind=kind, name=name, make=partial(_changed, who, change))
    yield from _cuts(who)
    for degrees in (-50, -35, -20, 20, 35, 50):
        yield Variant(kind="turned aside", name=f"{degrees:+d} deg", make=partial(aside, who, degrees))
    yield from _painted(who)
    for group in groups(who):
        yield Variant(kind=_KINDS[len(group.places)], name=group.name, make=group.compose)
    for group in overlapping(who):
        yield Variant(kind="overlapping", name=group.name, make=group.compose)


def _sizes_and_turns(who: str) -> Iterator[Variant]:
    for width in (20, 32, 48, 100, 300, 1000, 2000):
        yield Variant(kind="scaled", name=f"{width} px", make=partial(_scaled, who, width))
    for width in (20, 32, 48):
        yield Variant(kind="in a 1080p frame", name=f"{width} px", make=partial(_framed, who, width))
    for degrees in (-60, -45, -30, -15, 15, 30, 45, 60):
        yield Variant(kind="turned", name=f"{degrees:+d} deg", make=partial(_turned, who, degrees))
    for shift in (0.25, 0.5):
        yield Variant(kind="shifted", name=f"{shift} px", make=partial(_shifted, who, shift))


def _cuts(who: str) -> Iterator[Variant]:
    cuts = [(side, share) for side in ("left", "right", "top", "bottom") for share in (0.1, 0.25, 0.4)]
    cuts += [(corner, 0.25) for corner in ("top left", "top right", "bottom left", "bottom right")]
    for sides, share in cuts:
        name = f"{share:.0%} {sides}"
        yield Variant(kind="cut by the edge", name=name, make=partial(_cut_face, who, sides, share))


def _painted(who: str) -> Iterator[Variant]:
    """What no portrait has, on the person's own, and on the other's whose face it gets."""
    for look in LOOKS:
        kind = "lit from one side" if look.startswith("lit") else "of other skin" if "skin" in look else look
        yield Variant(kind=kind, name=f"target {look}", make=partial(_with_look, who, look))
        yield Variant(kind=kind, name=f"source {look}", make=partial(_from_look, who, look))


def changes(face_px: float) -> Iterator[tuple[str, str, Callable[[Bgr], Bgr]]]:
    """What changes the pixels and leaves the face where it is: kind, name, and how."""
    for share in (0.02, 0.04, 0.08):
        yield "blurred", f"{share:.0%} of face", partial(_blurred, sigma=share * face_px)
    yield "blurred", "shaken, 15%", partial(_shaken, reach=round(0.15 * face_px))
    for sigma in (10, 25, 50):
        yield "noise", f"sigma {sigma}", partial(_darkened, share=1, sigma=sigma)
    for share, sigma in ((0.3, 4), (0.1, 6)):
        yield "low light", f"{share:.0%}", partial(_darkened, share=share, sigma=sigma)
    for gamma in (0.4, 2.5):
        yield "gamma", f"{gamma}", partial(_bent, gamma=gamma)
    yield "light", "tungsten", _tungsten
    yield "light", "from one side", _side_lit
    yield "light", "grey", _grey
    for quality in (50, 15):
        yield "JPEG", f"quality {quality}", partial(encoded, extension=".jpg", quality=quality)


def encoded(picture: Bgr, *, extension: str, quality: int) -> Bgr:
    """Write the picture as JPEG or WebP and read it back."""
    setting = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[extension]
    file = cv2.imencode(extension, picture, [setting, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def _with_look(who: str, look: str) -> Scene:
    return replace(portrait(who), picture=painted(who, look))


def _from_look(who: str, look: str) -> Scene:
    return replace(portrait(who), source=painted(other_than(who), look))


def _scaled(who: str, width: int) -> Scene:
    return resized(head(who) if width > _CLOSE_UP_PX else portrait(who), width / face_width(who))


def _framed(who: str, width: int) -> Scene:
    return placed(sized_head(who, width), gradients(1920, 1080), 1217, 401)


def _turned(who: str, degrees: float) -> Scene:
    return turned(portrait(who), degrees)


def _shifted(who: str, pixels: float) -> Scene:
    return shifted(portrait(who), pixels)


def _changed(who: str, change: Callable[[Bgr], Bgr]) -> Scene:
    scene = portrait(who)
    return replace(scene, picture=change(scene.picture))


def _cut_face(who: str, sides: str, share: float) -> Scene:
    """`share` of the face's width or height lies beyond one edge, or two."""
    scene, (x0, y0, x1, y1) = portrait(who), PORTRAITS[who][1]
    across, down = round((x1 - x0) * share), round((y1 - y0) * share)
    height, width = scene.picture.shape[:2]
    left = x0 + across if "left" in sides else 0
    top = y0 + down if "top" in sides else 0
    right = x1 - across if "right" in sides else width
    bottom = y1 - down if "bottom" in sides else height
    return cut(scene, (left, top, right, bottom))


def _blurred(picture: Bgr, sigma: float) -> Bgr:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _shaken(picture: Bgr, reach: int) -> Bgr:
    """As by a camera that moved sideways."""
    return np.asarray(cv2.blur(picture, (reach, 1)), np.uint8)


def _darkened(picture: Bgr, share: float, sigma: float) -> Bgr:
    """A `share` of the light, with Gaussian noise of `sigma` levels, the same each time."""
    return _levels(picture * share + np.random.default_rng(5).normal(0, sigma, picture.shape))


def _bent(picture: Bgr, gamma: float) -> Bgr:
    return _levels(255 * (picture / 255.0) ** gamma)


def _tungsten(picture: Bgr) -> Bgr:
    return _levels(picture * np.array([0.55, 0.85, 1.15]))


def _side_lit(picture: Bgr) -> Bgr:
    """From full light to a fifth of it, over the picture's width."""
    return _levels(picture * np.linspace(1.0, 0.2, picture.shape[1])[:, None])


def _grey(picture: Bgr) -> Bgr:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def _levels(values: NDArray[np.floating]) -> Bgr:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
