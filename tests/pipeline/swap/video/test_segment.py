"""One segment of a video: every frame comes out once, only faces change, and who was noticed late counts."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from pipeline.blend.hands import HandKeeper
from pipeline.engines.base import BlendOptions
from pipeline.errors import MediaCorrupt
from pipeline.face import Array, Bgr, Face, Source
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.read import VideoReader
from pipeline.swap.paint import Painter
from pipeline.swap.timing import Timings
from pipeline.swap.video.facts import SegmentFacts, notices, results, together
from pipeline.swap.video.segment import SegmentSwap, SwapTools, VideoSwap
from tests.support.engines import SCALE
from tests.support.hand_doubles import KnownHands, bar, keeper
from tests.support.reels import SIDE, ReelEngine, across, reel, reel_swap, seen, still
from tests.support.videos import LIMITS, digest


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoFile:
    path = tmp_path_factory.mktemp("reel") / "clip.mp4"
    return open_video(reel(path, {0: across(), 2: seen(still(100, 60), 20, 45)}, frames=60), LIMITS)


def swapped(
    video: VideoFile,
    swap: VideoSwap,
    *,
    first: int = 0,
    start: int = 0,
    end: int | None = None,
    last: int = 60,
    engine: ReelEngine | None = None,
    hands: HandKeeper | None = None,
) -> tuple[list[YuvFrame], SegmentFacts]:
    """Swap the frames from `start` on and before `end`, and read those from `first` to `last`, by number."""
    times = video.scan.times.tolist()
    engine = engine or ReelEngine()
    painter = Painter(engine, None, swap.blend)
    tools = SwapTools(engine=engine, painter=painter, hands=hands, timings=Timings())
    segment = SegmentSwap(swap, tools, times[start], None if end is None else times[end])
    stop = times[last] if last < len(times) else None
    done: list[YuvFrame] = []
    for frame in (*VideoReader(video, ToneMapper(), threads=1).planned(times[first], stop), None):
        segment.begin(frame)
        while not segment.step():
            pass
        done += segment.done
        segment.done.clear()
    return done, segment.facts


def plain(video: VideoFile) -> list[YuvFrame]:
    return list(VideoReader(video, ToneMapper(), threads=1).planned(int(video.scan.times[0]), None))


def test_every_frame_comes_out_once_in_order_and_those_beside_the_segment_do_not(video: VideoFile) -> None:
    done, facts = swapped(video, reel_swap(), first=5, start=20, end=40, last=55)
    assert [frame.time for frame in done] == video.scan.times.tolist()[20:40]
    assert (facts.frames, facts.changed, facts.first_changed) == (20, 20, int(video.scan.times[20]))


def test_a_part_of_a_video_is_swapped_as_it_is_in_the_whole(video: VideoFile) -> None:
    whole, _ = swapped(video, reel_swap(chosen=(0, 1)))
    part, _ = swapped(video, reel_swap(chosen=(0, 1)), first=15, start=30, end=45)
    assert [digest(frame.image) for frame in part] == [digest(frame.image) for frame in whole[30:45]]


def test_samples_away_from_the_face_stay_as_they_were_stored(video: VideoFile) -> None:
    done, _ = swapped(video, reel_swap())
    for number, (before, after) in enumerate(zip(plain(video), done, strict=True)):
        corner = across()(number)
        assert corner is not None
        x, y = corner
        for scale, was, becomes in zip((1, 2, 2), before.planes, after.planes, strict=True):
            changed = np.argwhere(was != becomes) * scale
            assert len(changed)
            assert (changed >= (y - 4, x - 4)).all()
            assert (changed < (y + SIDE + 4, x + SIDE + 4)).all()


def test_samples_of_a_hand_stay_as_they_were_stored_and_more_of_the_frame_is_seen_for_it(
    video: VideoFile,
) -> None:
    """The hand is in the middle of whatever part is looked at, where the face is."""

    class Middle(KnownHands):
        def find(self, picture: Bgr, face: Face) -> list[Array]:
            self.there = [bar(face.center[0], face.center[1] - 6, 12, palm=24)]
            return super().find(picture, face)

        def follow(self, picture: Bgr, hands: Iterable[Array]) -> list[Array]:  # noqa: ARG002 -- found anew
            return []

    hands = Middle()
    done, _ = swapped(video, reel_swap(), hands=keeper(hands), end=6, last=20)
    for number, (before, after) in enumerate(zip(plain(video), done, strict=False)):
        corner = across()(number)
        assert corner is not None
        x, y = (place + SIDE // 2 for place in corner)
        was, becomes = (frame.planes[0][y - 3 : y + 3, x - 1 : x + 1] for frame in (before, after))
        assert np.array_equal(was, becomes) == (number % 5 == 0)
    assert hands.looks == 2
    assert all(height > 2 * SIDE for height, _, _ in hands.shown)


class NeighbourEngine(ReelEngine):
    """Counts, for each face it swaps, the others that are not that very face."""

    def __init__(self) -> None:
        super().__init__()
        self.neighbours: list[int] = []

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, Source]],
        blend: BlendOptions,
        *,
        others: Sequence[Face] = (),
    ) -> list[bool]:
        [(face, _)] = pairs
        self.neighbours.append(sum(other is not face for other in others))
        return super().swap(frame, pairs, blend, others=others)


def test_a_face_is_no_neighbour_of_its_own_that_it_would_spare(video: VideoFile) -> None:
    engine = NeighbourEngine()
    swapped(video, reel_swap(), last=30, engine=engine)
    assert engine.neighbours == [0] * 20 + [1] * 10


def test_nobody_who_was_not_chosen_changes(video: VideoFile) -> None:
    done, facts = swapped(video, reel_swap(chosen=()))
    assert [digest(frame.image) for frame in done] == [digest(frame.image) for frame in plain(video)]
    assert (facts.changed, facts.people) == (0, {})


def test_strangers_change_only_where_everybody_is_meant(video: VideoFile) -> None:
    _, facts = swapped(video, reel_swap(chosen=(), known=(0,)))
    assert facts.changed == 0
    _, facts = swapped(video, reel_swap(chosen=(), known=(0,), everybody=True))
    assert facts.changed == 26


def test_each_person_is_measured_once_and_told_of(video: VideoFile) -> None:
    swap = reel_swap(chosen=(0, 1))
    _, facts = swapped(video, swap)
    assert {place: person.frames for place, person in facts.people.items()} == {0: 60, 1: 26}
    told = results(swap.people, swap.chosen, facts)
    assert [(face.face_id, face.swapped, face.source) for face in told] == [
        ("face_0", True, "source"),
        ("face_1", True, "source"),
    ]
    assert all(face.likeness is not None and face.likeness.to_source < 5 for face in told)


def test_facts_survive_being_stored_and_are_added_up() -> None:
    one = SegmentFacts(frames=20, changed=0, damaged=1)
    two = SegmentFacts(frames=180, changed=100, first_changed=512, adapted=3)
    assert SegmentFacts.from_json(two.to_json()) == two
    whole = together([one, two])
    assert (whole.frames, whole.changed, whole.first_changed, whole.damaged) == (200, 100, 512, 1)
    assert [notice.code for notice in notices(whole, {0: "source"}, SCALE)] == [
        "frames_damaged",
        "frames_resized",
        "frames_unchanged",
        "faces_not_swapped",
    ]


def test_too_much_damage_is_an_error() -> None:
    with pytest.raises(MediaCorrupt):
        notices(SegmentFacts(frames=100, changed=100, damaged=3), {}, SCALE)
