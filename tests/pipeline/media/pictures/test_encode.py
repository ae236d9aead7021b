"""What is written is what was swapped: exact where promised, marked, and free of the input's metadata."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import MediaTooLarge, OutputInvalid
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import OutputFormat, encode, encode_deep_png, output_format
from pipeline.media.sniff import MEDIA_TYPES, sniff
from tests.support.pictures import save, scene, texture, to_image

LIMITS = Limits()
FORMATS: tuple[OutputFormat, ...] = ("jpeg", "png", "webp", "avif")
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa9</x:xmpmeta>"


@pytest.mark.parametrize("to", FORMATS)
def test_the_bytes_are_what_they_are_said_to_be(to: OutputFormat) -> None:
    encoded = encode(scene(61, 47), None, to=to, quality=90, xmp=XMP)
    assert encoded.media == sniff(encoded.data) == MEDIA_TYPES[to]
    assert (encoded.width, encoded.height) == (61, 47)
    assert encoded.notices == ()
    picture = decode(encoded.data, LIMITS)
    assert picture.alpha is None
    difference = np.abs(picture.bgr.astype(int) - scene(61, 47))
    assert difference.mean() < (1e-9 if to == "png" else 4)


@pytest.mark.parametrize("to", ["png", "webp", "avif"])
def test_alpha_is_kept_exactly(to: OutputFormat) -> None:
    alpha = np.tile(np.linspace(255, 0, 61).astype(np.uint8), (47, 1))
    encoded = encode(scene(61, 47), alpha, to=to, quality=100, xmp=XMP)
    found = decode(encoded.data, LIMITS).alpha
    assert found is not None
    assert np.abs(found.astype(int) - alpha).max() <= (3 if to == "avif" else 0)
    assert encoded.notices == ()


def test_jpeg_lays_what_is_transparent_on_white_and_says_so() -> None:
    alpha = np.full((47, 61), 255, np.uint8)
    alpha[:, :20], alpha[:, 20:30] = 0, 128
    bgr = np.full((47, 61, 3), (10, 20, 30), np.uint8)
    before = bgr.copy()
    encoded = encode(bgr, alpha, to="jpeg", quality=100, xmp=XMP)
    assert [notice.code for notice in encoded.notices] == ["alpha_flattened"]
    found = decode(encoded.data, LIMITS).bgr
    assert found[:, :12].min() >= 253
    assert np.abs(found[20, 25].astype(int) - (132, 137, 142)).max() <= 6
    assert np.abs(found[:, 40:].astype(int) - (10, 20, 30)).max() <= 2
    np.testing.assert_array_equal(bgr, before)


def test_jpeg_says_nothing_of_alpha_that_is_opaque_throughout() -> None:
    opaque = np.full((8, 8), 255, np.uint8)
    assert encode(scene(8, 8), opaque, to="jpeg", quality=90, xmp=XMP).notices == ()


@settings(deadline=None, max_examples=60)
@given(width=st.integers(1, 200), height=st.integers(1, 200), clear=st.booleans())
def test_png_is_exact_for_any_size_with_and_without_alpha(width: int, height: int, *, clear: bool) -> None:
    bgr = texture(width, height)
    alpha = texture(width, height)[..., 0].copy() if clear else None
    picture = decode(encode(bgr, alpha, to="png", quality=1, xmp=XMP).data, LIMITS)
    np.testing.assert_array_equal(picture.bgr, bgr)
    assert (picture.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(picture.alpha, alpha)


def test_a_png_is_written_in_few_chunks() -> None:
    """Each costs whoever goes over them: hundreds of 8 KB made signing twice as long."""
    data = encode(texture(600, 400), None, to="png", quality=90, xmp=XMP).data
    assert len(data) > 500_000
    assert data.count(b"IDAT") == 1


@settings(deadline=None, max_examples=25)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    quality=st.integers(1, 100),
    to=st.sampled_from(FORMATS),
    clear=st.booleans(),
)
def test_any_size_and_quality_can_be_written_and_read_again(
    width: int, height: int, quality: int, to: OutputFormat, *, clear: bool
) -> None:
    alpha = np.full((height, width), 99, np.uint8) if clear else None
    encoded = encode(texture(width, height), alpha, to=to, quality=quality, xmp=XMP)
    picture = decode(encoded.data, LIMITS)
    assert picture.bgr.shape == (height, width, 3)
    assert (picture.alpha is not None) == (clear and to != "jpeg")


@pytest.mark.parametrize("to", ["jpeg", "webp", "avif"])
def test_higher_quality_is_closer_and_larger(to: OutputFormat) -> None:
    bgr = (texture(96, 96) // 4) + scene(96, 96) // 2
    low, high = (encode(bgr, None, to=to, quality=quality, xmp=XMP).data for quality in (20, 95))
    errors = [np.abs(decode(data, LIMITS).bgr.astype(int) - bgr).mean() for data in (low, high)]
    assert len(low) < len(high)
    assert errors[1] < errors[0]


@pytest.mark.parametrize("to", ["jpeg", "avif"])
def test_colour_edges_stay_sharp_at_high_quality(to: OutputFormat) -> None:
    bgr = np.full((64, 64, 3), 90, np.uint8)
    bgr[:, 33:, 2] = 200  # a red edge between two columns of a 2 x 2 block
    sharp, soft = (
        np.abs(decode(encode(bgr, None, to=to, quality=quality, xmp=None).data, LIMITS).bgr.astype(int) - bgr)
        for quality in (90, 89)
    )
    assert sharp[:, 30:36].max() * 2 < soft[:, 30:36].max()


@pytest.mark.parametrize("to", FORMATS)
def test_nothing_of_the_input_but_its_pixels_is_passed_on(to: OutputFormat) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    exif.get_ifd(0x8825)[1] = "N"
    data = save(to_image(scene(40, 30)), "JPEG", exif=exif, comment=b"secret comment")
    picture = decode(data, LIMITS)
    encoded = encode(picture.bgr, picture.alpha, to=to, quality=90, xmp=XMP)
    assert b"secret" not in encoded.data
    with Image.open(io.BytesIO(encoded.data)) as image:
        assert image.size == (30, 40)
        assert dict(image.getexif()) == {}
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("to", FORMATS)
def test_the_xmp_packet_is_embedded_only_when_given(to: OutputFormat) -> None:
    for xmp in (XMP, None):
        with Image.open(io.BytesIO(encode(scene(20, 20), None, to=to, quality=90, xmp=xmp).data)) as image:
            image.load()
            assert image.info.get("xmp") == xmp


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("jpeg", "jpeg"),
        ("png", "png"),
        ("webp", "webp"),
        ("avif", "avif"),
        ("gif", "png"),
        ("bmp", "png"),
        ("tiff", "png"),
        ("heic", "jpeg"),
    ],
)
def test_a_result_has_its_targets_format_unless_asked_otherwise(target: str, expected: str) -> None:
    assert output_format(None, MEDIA_TYPES[target]) == expected
    assert output_format("webp", MEDIA_TYPES[target]) == "webp"


def test_every_readable_picture_has_an_output_format() -> None:
    pictures = [media for media in MEDIA_TYPES.values() if media.kind == "picture"]
    assert {output_format(None, media) for media in pictures} <= set(FORMATS)


@pytest.mark.parametrize(("to", "side"), [("webp", 16_383), ("jpeg", 65_500), ("avif", 65_536)])
def test_a_picture_too_long_for_its_format_names_one_that_works(to: OutputFormat, side: int) -> None:
    assert encode(np.zeros((1, side, 3), np.uint8), None, to=to, quality=90, xmp=None).width == side
    long = np.zeros((1, side + 1, 3), np.uint8)
    with pytest.raises(MediaTooLarge, match="output_format png"):
        encode(long, None, to=to, quality=90, xmp=None)
    assert encode(long, None, to="png", quality=90, xmp=None).width == side + 1


def test_a_picture_too_long_even_for_png_is_too_large() -> None:
    assert encode(np.zeros((1, 10**6, 3), np.uint8), None, to="png", quality=90, xmp=None).width == 10**6
    for shape in ((1, 10**6 + 1, 3), (10**6 + 1, 1, 3)):
        with pytest.raises(MediaTooLarge, match="smaller"):
            encode(np.zeros(shape, np.uint8), None, to="png", quality=90, xmp=None)
    with pytest.raises(MediaTooLarge, match="smaller"):
        encode_deep_png(np.zeros((1, 10**6 + 1, 3), np.uint16), xmp=None)


def test_pixels_that_cannot_be_written_are_an_invalid_output() -> None:
    with pytest.raises(OutputInvalid):
        encode(np.zeros((0, 4, 3), np.uint8), None, to="png", quality=90, xmp=None)
