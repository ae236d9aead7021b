"""Within a round every part of a frame is looked at closely enough, and what is no face is left alone."""

import numpy as np
import pytest

from pipeline.engines.mesh.engine import MeshEngine
from pipeline.face import Bgr
from pipeline.steps import at_once
from pipeline.tracks.frame import PictureView
from pipeline.tracks.look import ROUND, Looks, Refusals
from pipeline.tracks.tracker import Tracker
from tests.support.engines import FlatEngine, picture
from tests.support.faces import portrait


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 360), (120, 90)])
def test_a_small_face_is_seen_within_a_round_wherever_it_is(size: tuple[int, int]) -> None:
    width, height = size
    side = max(12, max(size) // 80)
    engine = FlatEngine()
    for x in range(0, width - side, width // 3):
        for y in range(0, height - side, height // 2):
            view = PictureView(picture(width, height, faces=((x, y, side, side),)))
            looks = Looks(engine, size)
            seen = [looks.at(view, eager=False) for _ in range(ROUND)]
            [box] = np.unique(np.concatenate(seen)[:, :4].round(-1), axis=0)[:1]
            assert np.abs(box - (x, y, x + side, y + side)).max() <= 0.75 * side + 5


def test_a_refused_place_is_asked_again_after_some_frames() -> None:
    refusals = Refusals()
    box = np.array([10, 10, 30, 30], np.float32)
    refusals.add(box, 3)
    assert refusals.holds(box + 2, 4)
    assert not refusals.holds(box + 40, 4)
    assert not refusals.holds(box, 20)


def test_a_small_face_that_only_a_tile_shows_is_there_from_its_first_frame_on(mesh: MeshEngine) -> None:
    """28 px in a frame of 1,280: 5 px where the frame is seen as a whole."""
    first = 4

    def frame(number: int) -> Bgr:
        bgr = np.full((720, 1280, 3), 110, np.uint8)
        if number >= first:
            head = portrait(28)
            height, width = head.shape[:2]
            bgr[500 : 500 + height, 900 + number : 900 + number + width] = head
        return bgr

    tracker: Tracker[PictureView] = Tracker(mesh)
    followed = [it for number in range(18) for it in at_once(tracker.feed(PictureView(frame(number))))]
    followed += tracker.finish()
    assert [len(it.faces) for it in followed] == [0] * first + [1] * (18 - first)
