"""What a target says of its owner never reaches the result, and the result says what it is: in every format.

Results are read here part by part, without the code that wrote them.
"""

import io
import re
import struct
import xml.etree.ElementTree as ET  # the packets are our own
import zlib
from collections.abc import Iterator

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.decode import decode
from pipeline.media.pictures.encode import OutputFormat
from tests.corpus.judge import LIMITS, request_for, swap
from tests.corpus.photo_files import exif
from tests.support.animations import walk
from tests.support.pictures import png_chunk, save, scene, to_image

_SIZE = (48, 36)
_XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><SECRET/></x:xmpmeta>"
OUTPUTS: tuple[OutputFormat, ...] = ("jpeg", "png", "webp", "avif")


def profile() -> bytes:
    """A sRGB profile that is described in words of its owner."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert b"s\0R\0G\0B" in icc
    return icc.replace(b"s\0R\0G\0B", b"\0S\0E\0C"[1:] + b"\0", 1)


def reporting() -> dict[str, bytes]:
    """One file of each kind, full of what is nobody's business."""
    image, moving = to_image(scene(*_SIZE)), [to_image(frame) for frame in walk(3)]
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "SECRET author")
    words.add_text("Comment", "SECRET packed", zip=True)
    words.add_itxt("XML:com.adobe.xmp", _XMP.decode())
    blocks = {"exif": exif(6), "icc_profile": profile()}
    jpeg = save(image, "JPEG", comment=b"SECRET comment", xmp=_XMP, **blocks)
    iptc = b"\xff\xed" + struct.pack(">H", 34) + b"Photoshop 3.0\x008BIM SECRET IPTC".ljust(32, b"\0")
    heif = pillow_heif.from_pillow(image)
    heif.info["exif"], heif.info["xmp"] = exif(6), _XMP
    heic = io.BytesIO()
    heif.save(heic)
    several = {"save_all": True, "append_images": moving[1:], "duration": 50}
    return {
        "jpeg": jpeg[:2] + iptc + jpeg[2:],
        "jpeg-with-thumbnail": save(image, "JPEG", exif=_with_thumbnail()),
        "png": save(image, "PNG", pnginfo=words, **blocks),
        "webp": save(image, "WEBP", xmp=_XMP, **blocks),
        "avif": save(image, "AVIF", xmp=_XMP, speed=10, **blocks),
        "heic": heic.getvalue(),
        "tiff": save(image, "TIFF", exif=exif(6), tiffinfo={315: "SECRET artist", 700: _XMP}),
        "gif": save(image, "GIF", comment=b"SECRET comment"),
        "bmp": save(image, "BMP") + b"SECRET",
        "gif-moving": save(moving[0], "GIF", comment=b"SECRET comment", **several),
        "png-moving": save(moving[0], "PNG", pnginfo=words, exif=exif(6), **several),
        "webp-moving": save(moving[0], "WEBP", exif=exif(6), xmp=_XMP, **several),
    }


def _with_thumbnail() -> bytes:
    """An EXIF block whose second directory holds a preview, which may show what was cropped away."""
    preview = b"SECRET preview" * 9
    first = struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    at = 26 + 2 + 2 * 12 + 4
    second = struct.pack("<HHHIIHHII", 2, 0x0201, 4, 1, at, 0x0202, 4, 1, len(preview)) + bytes(4)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + preview


FILES = reporting()


def parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The parts of a file by their kind, read by the format's own rules."""
    if data.startswith(b"\x89PNG"):
        at = 8
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            yield data[at + 4 : at + 8].decode(), data[at + 8 : at + 8 + length]
            at += 12 + length
    elif data.startswith(b"RIFF"):
        at = 12
        while at < len(data):
            (length,) = struct.unpack_from("<I", data, at + 4)
            yield data[at : at + 4].decode(), data[at + 8 : at + 8 + length]
            at += 8 + length + length % 2
    elif data.startswith(b"\xff\xd8"):
        at = 2
        while data[at + 1] != 0xDA:
            (length,) = struct.unpack_from(">H", data, at + 2)
            yield f"{data[at + 1]:x}", data[at + 4 : at + 2 + length]
            at += 2 + length
    elif data.startswith(b"GIF"):
        yield from _gif_parts(data)
    else:
        yield from ((kind.decode(), b"") for kind in re.findall(rb"infe\x02.{7}(\w{4})", data, re.DOTALL))


