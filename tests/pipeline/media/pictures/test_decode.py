"""Every readable file becomes the picture it shows, upright and in sRGB."""

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import MediaCorrupt, MediaTooLarge, UnsupportedMedia
from pipeline.face import Bgr
from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits, Picture, decode, open_picture
from pipeline.media.pictures.depth import encode_picture
from tests.support.pictures import every_format, png, png_chunk, save, scene, texture, to_image, with_alpha

SCENE = scene(61, 47)
FORMATS = every_format(SCENE)
LIMITS = Limits()


def mean_difference(one: Bgr, other: Bgr) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def check_shape(picture: Picture) -> None:
    assert picture.bgr.dtype == np.uint8
    assert picture.bgr.ndim == 3
    assert picture.bgr.shape[2] == 3
    assert picture.bgr.flags.c_contiguous
    assert picture.bgr.flags.writeable
    if picture.alpha is not None:
        assert picture.alpha.dtype == np.uint8
        assert picture.alpha.shape == picture.bgr.shape[:2]
        assert picture.alpha.flags.c_contiguous


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_the_scene_it_was_made_from(name: str) -> None:
    picture = decode(FORMATS[name], LIMITS)
    check_shape(picture)
    expected = SCENE
    if name == "jpeg-grey":
        grey = np.asarray(to_image(SCENE).convert("L"))
        expected = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8)
    exact = name.startswith(("png", "bmp", "tiff")) and "palette" not in name and "jpeg" not in name
    assert mean_difference(picture.bgr, expected) <= (0 if exact else 6)
    assert open_picture(FORMATS[name], LIMITS).pixels == 61 * 47


@pytest.mark.parametrize("name", ["png-alpha", "webp-lossless", "avif-alpha"])
def test_alpha_is_kept_and_colour_is_not_multiplied_by_it(name: str) -> None:
    picture = decode(FORMATS[name], LIMITS)
    assert picture.alpha is not None
    expected = np.asarray(with_alpha(SCENE).getchannel("A"))
    assert mean_difference(picture.alpha, expected) <= 2
    assert mean_difference(picture.bgr[:, :50], SCENE[:, :50]) <= 3


def test_heic_keeps_its_alpha() -> None:
    picture = decode(save(with_alpha(SCENE), "HEIC", quality=95), LIMITS)
    assert picture.alpha is not None
    assert mean_difference(picture.alpha, np.asarray(with_alpha(SCENE).getchannel("A"))) <= 4


@pytest.mark.parametrize("name", FORMATS)
def test_only_files_of_several_pictures_say_that_one_was_used(name: str) -> None:
    codes = [notice.code for notice in decode(FORMATS[name], LIMITS).notices]
    assert codes == (["first_frame_only"] if name.endswith(("animated", "pages")) else [])


def test_a_heic_of_several_pictures_says_that_one_was_used() -> None:
    heif = pillow_heif.from_pillow(to_image(SCENE))
    heif.add_from_pillow(to_image(SCENE).convert("L"))
    buffer = io.BytesIO()
    heif.save(buffer, quality=95)
    picture = decode(buffer.getvalue(), LIMITS)
    assert [notice.code for notice in picture.notices] == ["first_frame_only"]
    assert mean_difference(picture.bgr, SCENE) <= 6


def test_an_avif_that_moves_says_that_one_picture_was_used() -> None:
    frames = [to_image(SCENE), to_image(SCENE[::-1].copy())]
    moving = save(frames[0], "AVIF", save_all=True, append_images=frames[1:], quality=90, speed=10)
    picture = decode(moving, LIMITS)
    assert [notice.code for notice in picture.notices] == ["first_frame_only"]
    assert mean_difference(picture.bgr, SCENE) <= 6


