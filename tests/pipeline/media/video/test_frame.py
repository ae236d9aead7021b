"""What is changed of a frame is changed as meant, and all else stays as it was stored."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.face import Bgr
from pipeline.media.video.colour import ColourTags
from pipeline.media.video.frame import FrameEditor, YuvFrame, grey, planes_of
from tests.support.clips.frames import picture

WIDTH, HEIGHT = 160, 120
EDITOR = FrameEditor()
COLOURS = [ColourTags(matrix=matrix, range=span) for matrix in (1, 5, 6, 9) for span in (1, 2)]


def noise(seed: int, colour: ColourTags = COLOURS[0]) -> YuvFrame:
    """A frame of samples that no picture has: each of its own, within what is legal."""
    dice = np.random.default_rng(seed)
    image = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane in planes_of(image):
        plane[...] = dice.integers(40, 216, plane.shape)
    return YuvFrame(image=image, time=0, colour=colour)


def of(bgr: Bgr, colour: ColourTags) -> YuvFrame:
    """A frame that shows a picture."""
    image = av.VideoFrame.from_ndarray(bgr, format="bgr24").reformat(
        format="yuv420p",
        dst_colorspace=5 if colour.matrix == 6 else colour.matrix,
        dst_color_range=colour.range,
    )
    return YuvFrame(image=image, time=0, colour=colour)


def copies(frame: YuvFrame) -> list[Bgr]:
    return [plane.copy() for plane in frame.planes]


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_colours_are_read_by_the_matrix_and_range_of_the_frame(colour: ColourTags) -> None:
    smooth = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    smooth[:] = (40, 90, 200)
    assert np.abs(EDITOR.read(of(smooth, colour)).astype(int) - smooth).max() <= 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    edges=st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(1, 20), st.integers(1, 20)),
    spots=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=5),
)
def test_only_changed_pixels_are_written_and_chroma_only_where_one_of_four_is(
    seed: int, edges: tuple[int, int, int, int], spots: list[tuple[int, int]]
) -> None:
    frame = noise(seed)
    before_planes = copies(frame)
    left, top, width, height = (2 * edge for edge in edges)
    box = left, top, left + width, top + height
    before = EDITOR.read(frame, box)
    after = before.copy()
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for x, y in spots:
        after[y % height, x % width] ^= 255
        mask[top + y % height, left + x % width] = True
    assert EDITOR.write(frame, box, before, after) == bool(spots and (before != after).any())
    blocks = mask.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any(axis=(1, 3))
    for plane, was, allowed in zip(frame.planes, before_planes, (mask, blocks, blocks), strict=True):
        assert not (plane != was)[~allowed].any()


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_what_is_written_is_what_is_read_back(colour: ColourTags) -> None:
    frame = of(picture(5), colour)
    box = 20, 30, 120, 100
    before = EDITOR.read(frame, box)
    after = before.copy()
    after[10:60, 10:90] = (90, 120, 180)
    EDITOR.write(frame, box, before, after)
    inner = EDITOR.read(frame, box)[14:56, 14:86].astype(int)
    assert np.abs(inner - (90, 120, 180)).mean() < 4
    assert np.abs(inner.mean(axis=(0, 1)) - (90, 120, 180)).max() < 2  # no darker, no lighter, no tint


def test_a_slight_change_leaves_no_seam() -> None:
    frame = of(picture(3), COLOURS[0])
    luma = frame.planes[0].copy()
    box = 0, 0, WIDTH, HEIGHT
    before = EDITOR.read(frame, box)
    after = before.copy()
    after[40:80, 40:80] = np.clip(before[40:80, 40:80].astype(int) + 1, 0, 255)
    EDITOR.write(frame, box, before, after)
    moved = frame.planes[0].astype(int) - luma
    assert set(np.unique(moved)) <= {0, 1, 2}


def test_a_part_is_the_same_as_in_the_whole_but_for_its_edge() -> None:
    frame = of(picture(9), COLOURS[0])
    whole = EDITOR.read(frame)
    part = EDITOR.read(frame, (32, 20, 96, 84))
    assert np.array_equal(part[2:-2, 2:-2], whole[22:82, 34:94])


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_what_is_looked_at_is_what_is_there_in_colour_and_place(colour: ColourTags) -> None:
    frame = of(picture(9), colour)
    box = 32, 20, 112, 80
    seen, exact = EDITOR.look(frame, box).astype(int), EDITOR.read(frame, box).astype(int)
    assert np.abs(seen.mean(axis=(0, 1)) - exact.mean(axis=(0, 1))).max() < 3
    assert np.abs(seen - exact).mean() < 6
    small = EDITOR.look(frame, box, (40, 30)).astype(int)
    halved = exact.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - halved).mean() < 6
    assert EDITOR.look(frame, (0, 0, WIDTH, HEIGHT), (80, 60)).shape == (60, 80, 3)


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_a_frame_is_as_bright_in_grey_as_in_colour(colour: ColourTags) -> None:
    bgr = picture(9)
    bgr[..., :] = bgr.mean(axis=2, keepdims=True)
    frame = of(bgr, colour)
    shown = bgr[..., 0].reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3))
    assert np.abs(grey(frame, (WIDTH // 2, HEIGHT // 2)) - shown).mean() < 4


@pytest.mark.parametrize(
    "box", [(1, 0, 20, 20), (0, 0, 0, 20), (0, 0, 162, 20), (-2, 0, 20, 20), (20, 0, 2, 20)]
)
def test_a_box_that_chroma_cannot_follow_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no box of even edges"):
        EDITOR.read(noise(1), box)
