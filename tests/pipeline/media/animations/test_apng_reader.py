"""Frames of APNGs are composed by the specification: half-transparent ones, cleared ones, restored ones."""

import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pipeline.errors import MediaCorrupt
from pipeline.face import Bgr
from pipeline.media.animations.apng_reader import _stills
from pipeline.media.animations.canvas import _TILE_COLUMNS, _TILE_ROWS
from pipeline.media.animations.read import AnimationFile, open_animation
from pipeline.media.pictures.decode import Limits, Picture
from pipeline.media.pictures.png import png_chunk, png_chunks
from tests.support.animations import animate
from tests.support.apng import (
    CLEARED,
    GREY,
    GREY_ALPHA,
    INDEXED,
    PALETTE,
    RESTORED,
    RGB,
    RGBA,
    STAYS,
    Frame,
    Pixel,
    apng,
    packed_rows,
    shown,
)

LIMITS = Limits()
RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
NOTHING = (0, 0, 0, 0)
FORMS = [(kind, depth) for kind in (GREY, RGB, INDEXED, GREY_ALPHA, RGBA) for depth in (8, 16)]
FORMS.remove((INDEXED, 16))  # which there is not


def opened(data: bytes) -> AnimationFile:
    animation = open_animation(data, LIMITS)
    assert animation is not None
    return animation


