"""What a PNG says of its colours is heeded, or the sender is told that it was not."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.face import Bgr
from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits, Picture, decode
from pipeline.media.pictures.depth import encode_picture
from tests.support.pictures import png_chunk, save, scene, to_image, with_alpha

LIMITS = Limits()
SCENE = scene(48, 36)
PLAIN = save(to_image(SCENE), "PNG")
SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PRIMARIES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


def gamma(value: int) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", value))


def primaries(values: tuple[int, ...]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *values))


def cicp(*numbers: int) -> bytes:
    return png_chunk(b"cICP", bytes(numbers))


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    return data[:33] + b"".join(chunks) + data[33:]


def seen(*chunks: bytes, data: bytes = PLAIN) -> Picture:
    return decode(with_chunks(data, *chunks), LIMITS)


def codes(picture: Picture) -> list[str]:
    return [notice.code for notice in picture.notices]


def light(bgr: Bgr) -> np.ndarray:
    """IEC 61966-2-1: what light 8-bit sRGB stands for, 0..1."""
    value = bgr / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def shown(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(45455)],
        [gamma(45455), primaries(SRGB_PRIMARIES)],
        [primaries(SRGB_PRIMARIES)],
        [png_chunk(b"sRGB", b"\0"), gamma(100_000), primaries(P3_PRIMARIES)],
        [cicp(1, 13, 0, 1), gamma(100_000)],
        [cicp(1, 1, 0, 1)],
        [cicp(2, 2, 0, 1)],
        [gamma(0)],
        [gamma(1)],
        [primaries((0,) * 8)],
        [primaries((31270, 32900) + (30000, 30000) * 3)],
        [png_chunk(b"gAMA", b"\0\0"), png_chunk(b"cHRM", b""), png_chunk(b"cICP", b"")],
    ],
)
def test_what_is_srgb_or_makes_no_sense_leaves_every_pixel(chunks: list[bytes]) -> None:
    picture = seen(*chunks)
    np.testing.assert_array_equal(picture.bgr, SCENE)
    assert not picture.notices


@pytest.mark.parametrize("chunk", [gamma(100_000), cicp(1, 8, 0, 1)], ids=["gAMA", "cICP"])
def test_a_linear_png_is_not_shown_dark(chunk: bytes) -> None:
    np.testing.assert_allclose(seen(chunk).bgr, shown(SCENE / 255), atol=1.5)


@pytest.mark.parametrize("value", [100_000, 55_556, 35_714])
def test_gamma_is_heeded_in_colour_grey_palette_and_with_alpha(value: int) -> None:
    grey = to_image(SCENE).convert("L")
    kinds = {
        "colour": to_image(SCENE),
        "alpha": with_alpha(SCENE),
        "grey": grey,
        "grey with alpha": Image.merge("LA", (grey, grey)),
        "palette": to_image(SCENE).quantize(64),
        "deep grey": Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
    }
    for name, image in kinds.items():
        data = save(image, "PNG")
        before = decode(data, LIMITS)
        after = seen(gamma(value), data=data)
        expected = shown((before.bgr / 255) ** (100_000 / value))
        np.testing.assert_allclose(after.bgr, expected, atol=1.6, err_msg=name)
        if before.alpha is not None:
            np.testing.assert_array_equal(after.alpha, before.alpha)


@pytest.mark.parametrize("chunks", [[primaries(P3_PRIMARIES), gamma(45455)], [cicp(12, 13, 0, 1)]])
def test_wide_colours_are_converted(chunks: list[bytes]) -> None:
    # Display P3 to sRGB, both with the white D65.
    to_srgb = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    rgb = light(cv2.cvtColor(SCENE, cv2.COLOR_BGR2RGB).astype(np.uint8))
    expected = shown(rgb @ to_srgb.T)[..., ::-1]
    np.testing.assert_allclose(seen(*chunks).bgr, expected, atol=2.5)


def test_cicp_goes_before_a_profile_and_a_profile_before_gamma() -> None:
    linear = seen(gamma(100_000)).bgr
    profiled = save(to_image(SCENE), "PNG", icc_profile=b"no profile at all")
    np.testing.assert_array_equal(seen(gamma(100_000), data=profiled).bgr, SCENE)
    np.testing.assert_array_equal(seen(cicp(1, 8, 0, 1), data=profiled).bgr, linear)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_tones_are_told(transfer: int) -> None:
    picture = seen(cicp(9, transfer, 0, 1))
    assert codes(picture) == ["hdr_tones"]
    np.testing.assert_array_equal(picture.bgr, SCENE)


@pytest.mark.parametrize("numbers", [(10, 13, 0, 1), (1, 17, 0, 1), (1, 13, 1, 1), (1, 13, 0, 0)])
def test_colours_described_in_a_way_that_is_not_read_are_told(numbers: tuple[int, ...]) -> None:
    assert codes(seen(cicp(*numbers))) == ["colours_not_read"]


@pytest.mark.parametrize("form", ["AVIF", "HEIC"])
def test_hdr_tones_of_other_formats_are_told(form: str) -> None:
    data = save(to_image(SCENE), form)
    at = data.find(b"colrnclx")
    assert at > 0
    for transfer, told in ((16, ["hdr_tones"]), (18, ["hdr_tones"]), (13, [])):
        changed = data[: at + 10] + struct.pack(">H", transfer) + data[at + 12 :]
        assert codes(decode(changed, LIMITS)) == told


def test_moving_pngs_are_read_alike() -> None:
    image = to_image(SCENE)
    data = save(image, "PNG", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    for chunk, told in ((gamma(100_000), []), (cicp(1, 16, 0, 1), ["hdr_tones"])):
        animation = open_animation(with_chunks(data, chunk), LIMITS)
        assert animation is not None
        first = next(animation.frames())
        assert codes(first) == told
        np.testing.assert_array_equal(first.bgr, seen(chunk).bgr)


def test_a_converted_picture_of_16_bits_says_that_it_has_8() -> None:
    deep = cv2.imencode(".png", SCENE.astype(np.uint16) * 257)[1].tobytes()
    picture = seen(gamma(100_000), data=deep)
    np.testing.assert_array_equal(picture.bgr, seen(gamma(100_000)).bgr)
    encoded = encode_picture(picture, to="png", quality=95, xmp=None)
    assert [notice.code for notice in encoded.notices] == ["depth_reduced"]
