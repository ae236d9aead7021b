"""Numbers are converted to sRGB by the profile they come with."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from tests.support.pictures import save, scene, to_image
from tests.support.profiles import P3_TO_XYZ, SRGB_TO_XYZ, cmyk_profile, grey_profile, rgb_profile

LIMITS = Limits()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def srgb_curve(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encode linear light, 0..1, by IEC 61966-2-1."""
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def p3_to_srgb(bgr: Bgr) -> NDArray[np.float64]:
    linear = (bgr[..., ::-1] / 255) ** 2.2
    mixed = linear @ (np.linalg.inv(SRGB_TO_XYZ) @ P3_TO_XYZ).T
    return srgb_curve(mixed)[..., ::-1] * 255


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG", "HEIC"])
def test_a_wide_gamut_picture_is_converted(form: str) -> None:
    bgr = scene(40, 30)
    lossless = {"lossless": True} if form == "WEBP" else {}
    quality = {"quality": 100} if form in ("JPEG", "AVIF", "HEIC") else {}
    plain = save(to_image(bgr), form, **lossless, **quality)
    tagged = save(to_image(bgr), form, icc_profile=rgb_profile(P3_TO_XYZ, 2.2), **lossless, **quality)
    expected = p3_to_srgb(decode(plain, LIMITS).bgr)
    assert np.abs(decode(tagged, LIMITS).bgr - expected).max() <= 2


def test_alpha_stays_as_it_is_when_colour_is_converted() -> None:
    image = to_image(scene(40, 30))
    image.putalpha(Image.linear_gradient("L").resize((40, 30)))
    picture = decode(save(image, "PNG", icc_profile=rgb_profile(P3_TO_XYZ, 2.2)), LIMITS)
    np.testing.assert_array_equal(picture.alpha, np.asarray(image.getchannel("A")))
    assert np.abs(picture.bgr - p3_to_srgb(scene(40, 30))).max() <= 2


def test_a_grey_picture_is_converted_by_its_grey_profile() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = save(Image.fromarray(grey), "PNG", icc_profile=grey_profile(1.8))
    expected = srgb_curve((grey / 255) ** 1.8)[..., None] * 255
    assert np.abs(decode(data, LIMITS).bgr - expected).max() <= 2


def test_a_print_picture_is_converted_by_its_ink_profile() -> None:
    profile = cmyk_profile(50)
    black, half, white = (
        decode(save(Image.new("CMYK", (16, 16), (0, 0, 0, key)), "JPEG", icc_profile=profile), LIMITS).bgr
        for key in (255, 128, 0)
    )
    # Half black is L* 75, 48 % of the light; with the ink's own black, L* 50 and 18 %, taken as none
    # it is 37 %, which sRGB writes as 163. Without the profile it would be 127.
    assert np.abs(half.astype(int) - 163).max() <= 4
    assert black.max() <= 10
    assert white.min() >= 252


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_picture_tagged_srgb_is_not_touched(form: str) -> None:
    bgr = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decode(save(to_image(bgr), form, icc_profile=SRGB), LIMITS).bgr, bgr)


@pytest.mark.parametrize(
    "profile",
    [b"", b"x", bytes(200), SRGB[:200], SRGB[:-300], grey_profile(1.0), cmyk_profile(50)],
    ids=["empty", "byte", "zeros", "head", "cut", "grey", "cmyk"],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_unusable_profile_is_ignored(form: str, profile: bytes) -> None:
    image = to_image(scene(40, 30))
    plain, tagged = save(image, form), save(image, form, icc_profile=profile)
    np.testing.assert_array_equal(decode(tagged, LIMITS).bgr, decode(plain, LIMITS).bgr)
