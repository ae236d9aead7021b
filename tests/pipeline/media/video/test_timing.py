"""Decode times of a joined video rise, and nothing is decoded after it should show."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.media.video.timing import packet_times


@st.composite
def stored_orders(draw: st.DrawFn) -> list[int]:
    """Times in an order in which encoders store them: none more than a few places away from its own."""
    gaps = draw(st.lists(st.integers(1, 5000), min_size=1, max_size=80))
    times = [int(time) for time in np.cumsum(gaps)]
    order: list[int] = []
    while times:
        group = times[: draw(st.integers(1, 6))]
        del times[: len(group)]
        order += draw(st.permutations(group))
    return order


@settings(deadline=None)
@given(shown=stored_orders(), last=st.integers(1, 4000))
def test_decode_times_rise_and_never_come_after_display(shown: list[int], last: int) -> None:
    times = list(packet_times(shown, max(shown) + last))
    assert [pts for pts, _, _ in times] == shown
    decoded = [dts for _, dts, _ in times]
    assert all(one < other for one, other in pairwise(decoded))
    assert all(dts <= pts for pts, dts, _ in times)


@settings(deadline=None)
@given(shown=stored_orders(), last=st.integers(1, 4000))
def test_every_frame_shows_until_the_next_one(shown: list[int], last: int) -> None:
    times = packet_times(shown, max(shown) + last)
    ends = {pts: pts + lasts for pts, _, lasts in times}
    ascending = sorted(shown)
    assert [ends[pts] for pts in ascending] == [*ascending[1:], ascending[-1] + last]
    assert times.total == ascending[-1] + last - ascending[0]


@settings(deadline=None)
@given(shown=stored_orders(), last=st.integers(1, 40_000))
def test_gaps_between_decode_times_add_up_to_the_whole_and_no_frame_goes_on_beyond_it(
    shown: list[int], last: int
) -> None:
    end = max(shown) + last
    gaps = list(packet_times(shown, end).as_gaps())
    assert gaps[-1][1] + gaps[-1][2] - gaps[0][1] == end - min(shown)
    assert all(0 < lasts <= end - pts for pts, _, lasts in gaps)


def test_without_reordering_nothing_is_decoded_before_it_shows() -> None:
    assert [dts for _, dts, _ in packet_times([0, 7, 9], 13)] == [0, 7, 9]


def test_one_frame_has_a_time() -> None:
    assert list(packet_times([5], 8)) == [(5, 5, 3)]