def rgba(picture: Picture) -> Bgr:
    alpha = np.full(picture.bgr.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return np.dstack((picture.bgr[..., ::-1], alpha))


def read(data: bytes) -> list[Bgr]:
    return [rgba(picture) for picture in opened(data).frames()]


def plain(
    pixel: Pixel, width: int = 1, height: int = 1, *, left: int = 0, disposal: int = STAYS, over: bool = False
) -> Frame:
    return Frame(rgba=np.full((height, width, 4), pixel, np.uint8), left=left, disposal=disposal, over=over)


def check_shown(found: list[Bgr], expected: list[Bgr]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("below", "above", "shows"),
    [
        # 128/255 of 200 and 127/255 of 100
        ((100, 100, 100, 255), (200, 0, 100, 128), (150, 50, 100, 255)),
        # a = b = 128/255: alpha a + b (1 - a) = 0.752; white has a / 0.752 = 0.6675 of it
        ((0, 0, 0, 128), (255, 255, 255, 128), (170, 170, 170, 192)),
        # a = 64/255, b = 32/255: alpha 0.3450, of which the new one has 0.7275
        ((10, 200, 0, 32), (90, 0, 255, 64), (68, 54, 186, 88)),
        ((50, 60, 70, 128), (1, 2, 3, 0), (50, 60, 70, 128)),
        ((50, 60, 70, 128), (1, 2, 3, 255), (1, 2, 3, 255)),
        (NOTHING, (251, 252, 253, 1), (251, 252, 253, 1)),
        (NOTHING, (251, 252, 253, 0), NOTHING),
    ],
)
def test_a_pixel_laid_over_another_has_the_alpha_and_colour_of_both(
    below: Pixel, above: Pixel, shows: Pixel
) -> None:
    frames = read(apng([plain(below), plain(above, over=True)], (1, 1)))
    assert [tuple(frame[0, 0].tolist()) for frame in frames] == [below, shows]


def test_the_smooth_edge_of_what_walks_over_a_cleared_canvas_gets_no_dark_halo() -> None:
    drawn = []
    for left in (80, 140, 200):
        image = Image.new("RGBA", (480, 480))
        ImageDraw.Draw(image).ellipse((left, 80, left + 240, 320), fill=(250, 250, 250, 255))
        drawn.append(image.resize((120, 120), Image.Resampling.LANCZOS))
    data = animate(drawn, "PNG", [100] * 3, disposal=CLEARED, blend=1)
    for found, image in zip(read(data), drawn, strict=True):
        meant = np.asarray(image)
        np.testing.assert_array_equal(found[..., 3], meant[..., 3])
        np.testing.assert_array_equal(found[meant[..., 3] > 0], meant[meant[..., 3] > 0])


def test_what_a_frame_was_laid_over_comes_back_after_it() -> None:
    half = plain((0, 255, 0, 128), left=1, disposal=RESTORED, over=True)
    last = plain(BLUE, left=2)
    frames = read(apng([plain(RED, 3), half, last], (3, 1)))
    assert frames[1][0].tolist() == [[255, 0, 0, 255], [127, 128, 0, 255], [255, 0, 0, 255]]
    assert frames[2][0].tolist() == [list(RED), list(RED), list(BLUE)]


@pytest.mark.parametrize("disposal", [CLEARED, RESTORED])
@pytest.mark.parametrize("colour_type", [RGB, GREY])
def test_what_is_cleared_is_transparent_in_a_file_without_alpha_too(colour_type: int, disposal: int) -> None:
    white = (255, 255, 255, 255)
    animation = opened(apng([plain(white, 2, disposal=disposal), plain(white)], (2, 1), colour_type))
    assert animation.timeline.has_alpha
    first, second = (rgba(picture)[0].tolist() for picture in animation.frames())
    assert first == [list(white)] * 2
    assert second == [list(white), list(NOTHING)]


@pytest.mark.parametrize(
    ("later", "has_alpha"),
    [
        ([plain(RED)], False),
        ([plain(RED, disposal=CLEARED)], False),  # which nobody sees
        ([plain(RED, disposal=CLEARED), plain(BLUE)], False),
        ([plain(RED, disposal=CLEARED), plain(BLUE, 2, disposal=RESTORED), plain(BLUE, 2)], False),
        ([plain(RED, disposal=CLEARED), plain(BLUE, left=1)], True),
        ([plain(RED, disposal=CLEARED), plain(BLUE, 2, disposal=RESTORED), plain(BLUE, left=1)], True),
        ([plain(RED, disposal=CLEARED), plain(BLUE, disposal=CLEARED), plain(BLUE, left=1)], True),
        ([plain(RED, disposal=RESTORED), plain(BLUE, left=1)], False),
    ],
)
def test_alpha_is_there_only_where_a_part_is_seen_cleared(later: list[Frame], *, has_alpha: bool) -> None:
    frames = [plain(GREEN, 2, disposal=STAYS), *later]
    animation = opened(apng(frames, (2, 1), RGB))
    assert animation.timeline.has_alpha is has_alpha
    assert all((picture.alpha is not None) is has_alpha for picture in animation.frames())
    check_shown(read(apng(frames, (2, 1), RGB)), shown(frames, (2, 1), RGB))


@st.composite
def animations(draw: st.DrawFn) -> tuple[list[Frame], tuple[int, int], bool]:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    has_still = draw(st.booleans())
    frames = []
    for number in range(draw(st.integers(2, 5))):
        whole = number == 0 and not has_still
        left = 0 if whole else draw(st.integers(0, width - 1))
        top = 0 if whole else draw(st.integers(0, height - 1))
        columns = width if whole else draw(st.integers(1, width - left))
        rows = height if whole else draw(st.integers(1, height - top))
        noise = np.random.default_rng(draw(st.integers(0, 1 << 32)))
        pixels = noise.integers(0, 256, (rows, columns, 4), np.uint8)
        pixels[..., 3] = noise.choice((0, 1, 77, 128, 254, 255), (rows, columns))
        disposal, over = draw(st.sampled_from((STAYS, CLEARED, RESTORED))), draw(st.booleans())
        frames.append(Frame(rgba=pixels, left=left, top=top, disposal=disposal, over=over))
    return frames, (width, height), has_still


@settings(deadline=None, max_examples=250)
@given(
    animation=animations(),
    form=st.sampled_from(FORMS),
)
def test_frames_are_composed_as_the_specification_says(
    animation: tuple[list[Frame], tuple[int, int], bool], form: tuple[int, int]
) -> None:
    (frames, size, has_still), (colour_type, depth) = animation, form
    still = np.full((size[1], size[0], 4), 99, np.uint8) if has_still else None
    data = apng(frames, size, colour_type, depth=depth, still=still)
    expected = shown(frames, size, colour_type)
    check_shown(read(data), expected)
    transparent = any(frame[..., 3].min() < 255 for frame in expected)
    assert opened(data).timeline.has_alpha or not transparent


def test_frames_larger_than_what_is_laid_at_once_are_whole() -> None:
    width, height = _TILE_COLUMNS + 5, _TILE_ROWS + 3
    noise = np.random.default_rng(5)
    below, above = (noise.integers(0, 256, (height, width, 4), np.uint8) for _ in range(2))
    frames = [Frame(rgba=below), Frame(rgba=above, over=True), Frame(rgba=below[:70, 1:], left=1)]
    _, mixed, last = read(apng(frames, (width, height)))
    for row, column in ((0, 0), (height - 1, width - 1), (_TILE_ROWS, _TILE_COLUMNS), (2, _TILE_COLUMNS - 1)):
        one = (
            Frame(rgba=below[row, column][None, None]),
            Frame(rgba=above[row, column][None, None], over=True),
        )
        np.testing.assert_array_equal(mixed[row, column], shown(one, (1, 1))[1][0, 0])
    np.testing.assert_array_equal(last[:, 1:], below[:, 1:])
    np.testing.assert_array_equal(last[:, 0], mixed[:, 0])


@pytest.mark.parametrize("seed", range(12))
def test_frames_are_composed_as_ffmpeg_does_but_for_its_rounding(seed: int) -> None:
    noise = np.random.default_rng(seed)
    size, frames = (12, 9), []
    for number in range(5):
        left, top = (0, 0) if number == 0 else (int(noise.integers(12)), int(noise.integers(9)))
        rows, columns = (9, 12) if number == 0 else (9 - top, 12 - left)
        pixels = noise.integers(0, 256, (rows, columns, 4), np.uint8)
        pixels[..., 3] = noise.choice((0, 128, 255), (rows, columns))
        # It takes a first frame that is to be restored as one that stays.
        disposal = int(noise.integers(2 if number == 0 else 3))
        frames.append(Frame(rgba=pixels, left=left, top=top, disposal=disposal, over=bool(noise.integers(2))))
    data = apng(frames, size)
    with av.open(io.BytesIO(data), "r", format="apng") as container:
        expected = [frame.to_ndarray(format="rgba").astype(int) for frame in container.decode(video=0)]
    for found, other in zip(read(data), expected, strict=True):
        assert np.abs(found[..., 3] - other[..., 3]).max() <= 1
        seen = found[..., 3] > 0
        assert np.abs(found[seen] - other[seen]).max() <= 3


def chunked(*chunks: tuple[bytes, bytes], frames: int = 2, colour_type: int = RGBA) -> bytes:
    header = struct.pack(">II5B", 2, 1, 8, colour_type, 0, 0, 0)
    first = ((b"IHDR", header), (b"acTL", struct.pack(">II", frames, 0)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(kind, body) for kind, body in (*first, *chunks, (b"IEND", b""))
    )


def fctl(number: int, *place: int, disposal: int = 0, blend: int = 0) -> tuple[bytes, bytes]:
    return b"fcTL", struct.pack(">I4I2HBB", number, *(place or (2, 1, 0, 0)), 5, 100, disposal, blend)


PIXELS = packed_rows(np.full((1, 2, 4), 200, np.uint8), RGBA)
IDAT = b"IDAT", PIXELS


def fdat(number: int) -> tuple[bytes, bytes]:
    return b"fdAT", struct.pack(">I", number) + PIXELS


SOUND = (fctl(0), IDAT, fctl(1), fdat(2))


@pytest.mark.parametrize(
    "chunks",
    [
        SOUND,
        (IDAT, fctl(0), fdat(1), fctl(2), fdat(3)),  # after a picture that is no part of it
        (fctl(0), (b"IDAT", PIXELS[:9]), (b"IDAT", PIXELS[9:]), fctl(1), fdat(2), (b"zzZz", b"?")),
        (fctl(0), IDAT, fctl(1), (b"fdAT", b"\0\0\0\2" + PIXELS[:9]), (b"fdAT", b"\0\0\0\3" + PIXELS[9:])),
    ],
)
def test_every_order_that_the_format_allows_is_read(chunks: tuple[tuple[bytes, bytes], ...]) -> None:
    assert [frame.tolist() for frame in read(chunked(*chunks))] == [[[[200] * 4] * 2]] * 2


@pytest.mark.parametrize(
    "chunks",
    [
        (fctl(1), IDAT, fctl(2), fdat(3)),
        (fctl(0), IDAT, fctl(2), fdat(1)),
        (fctl(0), IDAT, fctl(1), fdat(1)),
        (fctl(0), IDAT, fctl(1), fdat(3)),
        (fctl(0), IDAT, fctl(1), (b"fdAT", b"\0\2")),
        (fctl(0), IDAT, fctl(1)),
        (fctl(0), fctl(1), fdat(2)),
        (fctl(0), fctl(1), IDAT),
        (fctl(0), IDAT, fctl(1), IDAT),
        (fdat(0), fctl(1), IDAT, fctl(2), fdat(3)),
        (fctl(0), fdat(1), fctl(2), fdat(3)),
        (IDAT, fctl(0), IDAT, fctl(1), fdat(2)),
        (fctl(0, 1, 1, 0, 0), IDAT, fctl(1), fdat(2)),
        (fctl(0, 1, 1, 1, 0), IDAT, fctl(1), fdat(2)),
        (fctl(0), IDAT, fctl(1, 2, 1, 1, 0), fdat(2)),
        (fctl(0), IDAT, fctl(1, 0, 1, 0, 0), fdat(2)),
        (fctl(0), IDAT, fctl(1, 2, 1, 0xFFFFFFFF, 0), fdat(2)),
        (fctl(0), IDAT, fctl(1, disposal=3), fdat(2)),
        (fctl(0), IDAT, fctl(1, blend=2), fdat(2)),
        (*SOUND, fctl(3), fdat(4)),
    ],
)
def test_frames_out_of_order_or_place_are_refused_before_one_is_decoded(
    chunks: tuple[tuple[bytes, bytes], ...],
) -> None:
    with pytest.raises(MediaCorrupt):
        open_animation(chunked(*chunks), LIMITS)


@pytest.mark.parametrize("kept", [0, 1, 4, 9])
def test_a_frame_that_lacks_pixels_is_corrupt_and_the_one_before_is_not(kept: int) -> None:
    several = packed_rows(np.arange(8, dtype=np.uint8).reshape(1, 2, 4), RGBA)
    short = b"fdAT", struct.pack(">I", 2) + several[:kept]
    frames = opened(chunked(fctl(0), IDAT, fctl(1), short)).frames()
    next(frames)
    with pytest.raises(MediaCorrupt):
        next(frames)


def test_colours_may_come_after_the_first_control() -> None:
    data = apng([plain((1, 0, 0, 0)), plain((2, 0, 0, 0))], (1, 1), INDEXED)
    chunks = {kind: data[start:end] for kind, start, end in reversed(list(png_chunks(data)))}
    late = chunks[b"PLTE"] + chunks[b"tRNS"]
    data = data.replace(late, b"").replace(chunks[b"fcTL"], chunks[b"fcTL"] + late)
    assert [frame[0, 0].tolist() for frame in read(data)] == [list(PALETTE[1]), list(PALETTE[2])]


@pytest.mark.parametrize(("colour_type", "key"), [(RGB, (0, 255, 0)), (GREY, (0,))])
def test_the_transparent_colour_of_a_frame_lets_through_what_is_below(
    colour_type: int, key: tuple[int, ...]
) -> None:
    extra = png_chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    white = (255, 255, 255, 255)
    frames = [plain(white, 2), plain(GREEN, 2, over=True), plain(GREEN)]
    _, over, instead = read(apng(frames, (2, 1), colour_type, extra=extra))
    assert over[0].tolist() == [list(white)] * 2
    assert instead[0, :, 3].tolist() == [0, 255]


def test_a_header_of_another_length_is_refused() -> None:
    data = apng([plain(RED), plain(BLUE)], (1, 1))
    long = png_chunk(b"IHDR", data[16:29] + b"\0")
    with pytest.raises(MediaCorrupt):
        open_animation(data[:8] + long + data[33:], LIMITS)


def test_a_palette_without_end_is_not_copied_for_every_frame() -> None:
    indices = packed_rows(np.zeros((1, 2, 4), np.uint8), INDEXED)
    later = [(fctl(1 + 2 * at), (b"fdAT", struct.pack(">I", 2 + 2 * at) + indices)) for at in range(4)]
    chunks = [chunk for pair in later for chunk in pair]
    huge = [(b"PLTE", bytes((9, 8, 7)) * 300_000), (b"tRNS", bytes((6,)) * 300_000)] * 2
    data = chunked(*huge, fctl(0), (b"IDAT", indices), *chunks, frames=5, colour_type=INDEXED)
    animation = opened(data)
    assert max(len(still.getvalue()) for _, still in _stills(animation.timeline.data)) < 2000
    assert [rgba(frame).tolist() for frame in animation.frames()] == [[[[9, 8, 7, 6]] * 2]] * 5


def test_a_picture_that_is_no_part_is_not_kept() -> None:
    still = np.random.default_rng(1).integers(0, 256, (50, 50, 4), np.uint8)
    frames = [plain(RED, 50, 50), plain(BLUE)]
    data = opened(apng(frames, (50, 50), still=still)).timeline.data
    assert b"IDAT" not in {kind for kind, _, _ in png_chunks(data)}
