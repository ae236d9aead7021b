"""Frames of moving GIFs are composed as browsers do: cleared is transparent, and what says nothing stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MediaCorrupt
from pipeline.face import Bgr
from pipeline.media.animations.read import AnimationFile, open_animation
from pipeline.media.pictures.decode import Limits
from tests.support.gif import COLOURS, GREYS, Frame, Table, gif, shown

RED, GREEN, BLUE = range(3)
NOTHING = [0, 0, 0, 0]


def opened(data: bytes) -> AnimationFile:
    animation = open_animation(data, Limits())
    assert animation is not None
    return animation


def read(data: bytes) -> list[Bgr]:
    frames = []
    for picture in opened(data).frames():
        alpha = np.full(picture.bgr.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
        frames.append(np.dstack((picture.bgr[..., ::-1], alpha)))
    return frames


def opaque(index: int) -> list[int]:
    return [*COLOURS[index], 255]


def plain(index: int, width: int = 1, *, left: int = 0, disposal: int | None = 1) -> Frame:
    return Frame(indices=np.full((1, width), index, np.uint8), left=left, disposal=disposal)


@pytest.mark.parametrize("before", [2, 3])
def test_a_frame_that_does_not_say_what_becomes_of_it_stays(before: int) -> None:
    for silent in (0, None):  # with a control that leaves it open, and without a control
        frames = [plain(RED, 3, disposal=1), plain(GREEN, 2, disposal=before)]
        frames += [plain(BLUE, left=1, disposal=silent), plain(GREEN, left=2)]
        last = read(gif(frames, (3, 1)))[-1][0].tolist()
        assert last == [NOTHING if before == 2 else opaque(RED), opaque(BLUE), opaque(GREEN)]


def test_a_frame_without_a_control_has_no_transparent_colour_and_no_time() -> None:
    clear = Frame(indices=np.array([[GREEN, RED]], np.uint8), clear=RED)
    animation = opened(gif([plain(BLUE, 2), clear, plain(RED, 2, disposal=None)], (2, 1)))
    assert animation.timeline.durations_ms == (50, 50, 0)
    assert (
        read(gif([plain(BLUE, 2), clear, plain(RED, 2, disposal=None)], (2, 1)))[2][0].tolist()
        == [opaque(RED)] * 2
    )


def test_what_is_cleared_without_a_transparent_colour_is_transparent() -> None:
    data = gif([plain(RED, 2), plain(GREEN, disposal=2), plain(BLUE, left=1)], (2, 1))
    assert opened(data).timeline.has_alpha
    assert read(data)[2][0].tolist() == [NOTHING, opaque(BLUE)]


def test_what_the_first_frame_leaves_open_is_transparent_and_has_no_background_colour() -> None:
    assert read(gif([plain(RED), plain(BLUE)], (2, 1)))[0][0].tolist() == [opaque(RED), NOTHING]


def test_frames_that_cover_what_was_cleared_need_no_alpha() -> None:
    data = gif([plain(RED, 2, disposal=2), plain(BLUE, 2, disposal=1), plain(GREEN, disposal=2)], (2, 1))
    assert not opened(data).timeline.has_alpha
    assert {picture.alpha is None for picture in opened(data).frames()} == {True}


def test_a_first_frame_that_is_larger_than_the_canvas_widens_it() -> None:
    first, second = read(gif([plain(RED, 3), plain(BLUE, left=2)], (1, 1)))
    assert first[0].tolist() == [opaque(RED)] * 3
    assert second[0].tolist() == [opaque(RED)] * 2 + [opaque(BLUE)]


def test_a_frame_of_no_pixels_is_corrupt() -> None:
    data = gif([plain(RED), plain(BLUE)], (1, 1))
    at = data.rindex(b",")
    frames = opened(data[: at + 5] + bytes(2) + data[at + 7 :]).frames()
    next(frames)
    with pytest.raises(MediaCorrupt):
        next(frames)


@st.composite
def animations(draw: st.DrawFn) -> tuple[list[Frame], tuple[int, int], Table]:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    frames = []
    for _ in range(draw(st.integers(2, 6))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        rows, columns = draw(st.integers(1, height - top)), draw(st.integers(1, width - left))
        noise = np.random.default_rng(draw(st.integers(0, 1 << 32)))
        frame = Frame(
            indices=noise.integers(0, 8, (rows, columns), np.uint8),
            left=left,
            top=top,
            disposal=draw(st.sampled_from((None, 0, 1, 2, 3, 4))),
            clear=draw(st.none() | st.integers(0, 7)),
            own=draw(st.sampled_from((None, COLOURS[::-1], GREYS))),
        )
        frames.append(frame)
    return frames, (width, height), draw(st.sampled_from((COLOURS, GREYS)))


@settings(deadline=None, max_examples=200)
@given(animation=animations())
def test_frames_are_composed_as_browsers_do(
    animation: tuple[list[Frame], tuple[int, int], Table],
) -> None:
    frames, size, colours = animation
    found, expected = read(gif(frames, size, colours)), shown(frames, size, colours)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
