"""A damaged, lying or bloated file is refused before it costs anything, never shown half."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError, MediaCorrupt, MediaTooLarge
from pipeline.media.pictures.decode import Limits, Picture, decode, open_picture
from tests.support.pictures import every_format, png, png_chunk, save, scene, texture, to_image

LIMITS = Limits()
FORMATS = every_format(texture(45, 37))
WHOLE = {name: decode(data, LIMITS) for name, data in FORMATS.items()}


def same(one: Picture, other: Picture) -> bool:
    if (one.alpha is None) != (other.alpha is None):
        return False
    pairs = [(one.bgr, other.bgr)]
    if one.alpha is not None and other.alpha is not None:
        pairs.append((one.alpha, other.alpha))
    return all(np.array_equal(left, right) for left, right in pairs)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_shows_the_whole_picture(name: str) -> None:
    data = FORMATS[name]
    ends = np.unique(np.linspace(64, len(data) - 1, 120).astype(int))
    refused = 0
    for end in (*ends, *range(len(data) - 16, len(data))):
        try:
            picture = decode(data[:end], LIMITS)
        except MediaCorrupt:
            refused += 1
        else:
            assert same(picture, WHOLE[name]), end
    assert refused >= (40 if name.endswith(("animated", "pages")) else 100)


@settings(deadline=None, max_examples=200)
@given(
    name=st.sampled_from(sorted(FORMATS)),
    where=st.floats(0, 1, exclude_max=True),
    change=st.binary(min_size=1, max_size=8),
)
def test_a_file_changed_anywhere_raises_nothing_but_our_own_errors(
    name: str, where: float, change: bytes
) -> None:
    data = FORMATS[name]
    at = int(where * len(data))
    for read in (decode, open_picture):
        try:
            read(data[:at] + change + data[at + len(change) :], LIMITS)
        except InputError:
            continue


@pytest.mark.parametrize("name", ["png", "png-alpha", "png-palette", "png-16", "png-animated"])
def test_a_png_with_a_flipped_bit_in_its_pixels_is_refused(name: str) -> None:
    data = bytearray(FORMATS[name])
    data[data.index(b"IDAT") + 20] ^= 1
    with pytest.raises(MediaCorrupt):
        decode(bytes(data), LIMITS)


def patch(data: bytes, at: int, form: str, *values: int) -> bytes:
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


def jpeg_claiming(width: int, height: int, *, progressive: bool = False, padding: int = 0) -> bytes:
    data = save(to_image(scene(16, 16)), "JPEG", progressive=progressive)
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return patch(data, frame + 5, ">HH", height, width) + bytes(padding)


def tiff_claiming(tags: dict[int, int], **settings: str) -> bytes:
    data = save(to_image(scene(16, 16)), "TIFF", **settings)
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, entry)
        if tag in tags:
            data = patch(data, entry + 2, "<HII", 4, 1, tags[tag])
    return data


def huge() -> dict[str, bytes]:
    """Small files whose headers ask for more than the limit."""
    gif = save(to_image(scene(4, 4)), "GIF")
    bmp = save(to_image(scene(4, 4)), "BMP")
    webp = save(to_image(scene(4, 4)), "WEBP", icc_profile=bytes(100))
    heic = save(to_image(scene(64, 64)), "HEIC")
    frame = gif.index(b",\0\0\0\0")
    return {
        "png": png((65_000, 65_000), depth=8, colour=2, rows=bytes(1000)),
        "jpeg": jpeg_claiming(9000, 9000, padding=1 << 18),
        "gif canvas": patch(gif, 6, "<HH", 65_535, 65_535),
        "gif frame": patch(gif, frame + 5, "<HH", 65_535, 65_535),
        "bmp": patch(bmp, 18, "<ii", 60_000, 60_000),
        "bmp downwards": patch(bmp, 18, "<ii", 60_000, -60_000),
        "webp canvas": patch(webp, 24, "<IH", 0xFFFF003F, 0x3F),
        "tiff": tiff_claiming({256: 60_000, 257: 60_000}),
        "tiff lzw": tiff_claiming({256: 60_000, 257: 60_000}, compression="tiff_lzw"),
        "heic": patch(heic, heic.index(b"ispe") + 8, ">II", 60_000, 60_000),
    }


@pytest.mark.parametrize(("name", "data"), huge().items(), ids=huge())
def test_a_picture_over_the_limit_is_refused_by_its_header_alone(name: str, data: bytes) -> None:
    assert len(data) < 1 << 19, name
    for read in (decode, open_picture):
        tracemalloc.start()
        try:
            with pytest.raises(MediaTooLarge, match="pixels; at most"):
                read(data, LIMITS)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_an_avif_that_claims_too_much_is_refused() -> None:
    data = save(to_image(scene(64, 64)), "AVIF")
    for width, height in ((60_000, 60_000), (12_000, 12_000)):
        with pytest.raises(InputError):
            decode(patch(data, data.index(b"ispe") + 8, ">II", width, height), LIMITS)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_png_that_unpacks_to_gigabytes_of_text_costs_nothing(kind: bytes) -> None:
    packed = zlib.compress(bytes(64 << 20), 9)
    body = b"name\0\1\0\0\0" if kind == b"iTXt" else b"name\0\0"
    data = png((1, 1), depth=8, colour=2, rows=b"\0\1\2\3", before=png_chunk(kind, body + packed) * 16)
    tracemalloc.start()
    picture = decode(data, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(picture.bgr, [[[3, 2, 1]]])
    assert peak < 16 << 20


def test_a_png_with_more_pixels_packed_than_claimed_shows_the_claimed_ones() -> None:
    picture = decode(png((1, 1), depth=8, colour=2, rows=b"\0\1\2\3" + bytes(32 << 20)), LIMITS)
    assert picture.bgr.shape == (1, 1, 3)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_far_too_little_data_for_its_size_is_not_filled_with_grey(*, progressive: bool) -> None:
    with pytest.raises(MediaCorrupt):
        decode(jpeg_claiming(7000, 7000, progressive=progressive), LIMITS)


@pytest.mark.parametrize(
    "tags",
    [{256: 0}, {257: 0}, {256: 15_000}, {273: 1 << 30}, {277: 60_000}, {258: 1 << 30}],
    ids=str,
)
def test_a_tiff_that_lies_about_its_layout_is_refused(tags: dict[int, int]) -> None:
    for compression in ("raw", "tiff_adobe_deflate"):
        with pytest.raises(InputError):
            decode(tiff_claiming(tags, compression=compression), LIMITS)


def test_limits_are_the_callers() -> None:
    data = FORMATS["png"]
    assert decode(data, Limits(max_pixels=45 * 37, max_bytes=len(data))).bgr.shape == (37, 45, 3)
    with pytest.raises(MediaTooLarge, match="45 x 37 pixels"):
        decode(data, Limits(max_pixels=45 * 37 - 1))
    with pytest.raises(MediaTooLarge, match="MB"):
        decode(data, Limits(max_bytes=len(data) - 1))


def test_a_jpeg_of_nothing_but_fill_bytes_does_not_take_the_square_of_its_length() -> None:
    with pytest.raises(MediaCorrupt):
        decode(b"\xff\xd8" + b"\xff" * 5_000_000, LIMITS)


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_costs_a_pass_for_each() -> None:
    data = save(to_image(scene(64, 64)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    assert open_picture(data[:-2] + scan * 20 + data[-2:], LIMITS).size == (64, 64)
    with pytest.raises(MediaCorrupt, match="passes"):
        open_picture(data[:-2] + scan * 1000 + data[-2:], LIMITS)
    hidden = b"\xff\xfe\0\x04\xff\xd9"  # a comment that looks like the end
    with pytest.raises(MediaCorrupt, match="passes"):
        open_picture(data[:-2] + (hidden + scan) * 1000 + data[-2:], LIMITS)
