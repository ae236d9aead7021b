"""A JPEG is whole, lacks only its end mark, or is refused: never half a picture and half grey."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import MediaCorrupt
from pipeline.media.pictures import jpeg
from pipeline.media.pictures.decode import Limits, decode
from tests.support.calls import counted
from tests.support.pictures import save, scene, texture, to_image

LIMITS = Limits()
END = b"\xff\xd9"
PHOTO = to_image(np.hstack((scene(180, 160), texture(60, 160))))
KINDS: dict[str, bytes] = {
    "4:2:0": save(PHOTO, "JPEG", quality=90),
    "4:4:4": save(PHOTO, "JPEG", quality=90, subsampling="4:4:4"),
    "optimised": save(PHOTO, "JPEG", quality=90, optimize=True),
    "restarts": save(PHOTO, "JPEG", quality=90, restart_marker_blocks=5),
    "grey": save(PHOTO.convert("L"), "JPEG", quality=90),
    "cmyk": save(PHOTO.convert("CMYK"), "JPEG", quality=90),
    "progressive": save(PHOTO, "JPEG", quality=90, progressive=True),
    "progressive grey": save(PHOTO.convert("L"), "JPEG", quality=90, progressive=True),
    "poor": save(PHOTO, "JPEG", quality=15),
}


def cuts(data: bytes) -> Iterator[bytes]:
    """The file, cut at places from its first scan to near its end."""
    first = data.index(b"\xff\xda")
    for share in np.linspace(0.02, 0.97, 30):
        yield data[: first + int(share * (len(data) - first))]


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_that_was_cut_and_closed_with_its_end_mark_is_refused(name: str) -> None:
    for cut in cuts(KINDS[name]):
        with pytest.raises(MediaCorrupt):
            decode(cut + END, LIMITS)


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_that_was_cut_and_not_closed_is_refused(name: str) -> None:
    for cut in cuts(KINDS[name]):
        with pytest.raises(MediaCorrupt):
            decode(cut, LIMITS)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("left", [b"", b"\xff"], ids=["none of it", "half of it"])
def test_a_jpeg_that_lacks_only_its_end_mark_is_whole_and_says_so(name: str, left: bytes) -> None:
    whole = decode(KINDS[name], LIMITS)
    assert whole.notices == ()
    picture = decode(KINDS[name].removesuffix(END) + left, LIMITS)
    np.testing.assert_array_equal(picture.bgr, whole.bgr)
    assert [notice.code for notice in picture.notices] == ["end_missing"]


@pytest.mark.parametrize("name", KINDS)
def test_bytes_between_the_segments_are_skipped(name: str) -> None:
    data, at = KINDS[name], 2
    junk = b"\0\1stray\xff\0bytes"
    parts = [data[:at]]
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        parts += [data[at:end], junk]
        at = end
    stray = b"".join((*parts, b"\xff\xd0\xff\xff", data[at + 1 :]))
    np.testing.assert_array_equal(decode(stray, LIMITS).bgr, decode(data, LIMITS).bgr)


def test_bytes_behind_the_end_do_no_harm() -> None:
    for name, data in KINDS.items():
        picture = decode(data + bytes(100) + data, LIMITS)
        assert picture.notices == (), name


def test_a_progressive_jpeg_without_its_last_passes_is_refused() -> None:
    data = KINDS["progressive"]
    at = len(data)
    for _ in range(3):
        at = data.rindex(b"\xff\xda", 0, at)
        with pytest.raises(MediaCorrupt):
            decode(data[:at] + END, LIMITS)


def test_a_colour_without_a_scan_is_not_made_up() -> None:
    data = KINDS["4:4:4"].replace(b"\xff\xc0\0\x11", b"\xff\xc0\0\x14", 1)
    at = data.index(b"\xff\xc0") + 9
    assert data[at] == 3
    more = data[:at] + b"\4" + data[at + 1 : at + 10] + b"\4\x11\0" + data[at + 10 :]
    with pytest.raises(MediaCorrupt):
        decode(more, LIMITS)


@pytest.mark.parametrize("colour", [(128, 128, 128), (127, 128, 129), (255, 255, 255)])
@pytest.mark.parametrize("settings", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_grey_picture_is_not_taken_for_a_missing_one(
    colour: tuple[int, int, int], settings: dict[str, Any]
) -> None:
    data = save(Image.new("RGB", (75, 50), colour), "JPEG", quality=95, **settings)
    assert np.abs(decode(data, LIMITS).bgr.astype(int) - colour[::-1]).max() <= 2


def test_most_pictures_are_decoded_once() -> None:
    with counted(jpeg._compare) as calls:
        for name in ("4:2:0", "restarts", "cmyk", "poor"):
            decode(KINDS[name], LIMITS)
    assert not calls