TURNS = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}
"""How an upright picture is stored under each orientation of EXIF 2.32, table 6."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
def test_every_orientation_is_turned_upright(form: str, orientation: int) -> None:
    stored = to_image(np.ascontiguousarray(TURNS[orientation](SCENE)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(save(stored, form, exif=exif), LIMITS)
    check_shape(picture)
    assert mean_difference(picture.bgr, SCENE) <= (0 if form in ("PNG", "TIFF") else 6)


@pytest.mark.parametrize("orientation", TURNS)
def test_heic_is_turned_once(orientation: int) -> None:
    stored = to_image(np.ascontiguousarray(TURNS[orientation](SCENE)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    heif = pillow_heif.from_pillow(stored)
    heif.info["exif"] = exif.tobytes()  # written twice: in the container, which counts, and as EXIF
    buffer = io.BytesIO()
    heif.save(buffer, quality=95)
    assert mean_difference(decode(buffer.getvalue(), LIMITS).bgr, SCENE) <= 6


def test_alpha_is_turned_with_the_picture() -> None:
    image = with_alpha(SCENE)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(save(image, "PNG", exif=exif), LIMITS)
    assert picture.alpha is not None
    expected = np.rot90(np.asarray(image.getchannel("A")), -1)
    np.testing.assert_array_equal(picture.alpha, expected)


@pytest.mark.parametrize(
    "exif",
    [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense" * 9, bytes(64)],
)
def test_broken_exif_does_not_spoil_a_sound_picture(exif: bytes) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        data = save(to_image(SCENE), form, exif=b"Exif\0\0" + exif)
        assert mean_difference(decode(data, LIMITS).bgr, SCENE) <= 6


@pytest.mark.parametrize("form", ["AVIF", "HEIC", "TIFF"])
def test_broken_exif_inside_a_box_or_directory_does_not_spoil_a_sound_picture(form: str) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"a comment of some length"}
    image = to_image(SCENE)
    image.info["exif"] = exif.tobytes()
    data = save(image, form, **({} if form == "HEIC" else {"exif": exif.tobytes()}))
    at = data.index(b"\x69\x87\x04\0" if form == "TIFF" else b"\x87\x69\0\x04") + 8
    outside = data[:at] + b"\x7f" * 4 + data[at + 4 :]
    uncounted = data[: at - 10] + b"\x7f\x7f" + data[at - 8 :]
    for broken in (outside, uncounted) if form != "TIFF" else (outside,):
        assert mean_difference(decode(broken, LIMITS).bgr, SCENE) <= 6


def test_16_bit_grey_keeps_its_high_byte_in_png_and_tiff() -> None:
    deep = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
    for form in ("PNG", "TIFF"):
        picture = decode(save(Image.fromarray(deep), form), LIMITS)
        np.testing.assert_array_equal(picture.bgr, np.repeat((deep >> 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_keeps_its_high_byte(extension: str, channels: int) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (20, 30, channels)).astype(np.uint16)
    picture = decode(cv2.imencode(extension, deep)[1].tobytes(), LIMITS)
    np.testing.assert_array_equal(picture.bgr, deep[..., :3] >> 8)
    if channels == 4:
        np.testing.assert_array_equal(picture.alpha, deep[..., 3] >> 8)


def test_a_transparent_colour_of_a_16_bit_png_is_compared_whole() -> None:
    rows = b"\0" + bytes.fromhex("1234 1235 ff00 0000")
    data = png((4, 1), depth=16, colour=0, rows=rows, before=png_chunk(b"tRNS", b"\x12\x34"))
    picture = decode(data, LIMITS)
    np.testing.assert_array_equal(picture.alpha, [[0, 255, 255, 255]])
    np.testing.assert_array_equal(picture.bgr[..., 0], [[0x12, 0x12, 0xFF, 0]])


def test_palette_with_alpha_per_entry() -> None:
    before = png_chunk(b"PLTE", bytes((10, 20, 30, 40, 50, 60))) + png_chunk(b"tRNS", bytes((7, 200)))
    picture = decode(png((2, 1), depth=8, colour=3, rows=b"\0\0\1", before=before), LIMITS)
    np.testing.assert_array_equal(picture.bgr, [[[30, 20, 10], [60, 50, 40]]])
    np.testing.assert_array_equal(picture.alpha, [[7, 200]])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "YCbCr", "LAB"])
def test_every_colour_mode_of_tiff_is_right_or_refused(mode: str) -> None:
    image = to_image(SCENE).convert("RGBA" if mode == "PA" else "RGB")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "LAB":
        image = Image.new("LAB", SCENE.shape[1::-1])
    elif mode != "PA":
        image = image.convert(mode)
    data = save(image, "TIFF")
    if mode == "LAB":
        with pytest.raises(UnsupportedMedia, match="8-bit RGB"):
            decode(data, LIMITS)
        return
    picture = decode(data, LIMITS)
    check_shape(picture)
    grey = mode in ("1", "L", "LA", "I;16")
    expected = np.asarray(to_image(SCENE).convert("L" if grey else "RGB").convert("RGB"))[..., ::-1]
    tolerance = {"1": 130, "P": 20}.get(mode, 2)
    assert mean_difference(picture.bgr, np.ascontiguousarray(expected)) <= tolerance
    assert (picture.alpha is not None) == (mode in ("LA", "PA", "RGBA"))


def test_float_pixels_are_refused_with_advice() -> None:
    with pytest.raises(UnsupportedMedia, match="8-bit RGB"):
        decode(save(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), LIMITS)


def test_inverted_adobe_cmyk_is_not_a_negative() -> None:
    white = save(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG")
    assert b"Adobe" in white
    assert decode(white, LIMITS).bgr.min() >= 250


def test_a_hidden_text_or_animation_of_a_png_does_not_reach_the_decoder() -> None:
    odd = (
        png_chunk(b"acTL", b"")
        + png_chunk(b"zTXt", b"no separator")
        + png_chunk(b"iCCP", b"bad\0\x07")
        + png_chunk(b"eXIf", b"MM")
        + png_chunk(b"tEXt", b"")
    )
    picture = decode(png((1, 1), depth=8, colour=2, rows=b"\0\1\2\3", before=odd), LIMITS)
    np.testing.assert_array_equal(picture.bgr, [[[3, 2, 1]]])


def test_a_file_named_wrongly_is_read_as_what_it_is() -> None:
    assert decode(FORMATS["webp"], LIMITS).media.name == "webp"


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (b"", MediaCorrupt, "empty"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", UnsupportedMedia, "an MP4 video, but a picture"),
        (b"%PDF-1.7", UnsupportedMedia, "a PDF document"),
        (b"<html><body>Not found", UnsupportedMedia, "web page"),
        (b"plain words", UnsupportedMedia, "a type this service does not know"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes, error: type[Exception], sentence: str) -> None:
    for read in (decode, open_picture):
        with pytest.raises(error, match=sentence):
            read(data, LIMITS)


def test_many_threads_see_the_same_pixels() -> None:
    start = threading.Barrier(4)
    expected = {name: decode(data, LIMITS).bgr for name, data in FORMATS.items()}

    def work(_: int) -> None:
        start.wait()
        for name, data in FORMATS.items():
            np.testing.assert_array_equal(decode(data, LIMITS).bgr, expected[name])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(1, 150),
    height=st.integers(1, 150),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"]),
    form=st.sampled_from(["PNG", "WEBP", "TIFF"]),
)
def test_lossless_files_of_any_size_and_mode_come_back_exactly(
    width: int, height: int, mode: str, form: str
) -> None:
    image = to_image(texture(width, height)).convert(mode)
    picture = decode(
        save(image, form, **({"lossless": True, "exact": True} if form == "WEBP" else {})), LIMITS
    )
    check_shape(picture)
    expected = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(picture.bgr, expected[..., 2::-1])
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, expected[..., 3])


def turned_scene(orientation: int) -> Image.Image:
    """The scene as it is stored with an orientation."""
    return to_image(np.ascontiguousarray(TURNS[orientation](SCENE)))


def exif_block(order: str, kind: int, orientation: int) -> bytes:
    """An EXIF block whose orientation is of any type."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    form = {1: "Bxxx", 3: "Hxx", 4: "I"}[kind]
    return head + struct.pack(order + "HHI" + form + "I", 0x0112, kind, 1, orientation, 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [1, 3, 4], ids=["BYTE", "SHORT", "LONG"])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_orientation_of_any_type_is_heeded(form: str, kind: int, order: str) -> None:
    for orientation in TURNS:
        stored = turned_scene(orientation)
        data = save(stored, form, exif=b"Exif\0\0" + exif_block(order, kind, orientation))
        assert mean_difference(decode(data, LIMITS).bgr, SCENE) <= 6, orientation


