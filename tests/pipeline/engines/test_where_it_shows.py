"""What every mask promises, on both engines: which pixels change, which keep their exact values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.errors import ModelUnavailable
from pipeline.blend.masks import face_outline
from pipeline.blend.occlusion import OnnxOccluder, open_occluder
from pipeline.blend.paste import PasteMode
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.engines.inswapper.engine import open_inswapper_engine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Bgr, Face, Source
from tests.support.engines import picture
from tests.support.faces import astronaut, hopper, scaled
from tests.support.standins.occluder import BLUE, build_occluder

MODELS = {"xseg_3.onnx": "sha256:00"}
EDGES = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)]
LOOKS = [
    BlendOptions(),
    BlendOptions(color_correction=False),
    BlendOptions(mouth_mask=True),
    BlendOptions(paste="fast"),
    BlendOptions(paste="oval", mouth_mask=True),
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One engine, with and without an occluder; a source; the portrait that becomes the target."""

    engine: AnyEngine
    keeping: AnyEngine
    source: Source
    portrait: Bgr
    face: Face

    def swapped(
        self, frame: Bgr, face: Face, blend: BlendOptions | None = None, *, keeping: bool = False
    ) -> Bgr:
        after = frame.copy()
        engine = self.keeping if keeping else self.engine
        assert engine.swap(after, [(face, self.source)], blend or BlendOptions()) == [True]
        return after


@pytest.fixture(scope="module")
def occluder(tmp_path_factory: pytest.TempPathFactory) -> OnnxOccluder:
    path = build_occluder(tmp_path_factory.mktemp("occluder") / "xseg_3.onnx")
    spec = Catalogue.load().engines["xseg_3"]
    return open_occluder({"occluder": path}, spec, provider="cpu", threads=1, models=MODELS)


@pytest.fixture(scope="module", params=["mesh", "inswapper"])
def case(request: pytest.FixtureRequest, occluder: OnnxOccluder, inswapper_files: Mapping[str, Path]) -> Case:
    mesh, portrait = open_mesh_engine(), astronaut()
    face = mesh.find_faces(portrait)[0]
    if request.param == "mesh":
        source = mesh.prepare_source(hopper(), mesh.find_faces(hopper())[0])
        return Case(
            engine=mesh,
            keeping=open_mesh_engine(occluder=occluder),
            source=source,
            portrait=portrait,
            face=face,
        )
    engine, keeping = (
        open_inswapper_engine(
            inswapper_files,
            Catalogue.load().engines["inswapper_128"],
            provider="cpu",
            threads=1,
            hashes={},
            occluder=covering,
        )
        for covering in (None, occluder)
    )
    # Cyan: far from skin, and far from the blue that stands for what covers a face.
    red = picture(640, 640, colour=(200, 160, 20), faces=((240, 200, 160, 200),))
    return Case(
        engine=engine,
        keeping=keeping,
        source=engine.prepare_source(red, engine.find_faces(red)[0]),
        portrait=portrait,
        face=replace(face, landmarks=None),
    )


def moved(face: Face, factor: float, shift: tuple[float, float] = (0, 0)) -> Face:
    """The face after its picture was scaled, then shifted."""
    landmarks = face.landmarks
    if landmarks is not None:
        landmarks = (landmarks * factor + np.array([*shift, 0])).astype(np.float32)
    return replace(
        face,
        bbox=(face.bbox * factor + np.array([*shift, *shift])).astype(np.float32),
        kps=(face.kps * factor + np.array(shift)).astype(np.float32),
        landmarks=landmarks,
    )


def within(face: Face, shape: tuple[int, ...], share: float) -> NDArray[np.bool_]:
    """The middle of a face, `share` of its size."""
    outline = face_outline(face)
    middle = outline.mean(axis=0)
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.round(middle + share * (outline - middle)).astype(np.int32)], 1)
    return canvas > 0


