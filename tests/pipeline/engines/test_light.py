"""A swapped face takes on the target's light, on both engines, and only where it is asked to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.catalogue import Catalogue
from pipeline.align import similarity_fit, warp_crop
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.engines.inswapper.engine import open_inswapper_engine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Bgr, Face, Source
from tests.quality.seam import look_at_seam
from tests.support.engines import picture
from tests.support.faces import astronaut, hopper
from tests.support.standins.swapper import build_swapper


def darkened(bgr: Bgr) -> Bgr:
    return (bgr * 0.3).astype(np.uint8)


def gamma(bgr: Bgr) -> Bgr:
    return (255 * (bgr / 255) ** 2.5).astype(np.uint8)


def bright(bgr: Bgr) -> Bgr:
    return (255 * (bgr / 255) ** 0.4).astype(np.uint8)


def tungsten(bgr: Bgr) -> Bgr:
    return np.asarray(np.clip(bgr * np.array([0.55, 0.85, 1.15]), 0, 255), np.uint8)


def side_lit(bgr: Bgr) -> Bgr:
    return (bgr * np.linspace(1, 0.2, bgr.shape[1])[:, None]).astype(np.uint8)


def grey(bgr: Bgr) -> Bgr:
    return np.repeat(bgr.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """An engine, a source that it puts onto `face` of `target`."""

    engine: AnyEngine
    source: Source
    target: Bgr
    face: Face


@pytest.fixture(scope="module", params=["mesh", "inswapper"])
def pairs(
    request: pytest.FixtureRequest,
    inswapper_files: Mapping[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Pair]:
    """Each of the two portraits as source of the other; inswapper's network gives the source's own crop."""
    mesh, people = open_mesh_engine(), [astronaut(), hopper()]
    faces = [mesh.find_faces(person)[0] for person in people]
    made = []
    for who, other in ((0, 1), (1, 0)):
        engine: AnyEngine = mesh
        source: Source = mesh.prepare_source(people[other], faces[other])
        if request.param == "inswapper":
            path = tmp_path_factory.mktemp("shows") / "inswapper_128.onnx"
            engine, source = showing(path, people[other], faces[other], inswapper_files)
        made.append(Pair(engine=engine, source=source, target=people[who], face=faces[who]))
    return made


def showing(path: Path, bgr: Bgr, face: Face, files: Mapping[str, Path]) -> tuple[AnyEngine, Source]:
    spec = Catalogue.load().engines["inswapper_128"]
    crop = warp_crop(bgr, similarity_fit(face.kps, np.array(spec.template.at(128))), 128)
    engine = open_inswapper_engine(
        {**files, "swapper": build_swapper(path, shows=crop)}, spec, provider="cpu", threads=1, hashes={}
    )
    red = picture(640, 640, faces=((240, 200, 160, 200),))
    return engine, engine.prepare_source(red, engine.find_faces(red)[0])


def tone(pair: Pair, light: Callable[[Bgr], Bgr], *, corrected: bool) -> tuple[float, Bgr]:
    """CIEDE2000 of the face's middle, after against before; and the result."""
    before = light(pair.target)
    after = before.copy()
    blend = BlendOptions(color_correction=corrected, paste="oval")
    assert pair.engine.swap(after, [(pair.face, pair.source)], blend) == [True]
    assert pair.face.landmarks is not None
    seam = look_at_seam(before, after, pair.face.landmarks[:, :2], max(pair.face.size))
    assert seam is not None
    return seam.tone, after


@pytest.mark.parametrize("light", [np.copy, darkened, gamma, bright, tungsten, side_lit, grey])
def test_the_tone_is_the_targets_in_any_light_and_the_sources_where_that_is_asked_for(
    pairs: list[Pair], light: Callable[[Bgr], Bgr]
) -> None:
    for pair in pairs:
        matched, _ = tone(pair, light, corrected=True)
        own, _ = tone(pair, light, corrected=False)
        # The dark frame and the sockets of one source are a part of what is compared: about half of it.
        assert matched < 3.5
        assert own > 2.5 * matched


def test_a_grey_picture_stays_grey(pairs: list[Pair]) -> None:
    for pair in pairs:
        _, after = tone(pair, grey, corrected=True)
        assert (
            np.ptp(after.astype(int), axis=2).max() <= 10
        )  # at the rim, where inswapper gives the target back
        assert np.ptp(after[middle_of(pair)].astype(int), axis=2).max() <= 3


def middle_of(pair: Pair) -> tuple[slice, slice]:
    """The middle half of the face's box."""
    x0, y0, x1, y1 = pair.face.bbox.astype(int)
    return slice(y0 + (y1 - y0) // 4, y1 - (y1 - y0) // 4), slice(x0 + (x1 - x0) // 4, x1 - (x1 - x0) // 4)


@pytest.mark.parametrize("light", [np.copy, bright])
def test_no_skin_turns_into_the_opposite_colour(pairs: list[Pair], light: Callable[[Bgr], Bgr]) -> None:
    for pair in pairs:
        _, after = tone(pair, light, corrected=True)
        blue, _, red = (after[middle_of(pair)][..., channel].astype(int) for channel in range(3))
        assert (blue - red > 25).mean() < 0.01  # noise in pale skin may be cool


LAMPS = {
    "tungsten": (0.55, 0.85, 1.1),
    "pale blue": (1.1, 0.85, 0.75),
    "blue": (1.15, 0.65, 0.55),
    "deep blue": (1.15, 0.45, 0.35),
    "ultramarine": (1.2, 0.2, 0.15),
    "red": (0.3, 0.3, 1.2),
    "green": (0.4, 1.15, 0.4),
    "magenta": (1.1, 0.35, 1.1),
}
"""What a lamp leaves of blue, green and red, clipped as a camera does."""


def strange_hues(before: Bgr, after: Bgr) -> float:
    """The share of pixels whose hue is 40 degrees and more off every hue that was there before."""
    (hue, saturation, _), (new_hue, new_saturation, value) = (
        cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV_FULL).astype(int)) for bgr in (before, after)
    )
    often = np.bincount(hue[saturation > 60], minlength=256) > 0.003 * hue.size
    if not often.any():
        return 0.0
    off = np.abs(new_hue[..., None] - np.flatnonzero(often))
    degrees = np.minimum(off, 256 - off).min(axis=-1) * 360 / 256
    return float(((degrees > 40) & (new_saturation > 60) & (value > 40)).mean())


@pytest.mark.parametrize("lamp", LAMPS)
@pytest.mark.parametrize("pairs", ["mesh"], indirect=True)
def test_a_lamps_light_brings_no_hue_that_the_target_never_had(pairs: list[Pair], lamp: str) -> None:
    for pair in pairs:
        matched, after = tone(pair, lambda bgr: lit_by(bgr, LAMPS[lamp]), corrected=True)
        middle = middle_of(pair)
        # 0.04 with the blue lamp, more or less by the processor; 0.77 where the light is not matched.
        assert strange_hues(lit_by(pair.target, LAMPS[lamp])[middle], after[middle]) < 0.1
        assert matched < 5


def lit_by(bgr: Bgr, lamp: tuple[float, ...]) -> Bgr:
    return np.asarray(np.clip(bgr * np.array(lamp), 0, 255), np.uint8)