def xmp_of(orientation: int, *, as_element: bool) -> bytes:
    said = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if as_element else ""
    attribute = "" if as_element else f' tiff:Orientation="{orientation}"'
    return f"<x:xmpmeta><rdf:RDF><rdf:Description{attribute}>{said}</rdf:Description></rdf:RDF>".encode()


def with_xmp(image: Image.Image, form: str, xmp: bytes, exif: bytes = b"", *, packed: bool = False) -> bytes:
    settings = {"exif": b"Exif\0\0" + exif} if exif else {}
    if form != "PNG":
        return save(image, form, xmp=xmp, **settings)
    data = save(image, "PNG", **settings)
    text = zlib.compress(xmp) if packed else xmp
    return (
        data[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes((packed, 0, 0, 0)) + text) + data[33:]
    )


@pytest.mark.parametrize("as_element", [False, True], ids=["attribute", "element"])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_orientation_in_xmp_is_heeded_unless_exif_has_another(form: str, *, as_element: bool) -> None:
    for orientation in TURNS:
        stored = turned_scene(orientation)
        xmp = xmp_of(orientation, as_element=as_element)
        picture = decode(with_xmp(stored, form, xmp), LIMITS)
        assert mean_difference(picture.bgr, SCENE) <= 6, orientation
    stored = to_image(np.ascontiguousarray(TURNS[6](SCENE)))
    both = with_xmp(stored, form, xmp_of(3, as_element=as_element), exif_block("<", 3, 6))
    assert mean_difference(decode(both, LIMITS).bgr, SCENE) <= 6


