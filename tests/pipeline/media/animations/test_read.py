"""Every animation is read as its frames are shown, and refused where it is cut short or too long."""

import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import InputError, MediaCorrupt, MediaTooLarge
from pipeline.media.animations.read import AnimationFile, open_animation
from pipeline.media.pictures.decode import Limits
from tests.support.animations import animate, in_every_format, walk
from tests.support.pictures import every_format, save, scene, to_image

LIMITS = Limits()
WALK = walk(6)
DURATIONS_MS = (40, 50, 70, 100, 30, 1000)
FILES = in_every_format(WALK, DURATIONS_MS)


def opened(data: bytes) -> AnimationFile:
    animation = open_animation(data, LIMITS)
    assert animation is not None
    return animation


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_that_were_written_and_can_be_read_again(name: str) -> None:
    animation = opened(FILES[name])
    assert animation.timeline.durations_ms == DURATIONS_MS
    for _ in range(2):
        frames = list(animation.frames())
        assert len(frames) == 6
        for frame, drawn in zip(frames, WALK, strict=True):
            off = np.abs(frame.bgr.astype(int) - drawn)
            assert off.max() == 0 if name != "webp-lossy" else off.mean() < 8
            assert frame.bgr.flags.writeable


@pytest.mark.parametrize(
    ("name", "lossless"), [("gif", True), ("png", True), ("webp", True), ("webp-lossy", False)]
)
def test_a_file_without_loss_is_told_from_one_with(name: str, *, lossless: bool) -> None:
    assert opened(FILES[name]).timeline.lossless is lossless


@pytest.mark.parametrize(
    ("form", "loop", "plays"),
    [
        ("GIF", None, 1),
        ("GIF", 0, 0),
        ("GIF", 1, 2),
        ("GIF", 9, 10),
        ("PNG", 0, 0),
        ("PNG", 3, 3),
        ("WEBP", 0, 0),
        ("WEBP", 3, 3),
    ],
)
def test_how_often_it_plays_is_read_as_the_format_means_it(form: str, loop: int | None, plays: int) -> None:
    data = animate([to_image(frame) for frame in WALK], form, DURATIONS_MS, loop=loop)
    assert opened(data).timeline.plays == plays


def test_a_png_whose_still_picture_is_no_part_of_the_animation_leaves_it_out() -> None:
    images = [to_image(frame) for frame in (scene(40, 30), *WALK)]
    data = animate(images, "PNG", DURATIONS_MS, default_image=True)
    frames = list(opened(data).frames())
    assert len(frames) == 6
    np.testing.assert_array_equal(frames[0].bgr, WALK[0])


def test_frames_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for form in ("PNG", "WEBP"):
        buffer = io.BytesIO()
        images = [to_image(frame) for frame in WALK]
        images[0].save(buffer, form, save_all=True, append_images=images[1:], exif=exif, lossless=True)
        for frame, drawn in zip(opened(buffer.getvalue()).frames(), WALK, strict=True):
            np.testing.assert_array_equal(frame.bgr, np.rot90(drawn, -1))


@pytest.mark.parametrize("name", [name for name in every_format(scene(9, 9)) if "animated" not in name])
def test_a_picture_that_does_not_move_is_no_animation(name: str) -> None:
    assert open_animation(every_format(scene(40, 30))[name], LIMITS) is None


def test_a_still_gif_without_its_last_byte_stays_a_picture() -> None:
    assert open_animation(save(to_image(scene(40, 30)), "GIF")[:-1], LIMITS) is None


@pytest.mark.parametrize("name", FILES)
def test_an_animation_cut_anywhere_is_refused_before_a_frame_is_decoded(name: str) -> None:
    data = FILES[name]
    first_frame_ends = len(data) // 2
    for end in np.unique(np.linspace(first_frame_ends, len(data) - 1, 150).astype(int)):
        with pytest.raises(MediaCorrupt):
            open_animation(data[:end], LIMITS)


@settings(deadline=None, max_examples=300)
@given(
    name=st.sampled_from(sorted(FILES)),
    where=st.floats(0, 1, exclude_max=True),
    change=st.binary(min_size=1, max_size=8),
)
def test_a_file_changed_anywhere_raises_nothing_but_our_own_errors(
    name: str, where: float, change: bytes
) -> None:
    data = FILES[name]
    at = int(where * len(data))
    tight = Limits(max_pixels=1 << 20, max_animation_pixels=1 << 22)
    try:
        animation = open_animation(data[:at] + change + data[at + len(change) :], tight)
        shapes = {frame.bgr.shape for frame in animation.frames()} if animation else set()
    except InputError:
        return
    assert len(shapes) <= 1


@pytest.mark.parametrize("name", FILES)
def test_too_many_frames_or_pixels_are_refused_by_the_headers_alone(name: str) -> None:
    data = FILES[name]
    assert open_animation(data, Limits(max_frames=6, max_animation_pixels=6 * 40 * 30)) is not None
    with pytest.raises(MediaTooLarge, match="6 frames; at most 5"):
        open_animation(data, Limits(max_frames=5))
    with pytest.raises(MediaTooLarge, match="in all"):
        open_animation(data, Limits(max_animation_pixels=6 * 40 * 30 - 1))
    with pytest.raises(MediaTooLarge, match="pixels; at most"):
        open_animation(data, Limits(max_pixels=40 * 30 - 1))


def test_a_gif_that_repeats_a_tiny_frame_a_million_times_is_refused_at_once() -> None:
    data = save(to_image(scene(2, 2)), "GIF")
    frame = data[data.index(b",\0\0\0\0") : -1]
    with pytest.raises(MediaTooLarge, match="100000 frames"):
        open_animation(data[:-1] + frame * 99_999 + b";", LIMITS)


def test_a_later_frame_of_a_gif_that_leaves_the_canvas_is_refused() -> None:
    data = bytearray(FILES["gif"])
    second = [at for at in range(len(data) - 10) if data[at : at + 1] == b"," and data[at - 1] == 0][1]
    data[second + 5 : second + 7] = b"\xff\xff"
    with pytest.raises(MediaCorrupt):
        open_animation(bytes(data), LIMITS)


def test_one_frame_is_held_at_a_time() -> None:
    frames = opened(FILES["png"]).frames()
    one, other = itertools.islice(frames, 2)
    one.bgr[:] = 0
    np.testing.assert_array_equal(other.bgr, WALK[1])
