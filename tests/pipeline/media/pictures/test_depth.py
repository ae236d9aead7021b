"""A result of 16 bits a channel is the target's own file wherever nothing was changed."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipeline.errors import UnsupportedMedia
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.depth import encode_picture
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.target import open_target
from tests.corpus import tiff_files
from tests.support.pictures import png, png_chunk, save, scene, to_image

LIMITS = Limits()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
LOSSY: tuple[OutputFormat, ...] = ("jpeg", "webp", "avif")
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}

Deep = NDArray[np.uint16]


def noise(channels: int, width: int = 23, height: int = 17) -> Deep:
    return np.random.default_rng(5).integers(0, 65_536, (height, width, channels)).astype(np.uint16)


def deep_png(samples: Deep, before: bytes = b"") -> bytes:
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png((width, height), depth=16, colour=COLOUR_TYPES[channels], rows=rows, before=before)


def deep_tiff(samples: Deep, orientation: int = 1) -> bytes:
    """Write an uncompressed TIFF of one strip (TIFF 6.0)."""
    height, width, channels = samples.shape
    pixels = samples.astype("<u2").tobytes()
    tags = {
        256: (3, 1, width),
        257: (3, 1, height),
        258: (3, channels, 8 + len(pixels) if channels > 2 else 16),
        259: (3, 1, 1),
        262: (3, 1, 2 if channels > 2 else 1),
        273: (4, 1, 8),
        274: (3, 1, orientation),
        277: (3, 1, channels),
        278: (3, 1, height),
        279: (4, 1, len(pixels)),
    }
    if channels == 4:
        tags[338] = (3, 1, 2)  # alpha that colour is not multiplied by
    entries = b"".join(struct.pack("<HHII", tag, *value) for tag, value in tags.items())
    bits = struct.pack("<4H", 16, 16, 16, 16)
    at = 8 + len(pixels) + len(bits)
    head = b"II*\0" + struct.pack("<I", at)
    return head + pixels + bits + struct.pack("<H", len(tags)) + entries + bytes(4)


def read_deep_png(data: bytes) -> tuple[Deep, list[int]]:
    """RGB(A) samples, and the depth and colour type that the file's header tells."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    code = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(pixels, code).astype(np.uint16), list(data[24:26])


def as_colour(samples: Deep) -> Deep:
    grey = samples[..., :1]
    return {
        1: np.dstack((grey,) * 3),
        2: np.dstack((grey, grey, grey, samples[..., -1:])),
    }.get(samples.shape[2], samples)


@pytest.mark.parametrize("channels", COLOUR_TYPES)
def test_what_is_not_changed_is_bit_identical_and_alpha_is_kept(channels: int) -> None:
    samples = noise(channels)
    picture = decode(deep_png(samples), LIMITS)
    encoded = encode_picture(picture, to="png", quality=90, xmp=XMP)
    found, header = read_deep_png(encoded.data)
    np.testing.assert_array_equal(found, as_colour(samples))
    assert header == [16, 6 if channels in (2, 4) else 2]
    assert encoded.notices == ()
    assert (encoded.width, encoded.height) == (23, 17)
    assert XMP in encoded.data


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_becomes_a_deep_png_upright(channels: int, orientation: int) -> None:
    samples = noise(channels)
    picture = decode(deep_tiff(samples, orientation), LIMITS)
    found, _ = read_deep_png(encode_picture(picture, to="png", quality=90, xmp=XMP).data)
    np.testing.assert_array_equal(found[..., :3] >> 8, picture.bgr[..., ::-1])
    assert sorted(found[..., 0].ravel()) == sorted(samples[..., 0].ravel())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_png_is_turned_as_its_8_bit_picture(orientation: int) -> None:
    samples = noise(4)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(deep_png(samples, png_chunk(b"eXIf", exif.tobytes()[6:])), LIMITS)
    found, _ = read_deep_png(encode_picture(picture, to="png", quality=90, xmp=XMP).data)
    np.testing.assert_array_equal(found[..., :3] >> 8, picture.bgr[..., ::-1])
    np.testing.assert_array_equal(found[..., 3] >> 8, picture.alpha)
    assert sorted(found[..., 0].ravel()) == sorted(samples[..., 0].ravel())


