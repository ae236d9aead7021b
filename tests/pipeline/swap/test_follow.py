"""In an animation a source stays with its person, wherever that one goes; with an engine of known result."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.errors import FaceNotFound, NoFaceInTarget
from pipeline.face import Bgr, Face, Source
from pipeline.faces.match import StoredFace, StoredFaces
from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits
from pipeline.swap.request import Choice, Mapped, Recognised
from tests.support.animations import animate
from tests.support.engines import FlatEngine, person_bgr, picture, png
from tests.support.pictures import to_image
from tests.support.requests import a_request, swap

GREEN, BLUE = (10, 200, 30), (220, 40, 20)
SOURCES = {"face_0": png(picture(colour=GREEN)), "face_1": png(picture(colour=BLUE))}
LEFT, RIGHT, BELOW = (4, 4, 14, 14), (40, 6, 14, 14), (22, 28, 14, 14)
Box = tuple[int, int, int, int]
Scene = dict[int, Box]  # where each person is


def frame(scene: Scene) -> Bgr:
    return picture(faces=tuple(scene.values()), people=tuple(scene))


def film(scenes: Sequence[Scene]) -> bytes:
    return animate([to_image(frame(scene)) for scene in scenes], "PNG", [100] * len(scenes))


def swapped(
    scenes: Sequence[Scene], choice: Choice, sources: dict[str, bytes] | bytes = SOURCES
) -> list[Bgr]:
    """The frames of the result."""
    result = swap(a_request(sources, film(scenes), choice=choice), FlatEngine())
    animation = open_animation(result.data, Limits())
    assert animation is not None
    return [shown.bgr for shown in animation.frames()]


def painted(scene: Scene, colours: dict[int, tuple[int, int, int]]) -> Bgr:
    """A frame in which some people have the colours that a swap gives them."""
    expected = frame(scene)
    for person, colour in colours.items():
        if person in scene:
            x, y, width, height = scene[person]
            expected[y : y + height, x : x + width] = colour
    return expected


WALKS = {
    "they change places": [{0: LEFT, 2: RIGHT, 4: BELOW}, {0: RIGHT, 2: LEFT, 4: BELOW}],
    "one goes out and comes back elsewhere": [{0: LEFT, 2: RIGHT}, {2: RIGHT}, {0: BELOW, 2: RIGHT}],
    "nobody is there for a while": [{0: LEFT, 2: RIGHT}, {}, {0: LEFT, 2: RIGHT}],
    "a stranger takes a place": [{0: LEFT, 2: RIGHT}, {4: LEFT, 2: RIGHT}],
    "a stranger comes in front": [{0: LEFT, 2: RIGHT}, {4: (2, 2, 8, 8), 0: (14, 4, 14, 14), 2: RIGHT}],
    "they begin late": [{}, {0: LEFT, 2: RIGHT}, {0: (8, 6, 14, 14), 2: (36, 6, 14, 14)}],
}


@pytest.mark.parametrize("scenes", WALKS.values(), ids=WALKS.keys())
def test_each_person_keeps_their_source_and_others_keep_their_face(scenes: list[Scene]) -> None:
    for scene, shown in zip(scenes, swapped(scenes, Mapped()), strict=True):
        assert np.array_equal(shown, painted(scene, {0: GREEN, 2: BLUE}))


def test_people_without_identity_are_followed_by_their_place() -> None:
    """Both look alike to the engine; each moves by less than its own size."""
    walk = [(4 + 4 * step, 40 - 4 * step) for step in range(4)]
    scenes = [picture(faces=((a, 4, 14, 14), (b, 26, 14, 14)), people=(0, 0)) for a, b in walk]
    target = animate([to_image(bgr) for bgr in scenes], "PNG", [100] * len(scenes))
    result = swap(a_request(SOURCES, target, choice=Mapped()), FlatEngine())
    animation = open_animation(result.data, Limits())
    assert animation is not None
    for (a, b), shown in zip(walk, animation.frames(), strict=True):
        assert (shown.bgr[4:18, a : a + 14] == GREEN).all()
        assert (shown.bgr[26:40, b : b + 14] == BLUE).all()


def test_who_slowly_changes_is_still_the_same_person() -> None:
    """Each frame is like the one before; the last is no longer like the first."""
    polls = [frame({2: RIGHT}) for _ in range(4)]
    for step, bgr in enumerate(polls):
        bgr[4:18, 4:18] = (0, 30 * step, 255)
    target = animate([to_image(bgr) for bgr in polls], "PNG", [100] * len(polls))
    result = swap(a_request(SOURCES, target, choice=Mapped()), FlatEngine())
    animation = open_animation(result.data, Limits())
    assert animation is not None
    assert all((shown.bgr[4:18, 4:18] == GREEN).all() for shown in animation.frames())


def test_a_detection_is_bound_in_the_first_frame_with_faces() -> None:
    """The person was face_1 of the detection, and is face_0 of the animation's first frame."""
    x, y, width, height = RIGHT
    stored = StoredFaces(
        width=64,
        height=48,
        faces=[
            StoredFace(face_id=name, bbox=np.array(box, np.float32), embedding=np.array(colour, np.float32))
            for name, box, colour in (
                ("face_0", (4, 4, 18, 18), person_bgr(0)),
                ("face_1", (x, y, x + width, y + height), person_bgr(2)),
            )
        ],
    )
    scenes: list[Scene] = [{}, {2: RIGHT, 4: BELOW}, {2: LEFT, 4: BELOW}]
    frames = swapped(scenes, Mapped(stored), {"face_1": SOURCES["face_1"]})
    for scene, shown in zip(scenes, frames, strict=True):
        assert np.array_equal(shown, painted(scene, {2: BLUE}))


