"""A mark is found in every format of pictures, wherever that keeps it, and nowhere else."""

import io
import zlib

import pillow_heif
import pytest

from pipeline.marks.claims import Claim
from pipeline.marks.provenance import xmp_packet
from pipeline.media.packets import picture_claim
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.sniff import sniff
from tests.corpus.judge import request_for, swap
from tests.support.animations import walk
from tests.support.pictures import every_format, png_chunk, save, scene, to_image
from tests.support.requests import MARK

_PACKET = xmp_packet(MARK)
_IMAGE = to_image(scene(40, 30))


def _heic() -> bytes:
    file = pillow_heif.from_pillow(_IMAGE)
    file.info["xmp"] = _PACKET
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def _packed_png() -> bytes:
    png = save(_IMAGE, "PNG")
    chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(_PACKET))
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunk + png[end:]


GIVEN = {
    "heic": _heic(),
    "tiff": save(_IMAGE, "TIFF", tiffinfo={700: _PACKET}),
    "png-packed": _packed_png(),
    "jpeg-with-exif": save(_IMAGE, "JPEG", xmp=_PACKET, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
}

UNMARKED = every_format(scene(40, 30))


def found(data: bytes) -> Claim | None:
    return picture_claim(data, sniff(data))


@pytest.mark.parametrize("name", GIVEN)
def test_marks_of_inputs_are_found_where_others_put_them(name: str) -> None:
    claim = found(GIVEN[name])
    assert claim is not None
    assert claim.output_id == MARK.output_id


@pytest.mark.parametrize("to", ["jpeg", "png", "webp", "avif"])
def test_the_mark_of_a_result_is_found(to: OutputFormat) -> None:
    claim = found(swap(request_for(UNMARKED["bmp"]), to).data)
    assert claim is not None
    assert claim.system == "swapdrop"


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_the_mark_of_what_moves_is_found(kind: str) -> None:
    frames = [to_image(frame) for frame in walk(3)]
    target = save(frames[0], kind.upper(), save_all=True, append_images=frames[1:], duration=50)
    claim = found(swap(request_for(target)).data)
    assert claim is not None
    assert claim.output_id == MARK.output_id


@pytest.mark.parametrize("name", UNMARKED)
def test_a_picture_without_a_mark_has_none(name: str) -> None:
    assert found(UNMARKED[name]) is None


@pytest.mark.parametrize("name", GIVEN)
def test_a_file_that_breaks_off_or_is_garbled_says_nothing_and_raises_nothing(name: str) -> None:
    data = GIVEN[name]
    for end in range(0, len(data), max(1, len(data) // 40)):
        found(data[:end])
        picture_claim(data[:end] + bytes(64) + data[end + 64 :], sniff(data))


def test_a_packet_behind_the_end_of_a_file_is_no_mark_of_it() -> None:
    assert found(save(_IMAGE, "JPEG") + _PACKET) is None
    assert found(save(_IMAGE, "PNG") + _PACKET) is None
