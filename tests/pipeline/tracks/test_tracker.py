"""What a tracker makes of people who come, go, meet and change, with an engine whose results are known."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.face import Bgr
from pipeline.steps import at_once
from pipeline.tracks.frame import PictureView
from pipeline.tracks.identity import Person
from pipeline.tracks.tracker import WINDOW, TrackedFrame, Tracker
from tests.support.engines import FlatEngine, person_bgr, picture

SIZE = 20
WIDTH, HEIGHT = 160, 96
Place = tuple[int, int]
Scene = Mapping[int, Place]  # where the upper left corner of each person's face is

DARK, LIGHT = (30, 90, 20), (240, 200, 150)


def drawn(scene: Scene, colour: tuple[int, int, int] = DARK) -> Bgr:
    boxes = tuple((x, y, SIZE, SIZE) for x, y in scene.values())
    return picture(WIDTH, HEIGHT, colour=colour, faces=boxes, people=tuple(scene))


def follow(
    frames: Sequence[Bgr], known: Sequence[int] = (), engine: FlatEngine | None = None
) -> list[TrackedFrame[PictureView]]:
    people = [
        Person(embedding=np.array(person_bgr(person), np.float32), side_px=SIZE, sharpness=0)
        for person in known
    ]
    tracker: Tracker[PictureView] = Tracker(engine or FlatEngine(), known=people)
    followed = [it for frame in frames for it in at_once(tracker.feed(PictureView(frame)))]
    return followed + list(tracker.finish())


def places(frame: TrackedFrame[PictureView]) -> dict[int, Place]:
    return {number: (int(face.bbox[0]), int(face.bbox[1])) for number, face in frame.faces.items()}


def test_every_frame_comes_back_in_order_once_nothing_more_will_be_learned_of_it() -> None:
    tracker: Tracker[PictureView] = Tracker(FlatEngine())
    fed = [PictureView(drawn({0: (10, 10)})) for _ in range(WINDOW + 5)]
    given = [at_once(tracker.feed(frame)) for frame in fed]
    assert [len(it) for it in given] == [0] * WINDOW + [1] * 5
    last = list(tracker.finish())
    returned = [*(frame for it in given for frame in it), *last]
    assert [frame.number for frame in returned] == list(range(WINDOW + 5))
    assert all(frame.frame is view for frame, view in zip(returned, fed, strict=True))


def test_a_face_is_where_it_is_in_each_frame() -> None:
    scenes: list[Scene] = [{0: (10 + 3 * i, 10 + i)} for i in range(20)]
    followed = follow([drawn(scene) for scene in scenes])
    assert [places(frame) for frame in followed] == scenes


def test_who_leaves_and_comes_back_elsewhere_is_known_again() -> None:
    before, meanwhile, after = {1: (10, 10), 3: (110, 60)}, {3: (110, 60)}, {1: (60, 20), 3: (110, 60)}
    frames = [drawn(before)] * 4 + [drawn(meanwhile)] * 30 + [drawn(after)] * 6
    followed = follow(frames)
    assert places(followed[0]) == {0: (10, 10), 1: (110, 60)}
    assert places(followed[-1]) == {0: (60, 20), 1: (110, 60)}


def test_after_a_cut_place_counts_for_nothing() -> None:
    before, after = {1: (10, 10), 3: (110, 60)}, {3: (10, 10), 1: (110, 60)}
    followed = follow([drawn(before)] * 5 + [drawn(after, LIGHT)] * 5)
    assert places(followed[4]) == {0: (10, 10), 1: (110, 60)}
    assert [places(frame) for frame in followed[5:]] == [{1: (10, 10), 0: (110, 60)}] * 5


def test_who_takes_the_place_of_another_within_a_shot_is_soon_noticed_from_the_first_frame_on() -> None:
    """The face stays where it was, and is another one from frame 12 on."""
    frames = [drawn({1: (40, 30)})] * 12 + [drawn({3: (40, 30)})] * 20
    followed = follow(frames, known=(1, 3))
    assert all(set(frame.faces) == {0} for frame in followed[:12])
    assert all(set(frame.faces) == {1} for frame in followed[12:])


def test_who_is_known_beforehand_has_their_number_from_the_first_frame_on_and_a_stranger_none_of_theirs() -> (
    None
):
    followed = follow([drawn({4: (10, 10), 2: (60, 40)})] * 6, known=(0, 2))
    assert all(places(frame) == {1: (60, 40), 2: (10, 10)} for frame in followed)


def test_who_is_recognised_late_was_there_all_along_in_the_frames_that_are_held() -> None:
    """The light on the face is odd at first, and then only a little."""
    frames = [drawn({2: (40, 30)}) for _ in range(30)]
    for number, frame in enumerate(frames):
        frame[30:50, 40:60] = (0, 142 if number < 6 else 125, 255)
    followed = follow(frames, known=(2,))
    assert all(set(frame.faces) == {0} for frame in followed)


def test_somebody_who_was_always_in_odd_light_is_nobody_of_the_cast() -> None:
    frames = [drawn({2: (40, 30)}) for _ in range(30)]
    for frame in frames:
        frame[30:50, 40:60] = (0, 142, 255)
    assert all(set(frame.faces) == {1} for frame in follow(frames, known=(2,)))


def test_a_face_that_is_found_late_is_traced_back_to_its_first_frame() -> None:
    class Slow(FlatEngine):
        """Sees nothing at a glance in its first five looks."""

        glances = 0

        def glance(self, picture: Bgr) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            self.glances += 1
            rows = super().glance(picture)
            return rows if self.glances > 5 else rows[:0]

    scenes: list[Scene] = [{}] * 3 + [{2: (10 + 2 * i, 40)} for i in range(20)]
    followed = follow([drawn(scene) for scene in scenes], engine=Slow())
    assert [list(places(frame).values()) for frame in followed] == [list(scene.values()) for scene in scenes]


def test_a_face_is_not_traced_back_beyond_a_cut() -> None:
    frames = [drawn({}, LIGHT)] * 4 + [drawn({2: (40, 30)})] * 8
    followed = follow(frames)
    assert [len(frame.faces) for frame in followed] == [0] * 4 + [1] * 8


def test_without_identity_people_are_followed_by_their_place() -> None:
    class Blind(FlatEngine):
        def embed(self, picture: Bgr, face: object) -> None:
            """Nothing is known."""

    scenes = [{1: (10 + 2 * i, 10), 3: (120 - 2 * i, 60)} for i in range(25)]
    followed = follow([drawn(scene) for scene in scenes], engine=Blind())
    assert [list(places(frame).values()) for frame in followed] == [list(scene.values()) for scene in scenes]
    assert all(set(frame.faces) == {0, 1} for frame in followed)
