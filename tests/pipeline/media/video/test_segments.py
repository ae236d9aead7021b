"""Segments cover a video without gap or overlap, and a plan's name says all that its frames depend on."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InvalidTrim
from pipeline.media.video.clock import Clock
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import SegmentPlan, Trim, cuts, plan_id, plan_segments

Videos = Callable[[str], VideoFile]
X264 = encoder_line("libx264", 18)


@settings(deadline=None)
@given(
    gaps=st.lists(st.integers(1, 400), min_size=1, max_size=300),
    keys=st.sets(st.integers(0, 299)),
    length=st.integers(300, 3000),
)
def test_segments_are_neither_short_nor_long_and_begin_with_frames(
    gaps: list[int], keys: set[int], length: int
) -> None:
    times = np.cumsum(gaps)
    at_keys = times[sorted(key for key in keys if key < len(times))]
    starts = cuts(times, at_keys, length)
    bounds = [int(times[0]), *starts, int(times[-1])]
    assert set(starts) <= set(times.tolist())
    assert starts == sorted(set(starts))
    lengths = np.diff(bounds)
    assert all(lengths[:-1] >= 0.8 * length)
    assert all(lengths[:-1] <= max(1.4 * length, length + 400))
    assert not starts or lengths[-1] >= 0.8 * length
    assert lengths[-1] <= 2.2 * length + 400


def test_a_cut_is_made_at_the_key_frame_that_is_nearest() -> None:
    times = np.arange(0, 4000, 10)
    assert cuts(times, np.array([0, 700, 930, 1090, 1500, 2100]), 1000) == [930, 2100, 3100]


def test_key_frames_that_never_show_are_no_place_to_cut() -> None:
    times = np.arange(5, 3000, 10)
    assert cuts(times, np.array([1000]), 1000) == [1005, 2005]


@pytest.mark.parametrize("kind", ["plain", "vfr", "open_gop", "late_start", "edit_list"])
def test_a_plan_covers_every_frame_once(videos: Videos, kind: str) -> None:
    video = videos(kind)
    plan = plan_segments(video, X264, segment_s=0.3)
    covered = [
        time for segment in plan.segments for time in video.scan.between(segment.start, segment.end).tolist()
    ]
    assert covered == video.scan.times.tolist()
    assert plan.frames == video.frames
    assert len(plan.segments) > 2


def test_a_video_whose_frames_have_no_times_of_their_own_is_one_segment(videos: Videos) -> None:
    assert len(plan_segments(videos("same_times"), X264, segment_s=0.3).segments) == 1


def test_a_segment_can_be_read_from_some_frames_before_it(videos: Videos) -> None:
    video = videos("vfr")
    plan = plan_segments(video, X264, segment_s=0.5, trim=Trim(start_s=0.2))
    first, second = plan.segments[:2]
    begin = plan.warm_start(second, 5)
    assert len(video.scan.between(begin, second.start)) == 5
    assert plan.warm_start(first, 5) == first.start
    assert plan.warm_start(second, 500) == first.start


def test_a_trim_keeps_the_frame_that_shows_when_it_begins_and_none_from_its_end_on(videos: Videos) -> None:
    video = videos("plain")
    plan = plan_segments(video, X264, trim=Trim(start_s=0.41, end_s=1.0))
    kept = plan.clock.times * float(video.time_base)
    assert kept[0] == pytest.approx(12 / 30)
    assert kept[-1] == pytest.approx(29 / 30)
    assert plan.clock.shown_at(int(plan.clock.times[0])).start == 0


def test_a_trim_counts_from_the_video_s_own_beginning(videos: Videos) -> None:
    video = videos("ts")
    plan = plan_segments(video, X264, trim=Trim(start_s=0.5))
    assert (int(plan.clock.times[0]) - video.zero) * video.time_base == pytest.approx(0.5, abs=1 / 30)


@pytest.mark.parametrize(
    ("kind", "end_s", "lasts_s"),
    [
        ("held", None, 4 + 1 / 30),
        ("held", 9.0, 4 + 1 / 30),
        ("held", 2.5, 2.5 - 44 / 30),
        ("held", 1.02, 0.02),
        ("plain", 1.48, 1.48 - 44 / 30),
    ],
)
def test_the_last_frame_shows_until_the_video_or_the_trim_ends(
    videos: Videos, kind: str, end_s: float | None, lasts_s: float
) -> None:
    video = videos(kind)
    clock = plan_segments(video, X264, trim=Trim(end_s=end_s)).clock
    assert clock.last_ticks * float(video.time_base) == pytest.approx(lasts_s, abs=0.001)


def test_a_trim_may_begin_while_the_last_frame_shows(videos: Videos) -> None:
    assert plan_segments(videos("held"), X264, trim=Trim(start_s=4.0)).frames == 1
    with pytest.raises(InvalidTrim):
        plan_segments(videos("held"), X264, trim=Trim(start_s=6.0))


@pytest.mark.parametrize("trim", [Trim(start_s=2.0), Trim(end_s=0.0), Trim(start_s=1.0, end_s=0.5)])
def test_a_trim_that_keeps_nothing_is_refused(videos: Videos, trim: Trim) -> None:
    with pytest.raises(InvalidTrim, match="No frame of the video lies within"):
        plan_segments(videos("plain"), X264, trim=trim)


def clock(fps: int | None, times: list[int]) -> Clock:
    """Of a target whose ticks are milliseconds."""
    millisecond = Fraction(1, 1000)
    return Clock(
        source_time_base=millisecond,
        time_base=millisecond if fps is None else Fraction(1, fps),
        origin_s=times[0] * millisecond,
        fps=None if fps is None else Fraction(fps),
        times=np.array(times),
        last_ticks=40,
        is_timed=True,
    )


def test_without_a_steady_rate_every_frame_keeps_its_time() -> None:
    times = [100, 133, 180, 500]
    assert [list(clock(None, times).shown_at(time)) for time in times] == [[0], [33], [80], [400]]


def test_a_steady_rate_leaves_out_and_repeats_frames_and_no_tick_twice() -> None:
    times = [0, 10, 20, 30, 40, 300]
    shown = [list(clock(20, times).shown_at(time)) for time in times]
    assert shown == [[0], [], [], [], [1, 2, 3, 4, 5], [6]]


@settings(deadline=None)
@given(gaps=st.lists(st.integers(1, 300), min_size=1, max_size=60), fps=st.sampled_from([1, 24, 30, 60]))
def test_a_steady_rate_has_a_frame_for_every_tick(gaps: list[int], fps: int) -> None:
    times = np.cumsum(gaps).tolist()
    ticks = [tick for time in times for tick in clock(fps, times).shown_at(time)]
    assert ticks == list(range(len(ticks)))
    assert len(ticks) == -(-(times[-1] + 40 - times[0]) * fps // 1000)


def names(plan: SegmentPlan) -> str:
    return plan_id(plan.describe())


def test_two_plans_that_differ_in_anything_that_changes_pixels_have_two_names(
    videos: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = videos("plain")
    plan = plan_segments(video, X264, segment_s=0.5)
    same = plan_segments(video, encoder_line("libx264", 18), segment_s=0.5)
    assert names(same) == names(plan)
    others = [
        plan_segments(video, encoder_line("libx264", 19), segment_s=0.5),
        plan_segments(video, encoder_line("libx265", 18), segment_s=0.5),
        plan_segments(video, replace(X264, threads=2), segment_s=0.5),
        plan_segments(video, X264, segment_s=0.7),
        plan_segments(video, X264, segment_s=0.5, fps=Fraction(30)),
        plan_segments(video, X264, segment_s=0.5, trim=Trim(end_s=1.2)),
        plan_segments(videos("silent"), X264, segment_s=0.5, trim=Trim(end_s=1.48)),
        plan_segments(replace(video, turn=videos("turned_90").turn), X264, segment_s=0.5),
        plan_segments(replace(video, colour=videos("bt709").colour), X264, segment_s=0.5),
        plan_segments(replace(video, stored_sar=Fraction(4, 3)), X264, segment_s=0.5),
    ]
    monkeypatch.setattr(av, "__version__", "18.1.1")
    others.append(plan)
    found = {names(other) for other in others}
    assert len(found) == len(others)
    monkeypatch.undo()
    assert names(plan) not in found


def test_what_else_a_result_depends_on_is_part_of_the_name(videos: Videos) -> None:
    about = plan_segments(videos("plain"), X264).describe()
    assert plan_id(about, {"target": "etag-1"}) != plan_id(about, {"target": "etag-2"})
    assert len(plan_id(about)) == 64


def test_where_times_are_not_known_the_last_frame_shows_as_long_as_others() -> None:
    unknown = replace(clock(None, [0, 7]), is_timed=False)
    assert unknown.end_of([40, 0, 80, 120]) == 160
    assert unknown.end_of([5]) == 6
    assert clock(None, [0, 40]).end_of([40, 0]) == 80