def test_a_change_is_laid_on_the_original_and_leaves_no_step_beside_it() -> None:
    ramp = np.linspace(20_000, 24_000, 64).astype(np.uint16)
    samples = np.dstack((np.tile(ramp, (32, 1)),) * 3)
    picture = decode(deep_png(samples), LIMITS)
    changed = picture.bgr[8:24, 16:48]
    changed[:] = changed + 10  # a whole region brightened: in 8 bits its ramp has 8 levels
    found, _ = read_deep_png(encode_picture(picture, to="png", quality=90, xmp=XMP).data)
    expected = samples.copy()
    expected[8:24, 16:48] += 10 * 257
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found[16, 16:48, 0])) == 32


@pytest.mark.parametrize("channels", [2, 4])
def test_a_change_of_alpha_is_laid_on_its_16_bits(channels: int) -> None:
    samples = noise(channels)
    samples[..., -1] //= 2
    picture = decode(deep_png(samples), LIMITS)
    assert picture.alpha is not None
    picture.alpha[4:8, 5:9] += 100
    encoded = encode_picture(picture, to="png", quality=90, xmp=XMP)
    found, _ = read_deep_png(encoded.data)
    expected = as_colour(samples).copy()
    expected[4:8, 5:9, 3] += 100 * 257
    np.testing.assert_array_equal(found, expected)
    assert encoded.notices == ()


def test_a_change_to_the_ends_of_the_range_stays_in_it() -> None:
    samples = np.full((4, 4, 3), 65_535, np.uint16)
    samples[2:] = 255
    picture = decode(deep_png(samples), LIMITS)
    picture.bgr[:2], picture.bgr[2:] = 0, 255
    found, _ = read_deep_png(encode_picture(picture, to="png", quality=90, xmp=XMP).data)
    assert found[:2].max() == 0
    assert found[2:].min() == 65_535


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_becomes_alpha(channels: int) -> None:
    samples = noise(channels)
    key = samples[3, 5]
    picture = decode(deep_png(samples, png_chunk(b"tRNS", key.astype(">u2").tobytes())), LIMITS)
    found, _ = read_deep_png(encode_picture(picture, to="png", quality=90, xmp=XMP).data)
    np.testing.assert_array_equal(found[..., :3], as_colour(samples))
    assert found[3, 5, 3] == 0
    assert found[0, 0, 3] == 65_535


def test_formats_of_8_bits_get_8_bits_without_a_word() -> None:
    picture = decode(deep_png(noise(3)), LIMITS)
    for to in LOSSY:
        assert encode_picture(picture, to=to, quality=90, xmp=XMP).notices == ()


def test_a_picture_of_8_bits_stays_one() -> None:
    encoded = encode_picture(decode(save(to_image(scene(9, 9)), "PNG"), LIMITS), to="png", quality=1, xmp=XMP)
    assert encoded.data[24] == 8
    assert encoded.notices == ()


def test_colours_that_had_to_be_converted_have_8_bits_and_the_result_says_so() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")
    profile = png_chunk(b"iCCP", b"odd\0\0" + zlib.compress(swapped))
    picture = decode(deep_png(noise(3), profile), LIMITS)
    encoded = encode_picture(picture, to="png", quality=90, xmp=XMP)
    assert [notice.code for notice in encoded.notices] == ["depth_reduced"]
    assert encoded.data[24] == 8
    np.testing.assert_array_equal(decode(encoded.data, LIMITS).bgr, picture.bgr)


def test_the_memory_of_a_deep_picture_is_counted_with_its_original() -> None:
    assert open_target(deep_png(noise(3)), LIMITS).memory_bytes() == 23 * 17 * 56
    assert open_target(save(to_image(scene(23, 17)), "PNG"), LIMITS).memory_bytes() == 23 * 17 * 16


def test_a_packing_of_which_the_depth_cannot_be_read_gives_the_8_bits_that_can_and_says_so() -> None:
    image = Image.fromarray(noise(1)[..., 0])
    picture = decode(save(image, "TIFF", compression="zstd"), LIMITS)
    encoded = encode_picture(picture, to="png", quality=90, xmp=XMP)
    assert [notice.code for notice in encoded.notices] == ["depth_reduced"]
    np.testing.assert_array_equal(picture.bgr[..., 0], noise(1)[..., 0] >> 8)
    np.testing.assert_array_equal(decode(encoded.data, LIMITS).bgr, picture.bgr)


def test_planes_of_16_bits_are_refused_as_no_library_reads_them_right() -> None:
    for order in "<>":
        with pytest.raises(UnsupportedMedia, match="separate planes"):
            decode(tiff_files.write(order, 3, 16, "planes"), LIMITS)
