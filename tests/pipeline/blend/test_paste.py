"""Paste-back beside insightface's own `INSwapper.get`, whose network is a known picture here."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.catalogue import Catalogue
from pipeline.align import Matrix, similarity_fit, transform
from pipeline.blend.masks import Mask
from pipeline.blend.paste import BoxEdge, paste
from pipeline.face import Array, Bgr
from tests.support.faces import astronaut, scaled
from tests.support.standins.insight import KnownSwapper, matrix_by_insightface

SIZE = 128
LEVELS = 2  # of 255: what two ways of rounding a bilinear warp, and a cut-off fraction, may differ by
FACE = np.array([(-0.2, -0.2), (0.2, -0.19), (-0.02, 0.05), (-0.17, 0.23), (0.2, 0.28)])


@pytest.fixture(scope="module")
def template() -> Matrix:
    spec = Catalogue.load().engines["inswapper_128"]
    return np.array(spec.template.at(SIZE), np.float64)


@pytest.fixture(scope="module")
def crops() -> dict[str, Bgr]:
    """A face, and the worst case: noise."""
    face = cv2.resize(astronaut()[65:180, 177:273], (SIZE, SIZE))
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3))
    return {"face": np.asarray(face, np.uint8), "noise": noise.astype(np.uint8)}


def points(x: float, y: float, size: float, turn: float) -> Array:
    """Five points of a face of about `size` pixels about (x, y), turned by `turn` radians."""
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(FACE * size @ rotation.T + (x, y), np.float32)


def difference(one: Bgr, other: Bgr) -> int:
    return int(np.abs(one.astype(int) - other).max())


@settings(deadline=None, max_examples=80)
@given(
    x=st.floats(-60, 460),
    y=st.floats(-60, 360),
    size=st.floats(6, 500),
    turn=st.floats(-np.pi, np.pi),
    kind=st.sampled_from(["face", "noise"]),
)
def test_exact_gives_insightfaces_picture_anywhere_at_any_angle_and_size(
    x: float, y: float, size: float, turn: float, kind: str, crops: dict[str, Bgr]
) -> None:
    frame = np.ascontiguousarray(astronaut()[:300, :400])
    kps = points(x, y, size, turn)
    expected = KnownSwapper(crops[kind]).get(frame, kps)
    pasted = frame.copy()
    changed = paste(pasted, crops[kind], matrix_by_insightface(kps), edge="exact")
    if expected is None:  # insightface fails where the frame shows nothing of the crop
        assert not changed
        assert np.array_equal(pasted, frame)
    else:
        assert difference(pasted, expected) <= LEVELS


@pytest.mark.parametrize(("shape", "size"), [((1080, 1920), 160), ((1080, 1920), 500), ((2160, 3840), 320)])
def test_exact_gives_insightfaces_picture_in_frames_of_video_size(
    shape: tuple[int, int], size: float, crops: dict[str, Bgr]
) -> None:
    frame = np.asarray(cv2.resize(astronaut(), shape[::-1]), np.uint8)
    kps = points(shape[1] * 0.31 + 0.37, shape[0] * 0.6 + 0.21, size, 0.3)
    pasted = frame.copy()
    paste(pasted, crops["noise"], matrix_by_insightface(kps), edge="exact")
    expected = KnownSwapper(crops["noise"]).get(frame, kps)
    assert expected is not None
    assert difference(pasted, expected) <= LEVELS


@settings(deadline=None, max_examples=80)
@given(
    x=st.floats(-200, 600),
    y=st.floats(-200, 500),
    size=st.floats(4, 400),
    turn=st.floats(-np.pi, np.pi),
    edge=st.sampled_from(["exact", "fast"]),
)
def test_no_pixel_outside_of_the_crop_changes(
    x: float, y: float, size: float, turn: float, edge: BoxEdge, template: Matrix, crops: dict[str, Bgr]
) -> None:
    frame = np.ascontiguousarray(astronaut()[:300, :400])
    matrix = similarity_fit(points(x, y, size, turn), template)
    pasted = frame.copy()
    changed = paste(pasted, crops["noise"], matrix, edge=edge)
    differs = (pasted != frame).any(axis=2)
    assert changed or not differs.any()
    assert not differs[~_near_crop(matrix, frame.shape)].any()


def test_two_faces_that_overlap_are_pasted_one_over_the_other(
    crops: dict[str, Bgr],
) -> None:
    frame, expected = astronaut(), astronaut()
    for kind, x in (("face", 200.0), ("noise", 240.0)):
        kps = points(x, 250, 120, 0.2)
        theirs = KnownSwapper(crops[kind]).get(expected, kps)
        assert theirs is not None
        expected = theirs
        paste(frame, crops[kind], matrix_by_insightface(kps), edge="exact")
    assert difference(frame, expected) <= 2 * LEVELS


def test_a_frame_that_is_a_view_is_changed_in_place_and_its_surroundings_are_not(
    template: Matrix, crops: dict[str, Bgr]
) -> None:
    matrix = similarity_fit(points(90, 120, 200, 0.0), template)
    wide, alone = scaled(astronaut(), 2.0), scaled(astronaut(), 2.0)[100:400, 300:600].copy()
    before = wide.copy()
    paste(wide[100:400, 300:600], crops["face"], matrix, edge="exact")
    paste(alone, crops["face"], matrix, edge="exact")
    assert np.array_equal(wide[100:400, 300:600], alone)
    wide[100:400, 300:600] = before[100:400, 300:600]
    assert np.array_equal(wide, before)


@pytest.mark.parametrize("edge", ["exact", "fast"])
def test_a_mask_keeps_what_it_leaves_out(edge: BoxEdge, template: Matrix, crops: dict[str, Bgr]) -> None:
    frame = astronaut()
    matrix = similarity_fit(points(250, 250, 300, 0.0), template)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:, : SIZE // 2] = 1
    paste(frame, crops["noise"], matrix, masks=[Mask(values=mask, matrix=matrix)], edge=edge)
    column = round(float(transform(np.linalg.inv([*matrix, [0, 0, 1]])[:2], np.array([[64, 64]]))[0, 0]))
    changed = (frame != astronaut()).any(axis=2)
    assert not changed[:, column + 5 :].any()
    assert changed[250, column - 60 : column - 20].all()


def test_fast_is_the_crop_itself_within_and_close_to_exact_everywhere(
    template: Matrix, crops: dict[str, Bgr]
) -> None:
    matrix = similarity_fit(points(250, 250, 300, 0.1), template)
    frames = {edge: astronaut() for edge in ("exact", "fast")}
    for edge, frame in frames.items():
        paste(frame, crops["face"], matrix, edge=edge)  # type: ignore[arg-type] # literals
    assert difference(frames["exact"][200:300, 200:300], frames["fast"][200:300, 200:300]) <= 1
    changed = (frames["exact"] != astronaut()).any(axis=2)
    apart = np.abs(frames["exact"].astype(int) - frames["fast"])[changed]
    assert apart.mean() < 5


@pytest.mark.parametrize("edge", ["exact", "fast"])
def test_a_matrix_that_is_no_similarity_changes_nothing(edge: BoxEdge, crops: dict[str, Bgr]) -> None:
    for matrix in (np.full((2, 3), np.nan), np.array([[1.0, 0, 5000], [0, 1, 5000]])):
        frame = astronaut()
        assert not paste(frame, crops["face"], matrix, edge=edge)
        assert np.array_equal(frame, astronaut())


def _near_crop(matrix: Matrix, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where in the frame the crop lies, and what the blur may reach where the frame's edge cuts the crop.

    That is a twentieth of the crop, at least 5 pixels, and 2 more.
    """
    y, x = np.indices(shape[:2])
    in_crop = transform(matrix, np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    margin = max(SIZE / 20, 5 * scale) + 2 * scale
    inside = ((in_crop >= -margin) & (in_crop <= SIZE - 1 + margin)).all(axis=1)
    return np.asarray(inside.reshape(shape[:2]), np.bool_)