def beyond_reach(face: Face, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """What lies further from a face's middle than its size, or 8 pixels more."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    (x, y), reach = face.center, max(face.size) + 8
    return np.asarray((np.abs(columns - x) > reach) | (np.abs(rows - y) > reach), np.bool_)


def changed(before: Bgr, after: Bgr) -> NDArray[np.bool_]:
    return np.asarray((before != after).any(axis=2), np.bool_)


@pytest.mark.parametrize("blend", LOOKS)
def test_far_from_the_face_no_pixel_changes_and_its_middle_does(case: Case, blend: BlendOptions) -> None:
    differs = changed(case.portrait, case.swapped(case.portrait, case.face, blend))
    assert not differs[beyond_reach(case.face, case.portrait.shape)].any()
    upper = within(case.face, case.portrait.shape, 0.5)
    upper[int(case.face.center[1]) :] = False  # the mouth may stay
    assert differs[upper].mean() > 0.9


def test_the_oval_leaves_alone_what_the_box_redraws(case: Case) -> None:
    box, oval = (
        case.swapped(case.portrait, case.face, BlendOptions(paste=paste)) for paste in ("exact", "oval")
    )
    if case.face.landmarks is not None:
        assert np.array_equal(box, oval)  # mesh has no box
        return
    around = ~within(case.face, case.portrait.shape, 1.4)
    assert changed(case.portrait, box)[around].sum() > 1000
    assert not changed(case.portrait, oval)[around].any()
    core = within(case.face, case.portrait.shape, 0.5)
    assert np.abs(box[core].astype(int) - oval[core]).max() <= 2


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_the_mouth_mask_keeps_every_pixel_between_the_mouths_corners(case: Case, factor: float) -> None:
    frame, face = scaled(case.portrait, factor), moved(case.face, factor)
    after = case.swapped(frame, face, BlendOptions(mouth_mask=True))
    left, right = face.kps[3:]
    lips = np.zeros(frame.shape[:2], np.uint8)
    cv2.line(lips, np.round(left).astype(int).tolist(), np.round(right).astype(int).tolist(), 1, 1)
    assert lips.sum() > 20
    assert np.array_equal(after[lips > 0], frame[lips > 0])
    if face.landmarks is None:  # mesh keeps a laughing mouth without being asked
        assert changed(frame, case.swapped(frame, face))[lips > 0].mean() > 0.8


@pytest.mark.parametrize(("across", "down"), EDGES)
@pytest.mark.parametrize("paste", ["exact", "fast"])
def test_a_face_cut_by_the_frames_edge_is_swapped_up_to_it(
    case: Case, across: int, down: int, paste: PasteMode
) -> None:
    factor = 4.0
    whole, uncut = scaled(case.portrait, factor), moved(case.face, factor)
    (x, y), (width, height) = uncut.center, uncut.size
    # The edge cuts a quarter of the face off.
    x0, x1 = max(0, int(x - width / 4)) if across < 0 else 0, int(x + width / 4) if across > 0 else None
    y0, y1 = max(0, int(y - height / 4)) if down < 0 else 0, int(y + height / 4) if down > 0 else None
    frame = np.ascontiguousarray(whole[y0:y1, x0:x1])
    face = moved(uncut, 1.0, (-x0, -y0))
    blend = BlendOptions(paste=paste, color_correction=False)
    after, expected = case.swapped(frame, face, blend), case.swapped(whole, uncut, blend)[y0:y1, x0:x1]
    core = within(face, frame.shape, 0.85)
    for rim in edges(across, down):
        assert core[rim].sum() > 50
        apart = np.abs(after[rim].astype(int) - expected[rim])[core[rim]]
        assert apart.mean() < 7  # black from beyond the edge would make it 50
        shares = [changed(frame, it)[rim][core[rim]].mean() for it in (after, expected)]
        assert shares[0] > 0.9 * shares[1] > 0


def edges(across: int, down: int) -> list[tuple[Any, Any]]:
    """The outermost lines of pixels at the frame's edges that cut the face."""
    every = slice(None)
    lines: list[tuple[Any, Any]] = []
    if across:
        lines.append((every, 0 if across < 0 else -1))
    if down:
        lines.append((0 if down < 0 else -1, every))
    return lines


@pytest.mark.parametrize(
    "blend", [BlendOptions(), BlendOptions(color_correction=False), BlendOptions(paste="oval")]
)
def test_what_covers_a_face_keeps_every_pixel_and_the_rest_is_swapped(
    case: Case, blend: BlendOptions
) -> None:
    frame, face = scaled(case.portrait, 3.0), moved(case.face, 3.0)
    x, y = (round(value) for value in face.center)
    frame[y - 25 : y + 25, x - 200 : x + 200] = BLUE
    covered = (frame == BLUE).all(axis=2)
    kept, painted = (case.swapped(frame, face, blend, keeping=keeping) for keeping in (True, False))
    assert np.array_equal(kept[covered], frame[covered])
    assert changed(frame, painted)[covered & within(face, frame.shape, 0.6)].mean() > 0.8
    rest = within(face, frame.shape, 0.5)
    rest[y - 60 : y + 60] = False
    assert changed(frame, kept)[rest].mean() > 0.5  # mesh keeps a laughing mouth
    assert np.abs(kept[rest].astype(int) - painted[rest]).mean() < 3


def test_a_free_face_is_swapped_the_same_with_an_occluder(case: Case) -> None:
    kept, usual = (
        case.swapped(case.portrait, case.face, keeping=keeping).astype(int) for keeping in (True, False)
    )
    assert np.abs(kept - usual).max() <= 1
    assert case.keeping.info.models.items() >= MODELS.items()


@pytest.mark.parametrize("width", [20, 2000])
def test_tiny_and_huge_faces_change_in_their_middle_and_nowhere_else(case: Case, width: int) -> None:
    x0, y0, x1, y1 = (int(side) for side in case.face.bbox + np.array([-60, -60, 60, 60], np.float32))
    factor = width / case.face.size[0]
    frame = scaled(np.ascontiguousarray(case.portrait[y0:y1, x0:x1]), factor)
    face = moved(moved(case.face, 1.0, (-x0, -y0)), factor)
    differs = changed(frame, case.swapped(frame, face))
    assert differs[within(face, frame.shape, 0.4)].mean() > 0.7
    assert not differs[beyond_reach(face, frame.shape)].any()


def test_colour_correction_is_heeded(case: Case) -> None:
    with_it, without = (
        case.swapped(case.portrait, case.face, BlendOptions(color_correction=on)).astype(int)
        for on in (True, False)
    )
    core = within(case.face, case.portrait.shape, 0.6)
    assert np.abs(with_it - without)[core].mean() > 3


def beside(case: Case, gap: float) -> tuple[Bgr, Face, Face]:
    """Two faces `gap` face widths apart, the right one a tenth larger."""
    shift = round(gap * case.face.size[0])
    frame = np.full((620, 700, 3), 128, np.uint8)
    frame[:512, :512] = case.portrait
    x0, y0, x1, y1 = (int(side) for side in case.face.bbox)
    larger = scaled(np.ascontiguousarray(case.portrait[y0:y1, x0:x1]), 1.1)
    left, top = x0 + shift, y0
    frame[top : top + larger.shape[0], left : left + larger.shape[1]] = larger
    right = moved(case.face, 1.1, (left - 1.1 * x0, top - 1.1 * y0))
    return frame, case.face, right


@pytest.mark.parametrize("gap", [0.7, 0.85])
@pytest.mark.parametrize("blend", [BlendOptions(), BlendOptions(paste="fast")])
def test_the_larger_of_two_faces_that_overlap_keeps_every_pixel_of_its_own(
    case: Case, gap: float, blend: BlendOptions
) -> None:
    frame, smaller, larger = beside(case, gap)
    after, alone = frame.copy(), frame.copy()
    case.engine.swap(after, [(smaller, case.source)], blend, others=[smaller, larger])
    case.engine.swap(alone, [(smaller, case.source)], blend)
    theirs = within(larger, frame.shape, 1.0)
    assert changed(frame, alone)[theirs].any()
    assert not changed(frame, after)[theirs].any()
    far_side = within(smaller, frame.shape, 0.6)
    far_side[:, round(smaller.center[0]) - 10 :] = False
    assert np.array_equal(after[far_side], alone[far_side])


def test_a_smaller_neighbour_keeps_what_the_larger_face_does_not_cover(case: Case) -> None:
    frame, smaller, larger = beside(case, 0.8)
    after = frame.copy()
    case.engine.swap(after, [(larger, case.source)], BlendOptions(), others=[smaller, larger])
    theirs = within(smaller, frame.shape, 1.0) & ~within(larger, frame.shape, 1.3)
    assert theirs.sum() > 800
    assert not changed(frame, after)[theirs].any()
    assert changed(frame, after)[within(larger, frame.shape, 0.5)].mean() > 0.8


def test_a_neighbour_further_away_changes_nothing(case: Case) -> None:
    away = moved(case.face, 1.0, (2000, 0))
    after = case.portrait.copy()
    case.engine.swap(after, [(case.face, case.source)], BlendOptions(), others=[case.face, away])
    assert np.array_equal(after, case.swapped(case.portrait, case.face))


def test_a_file_that_is_no_occluder_is_named(inswapper_files: Mapping[str, Path]) -> None:
    spec = Catalogue.load().engines["xseg_3"]
    files = {"occluder": inswapper_files["swapper"]}
    with pytest.raises(ModelUnavailable, match=r"inswapper_128\.onnx is not an occluder"):
        open_occluder(files, spec, provider="cpu", threads=1, models={})