def test_xmp_that_is_packed_or_broken_is_read_or_left() -> None:
    stored = to_image(np.ascontiguousarray(TURNS[8](SCENE)))
    packed = with_xmp(stored, "PNG", xmp_of(8, as_element=False), packed=True)
    assert mean_difference(decode(packed, LIMITS).bgr, SCENE) == 0
    for body in (b"", b"\0", b"\1\0\0\0nothing packed", b"\0\0\0\0 tiff:Orientation=", b"\0\0"):
        data = save(to_image(SCENE), "PNG")
        chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + body)
        assert mean_difference(decode(data[:33] + chunk + data[33:], LIMITS).bgr, SCENE) == 0


def test_a_moving_picture_is_turned_by_its_xmp_too() -> None:
    stored = [to_image(np.ascontiguousarray(TURNS[6](frame))) for frame in (SCENE, 255 - SCENE)]
    xmp = xmp_of(6, as_element=False)
    several: dict[str, Any] = {"save_all": True, "append_images": stored[1:]}
    webp = save(stored[0], "WEBP", xmp=xmp, lossless=True, **several)
    png = save(stored[0], "PNG", **several)
    png = png[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp) + png[33:]
    for data in (webp, png):
        animation = open_animation(data, LIMITS)
        assert animation is not None
        assert mean_difference(next(animation.frames()).bgr, SCENE) == 0


def tiled_tiff(bgr: Bgr, *, depth: int, tile: tuple[int, int]) -> bytes:
    """An uncompressed TIFF of one tile, which may be larger than the picture."""
    height, width = bgr.shape[:2]
    held = np.zeros((tile[1], tile[0], 3), np.uint16)
    held[:height, :width] = bgr[..., ::-1]
    packed = (held * 257).tobytes() if depth == 16 else held.astype(np.uint8).tobytes()
    entries = {256: (4, width), 257: (4, height), 259: (3, 1), 262: (3, 2), 277: (3, 3), 322: (4, tile[0])}
    entries |= {323: (4, tile[1]), 324: (4, 8), 325: (4, len(packed))}
    after = 8 + len(packed)
    directory = [struct.pack("<HHII", 258, 3, 3, after)]
    directory += [struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in entries.items()]
    directory.sort(key=lambda entry: struct.unpack_from("<H", entry))
    bits = struct.pack("<3H", depth, depth, depth)
    head = b"II*\0" + struct.pack("<I", after + len(bits))
    return head + packed + bits + struct.pack("<H", len(directory)) + b"".join(directory) + bytes(4)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("tile", [(64, 48), (256, 256), (1024, 1024), (16, 256)])
def test_a_tile_larger_than_the_picture_does_not_count_as_the_picture(
    depth: int, tile: tuple[int, int]
) -> None:
    small = SCENE[:40, :16] if tile[0] == 16 else SCENE
    height, width = small.shape[:2]
    limits = Limits(max_pixels=width * height)
    opened = open_picture(tiled_tiff(small, depth=depth, tile=tile), limits)
    assert opened.pixels == max(width, tile[0]) * max(height, tile[1])  # by which memory is reckoned
    picture = opened.load()
    np.testing.assert_array_equal(picture.bgr, small)
    encoded = encode_picture(picture, to="png", quality=95, xmp=None)
    assert not encoded.notices
    with pytest.raises(MediaTooLarge, match=f"{width} x {height} pixels"):
        open_picture(tiled_tiff(small, depth=depth, tile=tile), Limits(max_pixels=width * height - 1))


def test_a_tile_far_larger_than_any_picture_is_refused_as_such() -> None:
    data = tiled_tiff(SCENE, depth=16, tile=(64, 48))
    for tag, side in ((322, 64), (323, 48)):
        said, claimed = (struct.pack("<HHII", tag, 4, 1, value) for value in (side, 65_536))
        assert said in data
        data = data.replace(said, claimed)
    with pytest.raises(MediaTooLarge, match="tiles"):
        open_picture(data, LIMITS)