def _gif_parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while data[at] != 0x3B:
        start, blocks = at, at + 2
        if data[at] == 0x2C:
            blocks = at + 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        at = blocks
        while data[at]:
            at += data[at] + 1
        at += 1
        yield f"{data[start]:x}" if data[start] == 0x2C else f"{data[start + 1]:x}", data[start:at]
    assert at == len(data) - 1


ALLOWED = {
    "jpeg": {"e0", "e1", "db", "c0", "c4"},
    "png": {"IHDR", "iTXt", "IDAT", "IEND", "acTL", "fcTL", "fdAT"},
    "webp": {"VP8X", "VP8 ", "VP8L", "ALPH", "XMP ", "ANIM", "ANMF"},
    "avif": {"av01", "mime"},
    "gif": {"2c", "f9", "ff"},
}


def check_private(data: bytes, form: str) -> None:
    assert b"SECRET" not in data
    assert b"\0S\0E\0C" not in data
    kinds = [kind for kind, _ in parts(data)]
    assert set(kinds) <= ALLOWED[form]
    if form == "jpeg":
        assert kinds.count("e1") == 1
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert dict(image.getexif()) == {}
        assert "icc_profile" not in image.info
        assert "comment" not in image.info


def check_marked(data: bytes) -> None:
    packet = re.search(rb"<\?xpacket begin.*?<\?xpacket end=.r.\?>", data, re.DOTALL)
    assert packet is not None
    said = ET.fromstring(packet[0].decode())  # noqa: S314 -- written by the code under test
    assert DIGITAL_SOURCE_TYPE in [element.text for element in said.iter()]
    assert data.count(b"<?xpacket begin") == 1


@pytest.mark.parametrize("name", FILES)
def test_a_result_in_its_targets_own_format_tells_nothing_but_its_mark(name: str) -> None:
    assert b"SECRET" in FILES[name]
    result = swap(request_for(FILES[name]))
    check_private(result.data, result.written.media.name)
    check_marked(result.data)


@pytest.mark.parametrize("to", OUTPUTS)
@pytest.mark.parametrize("name", FILES)
def test_a_result_in_any_format_tells_nothing_but_its_mark(name: str, to: OutputFormat) -> None:
    result = swap(request_for(FILES[name]), to)
    assert result.written.media.name == to
    check_private(result.data, to)
    check_marked(result.data)


@pytest.mark.parametrize("name", ["png", "webp", "gif"])
def test_what_moved_moves_still_and_tells_nothing_in_any_frame(name: str) -> None:
    result = swap(request_for(FILES[f"{name}-moving"]))
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined] # of images that move
        for number in range(3):
            image.seek(number)
            image.load()
            assert not any(b"SECRET" in str(value).encode() for value in image.info.values())


@pytest.mark.parametrize("to", OUTPUTS)
def test_colours_of_another_profile_are_converted_and_the_profile_is_left_out(to: OutputFormat) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = icc.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")
    image = to_image(scene(*_SIZE))
    target = save(image, "PNG", icc_profile=icc)
    shown = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    )
    assert shown is not None
    result = swap(request_for(target), to)
    with Image.open(io.BytesIO(result.data)) as read:
        assert "icc_profile" not in read.info
        found = np.asarray(read.convert("RGB")).astype(int)
    off = np.abs(found - np.asarray(shown))[:8]  # above the face
    assert off.mean() < 3
    assert np.abs(np.asarray(image).astype(int) - np.asarray(shown))[:8].mean() > 20


def test_a_text_hidden_in_a_pngs_pixels_chunk_order_is_not_carried_over() -> None:
    data = FILES["png"]
    extra = png_chunk(b"tEXt", b"k\0SECRET late") + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"SECRET"))
    end = data.rindex(b"IEND") - 4
    result = swap(request_for(data[:end] + extra + data[end:] + b"SECRET behind the end"))
    check_private(result.data, "png")
    assert decode(result.data, LIMITS).notices == ()
