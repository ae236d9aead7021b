"""The whole engine on the shipped weights and the two portraits."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.embedded import ENGINE_FILES, embedded_weights
from pipeline.engines.base import BlendOptions, Engine
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.topology import LIPS_OUTER
from pipeline.errors import NoFaceInSource
from pipeline.face import Array, Bgr, Face
from tests.quality.looks import painted
from tests.support.covers import covers
from tests.support.faces import astronaut, hopper, scaled, turned


class Portraits:
    """Both portraits with their faces found and prepared once."""

    def __init__(self) -> None:
        self.engine = open_mesh_engine()
        self.pictures = {"astronaut": astronaut(), "hopper": hopper()}
        self.faces = {name: self.engine.find_faces(it)[0] for name, it in self.pictures.items()}
        self.sources = {
            name: self.engine.prepare_source(self.pictures[name], face) for name, face in self.faces.items()
        }

    def swapped(self, source: str, target: str, blend: BlendOptions | None = None) -> Bgr:
        """A copy of the target's picture with the source's face in it."""
        frame = self.pictures[target].copy()
        assert swap(self.engine, frame, self.faces[target], self.sources[source], blend or BlendOptions())
        return frame


def swap(
    engine: MeshEngine, frame: Bgr, face: Face, source: MeshSource, blend: BlendOptions | None = None
) -> bool:
    """Swap one face."""
    (changed,) = engine.swap(frame, [(face, source)], blend or BlendOptions())
    return changed


@pytest.fixture(scope="module")
def portraits() -> Portraits:
    return Portraits()


both_ways = pytest.mark.parametrize(("source", "target"), [("astronaut", "hopper"), ("hopper", "astronaut")])


def _box(face: Face, shape: tuple[int, ...]) -> tuple[slice, slice]:
    x0, y0, x1, y1 = (int(side) for side in face.bbox)
    return slice(max(y0, 0), min(y1 + 2, shape[0])), slice(max(x0, 0), min(x1 + 2, shape[1]))


def _polygon(landmarks: Array, points: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(landmarks[list(points), :2]).astype(np.int32)], 1)
    return mask.astype(np.float32)


def _moved(face: Face, landmarks: Array) -> Face:
    return replace(face, landmarks=landmarks.astype(np.float32))


def test_it_is_an_engine_that_says_what_it_is(portraits: Portraits) -> None:
    engine: Engine[MeshSource] = portraits.engine
    assert engine.info.name == "mesh"
    assert engine.info.provider == "CPUExecutionProvider"
    assert engine.info.models == embedded_weights(ENGINE_FILES)
    assert [notice.code for notice in engine.notices] == ["basic_engine"]
    assert all(isinstance(source, MeshSource) for source in portraits.sources.values())


@both_ways
def test_the_face_changes_and_nothing_outside_of_it(portraits: Portraits, source: str, target: str) -> None:
    before, after = portraits.pictures[target], portraits.swapped(source, target)
    box = _box(portraits.faces[target], before.shape)
    inside = np.abs(after[box].astype(int) - before[box]).mean()
    assert inside > 5
    outside = after.copy()
    outside[box] = before[box]
    assert np.array_equal(outside, before)


@both_ways
def test_the_result_looks_more_like_the_source(portraits: Portraits, source: str, target: str) -> None:
    engine, face = portraits.engine, portraits.faces[target]
    wanted = portraits.sources[source].embedding
    assert wanted is not None
    before = engine.distance(engine.embed(portraits.pictures[target], face), wanted)
    after = engine.distance(engine.embed(portraits.swapped(source, target), face), wanted)
    assert before > 0.6
    assert after < 0.5  # the threshold for the same person lies at 0.58


def test_a_face_on_itself_stays_nearly_as_it_was(portraits: Portraits) -> None:
    for name, before in portraits.pictures.items():
        after = portraits.swapped(name, name)
        box = _box(portraits.faces[name], before.shape)
        assert np.abs(after[box].astype(int) - before[box]).mean() < 3


@both_ways
@pytest.mark.parametrize("factor", [1, 3])
def test_a_face_in_a_blurred_picture_is_as_blurred(
    portraits: Portraits, source: str, target: str, factor: int
) -> None:
    face = portraits.faces[target]
    assert face.landmarks is not None
    face = _moved(face, (face.landmarks + 0.5) * factor - 0.5)
    sigma = 0.03 * max(face.size) * factor
    picture = scaled(portraits.pictures[target], factor)
    before = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    after = before.copy()
    assert swap(portraits.engine, after, face, portraits.sources[source])
    box = tuple(
        slice(side.start * factor, side.stop * factor) for side in _box(portraits.faces[target], (600, 512))
    )
    steepest = [
        np.percentile(np.abs(np.diff(each[box].astype(np.float32).mean(axis=2), axis=0)), 99.5)
        for each in (before, after)
    ]
    assert steepest[1] < 1.6 * steepest[0]


@pytest.mark.parametrize("factor", [1, 3])
def test_a_grey_target_stays_grey(portraits: Portraits, factor: int) -> None:
    grey = np.repeat(portraits.pictures["hopper"].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    grey = scaled(grey, factor)
    face = portraits.faces["hopper"]
    assert face.landmarks is not None
    frame = grey.copy()
    face = _moved(face, (face.landmarks + 0.5) * factor - 0.5)
    assert swap(portraits.engine, frame, face, portraits.sources["astronaut"])
    assert np.ptp(frame.astype(int), axis=2).max() <= 1
    assert not np.array_equal(frame, grey)


def test_the_mouth_mask_keeps_every_pixel_of_the_mouth(portraits: Portraits) -> None:
    before, face = portraits.pictures["astronaut"], portraits.faces["astronaut"]
    after = portraits.swapped("hopper", "astronaut", BlendOptions(mouth_mask=True))
    assert face.landmarks is not None
    mouth = _polygon(face.landmarks, LIPS_OUTER, before.shape) > 0
    assert mouth.sum() > 300
    assert np.array_equal(after[mouth], before[mouth])


def test_without_colour_correction_the_source_keeps_its_own_tone(portraits: Portraits) -> None:
    box = _box(portraits.faces["hopper"], portraits.pictures["hopper"].shape)
    plain = portraits.swapped("astronaut", "hopper", BlendOptions(color_correction=False))[box].astype(int)
    matched = portraits.swapped("astronaut", "hopper")[box].astype(int)
    target = portraits.pictures["hopper"][box].astype(int)
    center = slice(60, 140), slice(50, 140)
    off = [np.abs((it[center] - target[center]).mean(axis=(0, 1))).max() for it in (plain, matched)]
    assert off[0] > off[1] + 5


def test_the_same_input_gives_the_same_pixels_on_any_number_of_threads(portraits: Portraits) -> None:
    usual = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = portraits.swapped("astronaut", "hopper")
        cv2.setNumThreads(4)
        four = portraits.swapped("astronaut", "hopper")
    finally:
        cv2.setNumThreads(usual)
    assert np.array_equal(one, four)
    assert np.array_equal(four, portraits.swapped("astronaut", "hopper"))


def test_a_frame_that_is_a_view_is_changed_in_place(portraits: Portraits) -> None:
    wide = np.zeros((600, 1024, 3), np.uint8)
    frame = wide[:, 256:768]
    frame[:] = portraits.pictures["hopper"]
    assert swap(portraits.engine, frame, portraits.faces["hopper"], portraits.sources["astronaut"])
    assert np.array_equal(frame, portraits.swapped("astronaut", "hopper"))
    assert not wide[:, :256].any()


@pytest.mark.parametrize("factor", [0.2, 0.45, 3.0])
def test_small_and_large_faces_are_swapped_within_their_box(portraits: Portraits, factor: float) -> None:
    before = scaled(portraits.pictures["hopper"], factor)
    landmarks = portraits.faces["hopper"].landmarks
    assert landmarks is not None
    face = replace(
        portraits.faces["hopper"],
        landmarks=((landmarks + 0.5) * factor - 0.5).astype(np.float32),
        bbox=portraits.faces["hopper"].bbox * np.float32(factor),
    )
    after = before.copy()
    assert swap(portraits.engine, after, face, portraits.sources["astronaut"])
    box = _box(face, before.shape)
    assert np.abs(after[box].astype(int) - before[box]).mean() > 5
    after[box] = before[box]
    assert np.array_equal(after, before)


def test_a_huge_face_fades_out_on_every_side(portraits: Portraits) -> None:
    top, left, factor = 40, 150, 10
    before = scaled(portraits.pictures["astronaut"][top:210, left:300], factor)
    landmarks = portraits.faces["astronaut"].landmarks
    assert landmarks is not None
    landmarks = (landmarks - np.array([left - 0.5, top - 0.5, 0], np.float32)) * factor
    after = before.copy()
    assert swap(
        portraits.engine, after, _moved(portraits.faces["astronaut"], landmarks), portraits.sources["hopper"]
    )
    step = np.abs(after.astype(int) - before).max(axis=2)
    rows, columns = np.nonzero(step)
    for edge in (step[rows.min()], step[rows.max()], step[:, columns.min()], step[:, columns.max()]):
        assert edge.max() < 12


@pytest.mark.parametrize("degrees", [45.0, -45.0])
def test_a_tilted_head_is_swapped_as_well(portraits: Portraits, degrees: float) -> None:
    picture = turned(portraits.pictures["hopper"], degrees, (260, 230))
    face = max(portraits.engine.find_faces(picture), key=lambda it: it.area)
    frame = picture.copy()
    assert swap(portraits.engine, frame, face, portraits.sources["astronaut"])
    wanted = portraits.sources["astronaut"].embedding
    assert wanted is not None
    assert portraits.engine.distance(portraits.engine.embed(frame, face), wanted) < 0.55


def test_a_face_cut_by_the_edge_is_swapped_up_to_the_edge(portraits: Portraits) -> None:
    before = portraits.pictures["hopper"][:, 260:].copy()
    landmarks = portraits.faces["hopper"].landmarks
    assert landmarks is not None
    face = _moved(portraits.faces["hopper"], landmarks - np.array([260, 0, 0]))
    after = before.copy()
    assert swap(portraits.engine, after, face, portraits.sources["astronaut"])
    assert (after[200:280, 0] != before[200:280, 0]).any(axis=1).mean() > 0.8


def test_a_face_that_is_not_there_changes_nothing(portraits: Portraits) -> None:
    face, source = portraits.faces["hopper"], portraits.sources["astronaut"]
    assert face.landmarks is not None
    broken = face.landmarks.copy()
    broken[5] = np.nan
    tiny, collapsed = face.landmarks * 0.02 + 100, face.landmarks * 0 + 100
    away, behind = face.landmarks + 5000, face.landmarks * np.array([-1, 1, 1]) + np.array([512, 0, 0])
    for landmarks in (broken, tiny, collapsed, away):
        frame = portraits.pictures["hopper"].copy()
        assert not swap(portraits.engine, frame, _moved(face, landmarks), source)
        assert np.array_equal(frame, portraits.pictures["hopper"])
    frame = portraits.pictures["hopper"].copy()
    swap(portraits.engine, frame, _moved(face, behind), source)
    assert not swap(portraits.engine, frame, replace(face, landmarks=None), source)


@given(
    linear=st.tuples(*[st.floats(-3, 3)] * 4),
    shift=st.tuples(st.floats(-700, 700), st.floats(-700, 700)),
    noise=st.floats(0, 40),
    seed=st.integers(0, 9),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the fixture is of the module and is not changed
def test_no_landmarks_break_it_and_a_refusal_leaves_the_frame_alone(
    portraits: Portraits,
    linear: tuple[float, ...],
    shift: tuple[float, float],
    noise: float,
    seed: int,
) -> None:
    face = portraits.faces["astronaut"]
    assert face.landmarks is not None
    landmarks = face.landmarks.copy()
    center = landmarks[:, :2].mean(axis=0)
    landmarks[:, :2] = (landmarks[:, :2] - center) @ np.array(linear).reshape(2, 2) + center + shift
    landmarks += np.random.default_rng(seed).normal(0, 1, landmarks.shape) * noise
    frame = portraits.pictures["astronaut"].copy()
    changed = swap(portraits.engine, frame, _moved(face, landmarks), portraits.sources["hopper"])
    if not changed:
        assert np.array_equal(frame, portraits.pictures["astronaut"])
    low, high = landmarks[:, :2].min(axis=0) - 3, landmarks[:, :2].max(axis=0) + 3
    y, x = np.nonzero((frame != portraits.pictures["astronaut"]).any(axis=2))
    margin = 0.1 * max(high - low)  # bending towards the source's geometry may move points out a little
    assert ((x > low[0] - margin) & (x < high[0] + margin)).all()
    assert ((y > low[1] - margin) & (y < high[1] + margin)).all()


def _codes(engine: MeshEngine, picture: Bgr, face: Face) -> Iterator[str]:
    return (notice.code for notice in engine.prepare_source(picture, face).notices)


def test_good_sources_carry_no_notice_but_that_spectacles_are_copied(portraits: Portraits) -> None:
    assert portraits.sources["astronaut"].notices == ()
    [notice] = portraits.sources["hopper"].notices
    assert notice.code == "source_covered"
    assert "spectacles" in notice.message


def test_a_small_source_says_so(portraits: Portraits) -> None:
    picture = scaled(portraits.pictures["astronaut"], 0.5)
    assert list(_codes(portraits.engine, picture, portraits.engine.find_faces(picture)[0])) == [
        "source_small"
    ]


def test_a_source_in_profile_says_so_and_a_hopeless_one_is_refused(portraits: Portraits) -> None:
    face, picture = portraits.faces["hopper"], portraits.pictures["hopper"]
    assert face.landmarks is not None
    center = face.landmarks.mean(axis=0)
    for degrees, refused in ((27, False), (43, False), (48, True), (75, True)):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        matrix = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
        aside = _moved(face, (face.landmarks - center) @ matrix + center)
        if refused:
            with pytest.raises(NoFaceInSource, match="turned"):
                portraits.engine.prepare_source(picture, aside)
        else:
            assert "source_profile" in _codes(portraits.engine, picture, aside)


def test_shut_eyes_in_the_source_are_said(portraits: Portraits) -> None:
    face = portraits.faces["hopper"]
    assert face.landmarks is not None
    shut = face.landmarks.copy()
    shut[[159, 386], :2] = shut[[145, 374], :2] - np.array([0, 1])
    picture = portraits.pictures["hopper"]
    assert "source_eyes_closed" in _codes(portraits.engine, picture, _moved(face, shut))


def test_a_covered_source_face_is_said(portraits: Portraits) -> None:
    picture, face = portraits.pictures["hopper"].copy(), portraits.faces["hopper"]
    picture[245:] = (180, 170, 90)  # like a mask from the nose down
    assert "source_covered" in _codes(portraits.engine, picture, face)


def test_whatever_covers_a_source_is_said_and_a_beard_is_not(portraits: Portraits) -> None:
    picture, face = portraits.pictures["astronaut"], portraits.faces["astronaut"]
    for name, covered in covers(picture, face):
        assert "source_covered" in _codes(portraits.engine, covered, face), name
    assert "source_covered" not in _codes(portraits.engine, painted("collins", "bearded"), face)
    assert "source_covered" not in _codes(portraits.engine, painted("collins", "long-haired"), face)


def test_a_source_beyond_the_edge_is_said_or_refused(portraits: Portraits) -> None:
    picture, face = portraits.pictures["hopper"], portraits.faces["hopper"]
    assert face.landmarks is not None
    slightly = _moved(face, face.landmarks - np.array([200, 0, 0]))
    assert "source_cut_off" in _codes(portraits.engine, picture[:, 200:], slightly)
    mostly = _moved(face, face.landmarks - np.array([300, 0, 0]))
    with pytest.raises(NoFaceInSource, match="edge"):
        portraits.engine.prepare_source(picture[:, 300:], mostly)


def test_sources_too_small_or_without_landmarks_are_refused(portraits: Portraits) -> None:
    picture, face = portraits.pictures["hopper"], portraits.faces["hopper"]
    assert face.landmarks is not None
    with pytest.raises(NoFaceInSource, match="pixels high"):
        portraits.engine.prepare_source(picture, _moved(face, face.landmarks * 0.05))
    with pytest.raises(NoFaceInSource, match="sharp, frontal"):
        portraits.engine.prepare_source(picture, replace(face, landmarks=None))
    with pytest.raises(NoFaceInSource, match="sharp, frontal"):
        portraits.engine.prepare_source(picture, _moved(face, face.landmarks * np.nan))


def test_of_several_pictures_of_one_person_the_best_is_drawn_and_the_identity_is_the_mean(
    portraits: Portraits,
) -> None:
    good = portraits.sources["astronaut"]
    small = portraits.engine.prepare_source(
        tiny := scaled(portraits.pictures["astronaut"], 0.5), portraits.engine.find_faces(tiny)[0]
    )
    assert [notice.code for notice in small.notices] == ["source_small"]
    for order in ([good, small], [small, good]):
        both = portraits.engine.merge_sources(order)
        assert both.texture is good.texture
        assert both.notices == ()
        assert both.embedding is not None
        apart = [portraits.engine.distance(both.embedding, each.embedding) for each in (good, small)]  # type: ignore[arg-type] # there are some
        assert apart[0] == pytest.approx(apart[1], abs=0.02)