HER = Recognised(png(picture(faces=((20, 10, 20, 20),), people=(2,))))


@pytest.mark.parametrize(
    ("choice", "sources"),
    [(Mapped(), {"face_1": SOURCES["face_0"]}), (HER, SOURCES["face_0"])],
    ids=["by number", "by reference"],
)
def test_one_source_for_a_certain_person_stays_with_that_person(
    choice: Choice, sources: dict[str, bytes] | bytes
) -> None:
    scenes = WALKS["they change places"]
    for scene, shown in zip(scenes, swapped(scenes, choice, sources), strict=True):
        assert np.array_equal(shown, painted(scene, {2: GREEN}))


def test_the_record_names_the_mapping_of_each_face_of_the_first_swapped_frame() -> None:
    scenes: list[Scene] = [{0: LEFT, 2: RIGHT, 4: BELOW}, {0: LEFT}]
    result = swap(a_request(SOURCES, film(scenes), choice=Mapped()), FlatEngine()).result
    assert [(face.swapped, face.source) for face in result.faces] == [
        (True, "face_0"),
        (True, "face_1"),
        (False, None),
    ]


def test_who_is_missing_from_some_frames_is_not_said_to_be_swapped_in_all() -> None:
    target = film([{0: LEFT, 2: RIGHT}, {0: LEFT}])
    result = swap(a_request(SOURCES, target, choice=Mapped()), FlatEngine()).result
    codes = {notice.code: notice.message for notice in result.notices}
    assert codes["frames_incomplete"].startswith("In 1 of 2 frames")
    assert "faces_not_swapped" not in codes


def test_who_is_swapped_later_is_not_said_to_be_left_and_who_never_is_is_named() -> None:
    """The first person is too small for the engine, at first or always."""

    class Picky(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            large = [pair for pair in pairs if pair[0].size[0] > 10]
            super().swap(frame, large, blend, others=others)
            return [pair[0].size[0] > 10 for pair in pairs]

    small: Scene = {0: (4, 4, 9, 9), 2: RIGHT}
    for later, left in (((2, 2, 14, 14), False), ((5, 4, 9, 9), True)):
        target = film([small, {0: later, 2: RIGHT}])
        result = swap(a_request(SOURCES, target, choice=Mapped()), Picky()).result
        named = [notice.message for notice in result.notices if notice.code == "faces_not_swapped"]
        assert bool(named) is left
        assert all("in every frame" in message and "face_0" in message for message in named)


def test_who_is_not_in_the_first_frame_with_faces_is_named_and_nobody_at_all_is_said() -> None:
    with pytest.raises(FaceNotFound, match=r"no face_1: 1 face was found there"):
        swap(a_request(SOURCES, film([{}, {0: LEFT}, {0: LEFT, 2: RIGHT}]), choice=Mapped()), FlatEngine())
    nobody = animate([to_image(picture(colour=(9, 9, n), faces=())) for n in (1, 2)], "PNG", [100, 100])
    with pytest.raises(NoFaceInTarget, match="any frame"):
        swap(a_request(SOURCES, nobody, choice=Mapped()), FlatEngine())
