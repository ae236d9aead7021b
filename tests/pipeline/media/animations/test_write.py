"""What moves is written as it was: every frame, its time, how often it plays, and the mark."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import OutputInvalid
from pipeline.face import Bgr
from pipeline.media.animations.read import AnimationFile, open_animation
from pipeline.media.animations.timeline import Timeline
from pipeline.media.animations.write import AnimationFormat, animation_format
from pipeline.media.pictures.decode import Limits, Picture
from pipeline.media.pictures.png import png_chunks
from pipeline.media.sniff import MEDIA_TYPES, sniff
from pipeline.media.writer import AnimationWriter, Written
from tests.support.animations import walk
from tests.support.pictures import scene, texture

LIMITS = Limits()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa9</x:xmpmeta>"
FORMATS: tuple[AnimationFormat, ...] = ("gif", "png", "webp")


def pictures(frames: Sequence[Bgr], alphas: Sequence[Bgr] | None = None) -> list[Picture]:
    media = MEDIA_TYPES["png"]
    return [
        Picture(bgr=bgr, alpha=None if alphas is None else alphas[number], media=media)
        for number, bgr in enumerate(frames)
    ]


def written(
    frames: Sequence[Picture],
    to: AnimationFormat,
    *,
    durations_ms: Sequence[float] | None = None,
    plays: int = 0,
    quality: int | None = None,
    xmp: bytes | None = XMP,
) -> bytes:
    return told(frames, to, durations_ms=durations_ms, plays=plays, quality=quality, xmp=xmp)[0]


def told(
    frames: Sequence[Picture],
    to: AnimationFormat,
    *,
    durations_ms: Sequence[float] | None = None,
    plays: int = 0,
    quality: int | None = None,
    xmp: bytes | None = XMP,
) -> tuple[bytes, Written]:
    """The file, and what its writer says of it."""
    timeline = Timeline(
        size=(0, 0),
        data=b"",
        durations_ms=tuple(durations_ms or [50] * len(frames)),
        plays=plays,
        has_alpha=frames[0].alpha is not None,
    )
    sink = io.BytesIO()
    writer = AnimationWriter(sink, to, timeline, quality=quality or 90, lossless=quality is None, xmp=xmp)
    for frame in frames:
        writer.add(frame, changed=True)
    done = writer.finish()
    return sink.getvalue(), done


def read(data: bytes) -> AnimationFile:
    animation = open_animation(data, LIMITS)
    assert animation is not None
    return animation


def check_same(found: Sequence[Picture], expected: Sequence[Picture]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        opaque = np.full(one.bgr.shape[:2], 255, np.uint8)
        alpha = opaque if other.alpha is None else other.alpha
        np.testing.assert_array_equal(opaque if one.alpha is None else one.alpha, alpha)
        np.testing.assert_array_equal(one.bgr[alpha > 0], other.bgr[alpha > 0])


@pytest.mark.parametrize("to", FORMATS)
def test_the_bytes_are_what_they_are_said_to_be(to: AnimationFormat) -> None:
    data, done = told(pictures(walk(4)), to)
    assert done.media == sniff(data) == MEDIA_TYPES[to]
    assert (done.width, done.height, done.frames, done.duration_s) == (40, 30, 4, 0.2)
    assert done.size_bytes == len(data)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined] # of images that move
        image.load()
        assert to == "gif" or image.info["xmp"] == XMP
    assert data.count(XMP) == 1


GREYS = st.integers(0, 9)


@settings(deadline=None, max_examples=80)
@given(
    to=st.sampled_from(FORMATS),
    boxes=st.lists(
        st.tuples(
            st.integers(0, 17), st.integers(0, 12), st.integers(0, 17), st.integers(0, 12), GREYS, GREYS
        ),
        min_size=2,
        max_size=6,
    ),
    clear=st.booleans(),
)
def test_any_frames_come_back_exactly(
    to: AnimationFormat, boxes: list[tuple[int, int, int, int, int, int]], *, clear: bool
) -> None:
    bgr, alpha = np.zeros((12, 17, 3), np.uint8), np.full((12, 17), 255, np.uint8)
    frames, alphas = [], []
    for left, top, width, height, shade, hole in boxes:
        bgr, alpha = bgr.copy(), alpha.copy()
        bgr[top : top + height, left : left + width] = (20 * shade, 7, 255 - 20 * shade)
        alpha[hole : hole + 4, shade : shade + 5] ^= 255
        frames.append(bgr)
        alphas.append(alpha)
    expected = pictures(frames, alphas if clear else None)
    check_same(list(read(written(expected, to)).frames()), expected)


@settings(deadline=None, max_examples=60)
@given(
    to=st.sampled_from(FORMATS),
    durations_cs=st.lists(st.integers(0, 65_535), min_size=2, max_size=8),
    plays=st.integers(0, 65_535),
)
def test_times_and_plays_come_back_exactly(to: AnimationFormat, durations_cs: list[int], plays: int) -> None:
    durations_ms = [10 * duration for duration in durations_cs]
    frames = pictures(walk(len(durations_ms)))
    timeline = read(written(frames, to, durations_ms=durations_ms, plays=plays)).timeline
    assert timeline.durations_ms == pytest.approx(durations_ms, rel=1e-4)
    if to != "png":
        assert timeline.durations_ms == tuple(durations_ms)
    assert timeline.plays == plays


def test_thirtieths_of_a_second_stay_so_in_png_and_do_not_drift_elsewhere() -> None:
    frames, thirtieths = pictures(walk(9)), [1000 / 30] * 9
    assert read(written(frames, "png", durations_ms=thirtieths)).timeline.durations_ms == tuple(thirtieths)
    for to, unit_ms in (("webp", 1), ("gif", 10)):
        found = read(written(frames, to, durations_ms=thirtieths)).timeline.durations_ms  # type: ignore[arg-type] # literals
        assert sum(found) == pytest.approx(300, abs=unit_ms / 2)
        assert all(abs(duration - 1000 / 30) <= unit_ms for duration in found)


def test_lossy_webp_is_smaller_and_close() -> None:
    frames = pictures([np.roll(scene(96, 64), 9 * number, axis=1) for number in range(4)])
    lossy, exact = written(frames, "webp", quality=80), written(frames, "webp")
    assert len(lossy) < len(exact)
    for one, other in zip(read(lossy).frames(), frames, strict=True):
        assert np.abs(one.bgr.astype(int) - other.bgr).mean() < 5


@pytest.mark.parametrize("to", FORMATS)
def test_what_does_not_change_is_not_stored_again(to: AnimationFormat) -> None:
    still = (texture(64, 64) & 0xC0).astype(np.uint8)
    frames = [still.copy() for _ in range(6)]
    for number, frame in enumerate(frames):
        frame[number, 10:20] = 5
    sizes = [len(written(pictures(frames[:count]), to)) for count in (2, 6)]
    assert sizes[1] - sizes[0] < sizes[0] // 4


def test_a_gif_frame_of_many_colours_keeps_the_common_ones_and_comes_close_to_the_rare() -> None:
    frame = np.zeros((96, 96, 3), np.uint8)
    palette = texture(15, 15).reshape(-1, 3)
    frame[:] = palette[np.arange(96 * 96).reshape(96, 96) % 150]
    face = scene(40, 40)
    frame[30:70, 30:70] = face
    frames = pictures([frame, frame[::-1].copy()])
    found = next(read(written(frames, "gif")).frames()).bgr
    beside = np.ones((96, 96), bool)
    beside[30:70, 30:70] = False
    np.testing.assert_array_equal(found[beside], frame[beside])
    inner = found[30:70, 30:70].astype(int)
    assert np.abs(inner - face).mean() < 8
    assert np.abs(inner.mean(axis=(0, 1)) - face.mean(axis=(0, 1))).max() < 2


def test_a_gif_frame_without_a_swap_is_exact_even_after_one_of_many_colours() -> None:
    plain = walk(3, 96, 96)
    swapped = plain[1].copy()
    swapped[30:70, 30:70] = texture(40, 40)
    found = list(read(written(pictures([plain[0], swapped, plain[2]]), "gif")).frames())
    np.testing.assert_array_equal(found[0].bgr, plain[0])
    np.testing.assert_array_equal(found[2].bgr, plain[2])


def test_a_gif_frame_may_use_all_256_colours() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    first, second = np.dstack((ramp, ramp // 2, ramp)), np.dstack((ramp, 255 - ramp, ramp))
    expected = pictures([first, second, first])
    check_same(list(read(written(expected, "gif")).frames()), expected)


def test_colour_that_follows_a_grey_gif_frame_is_read_as_it_is() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    grey, colour = np.dstack((ramp, ramp, ramp)), np.dstack((ramp, 255 - ramp, ramp))
    found = [frame.bgr.astype(int) for frame in read(written(pictures([grey, colour]), "gif")).frames()]
    assert np.abs(found[0] - grey).max() <= 1
    np.testing.assert_array_equal(found[1], colour)
    all_grey = pictures([grey, grey[:, ::-1].copy()])
    check_same(list(read(written(all_grey, "gif")).frames()), all_grey)


def test_half_transparency_becomes_all_or_nothing_in_gif() -> None:
    alphas = [np.tile(np.linspace(255, 0, 40).astype(np.uint8), (30, 1))] * 2
    for frame in read(written(pictures(walk(2), alphas), "gif")).frames():
        assert frame.alpha is not None
        np.testing.assert_array_equal(frame.alpha, np.where(alphas[0] < 128, 0, 255))


@pytest.mark.parametrize(
    ("requested", "target", "expected"),
    [
        (None, "gif", "gif"),
        (None, "png", "png"),
        (None, "webp", "webp"),
        ("png", "gif", "png"),
        ("webp", "gif", "webp"),
        ("jpeg", "gif", None),
        ("avif", "webp", None),
    ],
)
def test_a_result_moves_in_its_targets_format_unless_asked_otherwise(
    requested: AnimationFormat | None, target: str, expected: str | None
) -> None:
    assert animation_format(requested, MEDIA_TYPES[target]) == expected  # type: ignore[arg-type] # never gif here


@pytest.mark.parametrize("to", FORMATS)
def test_a_frame_too_few_is_an_invalid_output(to: AnimationFormat) -> None:
    with pytest.raises(OutputInvalid):
        written(pictures(walk(2)), to, durations_ms=[10, 10, 10])


def test_every_chunk_of_a_png_is_numbered_in_turn() -> None:
    data = written(pictures(walk(4)), "png")
    numbers = [
        struct.unpack_from(">I", data, start + 8)[0]
        for kind, start, _ in png_chunks(data)
        if kind in (b"fcTL", b"fdAT")
    ]
    assert numbers == list(range(len(numbers)))
