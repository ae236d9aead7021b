"""A result keeps the date of its target where that is asked for, and nothing else of its metadata."""

import io

import pytest
from PIL import Image

from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.pictures.metadata import dated_exif, exif_date
from pipeline.media.target import open_target
from pipeline.media.writer import Written
from tests.support.animations import in_every_format, walk
from tests.support.pictures import save, scene, texture, to_image
from tests.support.requests import MARK

LIMITS = Limits()
DATE, CHANGED = "2019:07:06 18:30:05", "2024:01:02 03:04:05"
IMAGE = to_image(scene(60, 40))
FORMS: tuple[OutputFormat, ...] = ("jpeg", "png", "webp", "avif")


def full_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132], exif[0x013B] = "SECRET camera", CHANGED, "SECRET artist"
    exif[0x8769] = {0x9003: DATE, 0x9286: b"SECRET comment"}
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.0)}
    return exif


def rewritten(data: bytes, to: OutputFormat | None, *, keep_date: bool) -> tuple[bytes, Written]:
    target, sink = open_target(data, LIMITS), io.BytesIO()
    writer = target.writer(requested=to, quality=90, mark=MARK, sink=sink, keep_date=keep_date)
    for frame in target.frames():
        writer.add(frame, changed=True)
    written = writer.finish()
    return sink.getvalue(), written


@pytest.mark.parametrize("to", FORMS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC", "TIFF"])
def test_the_date_goes_from_any_format_to_any_and_nothing_else(form: str, to: OutputFormat) -> None:
    data = save(IMAGE, form, exif=full_exif().tobytes())
    assert decode(data, LIMITS).date == DATE
    kept, written = rewritten(data, to, keep_date=True)
    assert not written.notices
    found = Image.open(io.BytesIO(kept)).getexif()
    assert dict(found.get_ifd(0x8769)) == {0x9003: DATE}
    assert list(found) == [0x8769]
    assert b"SECRET" not in kept
    dropped, _ = rewritten(data, to, keep_date=False)
    assert DATE.encode() not in dropped
    assert not Image.open(io.BytesIO(dropped)).getexif()


def test_sixteen_bits_and_their_date_are_kept_together() -> None:
    deep = Image.fromarray(texture(20, 20)[..., 0].astype("uint16") * 257)
    kept, _ = rewritten(save(deep, "PNG", exif=full_exif()), None, keep_date=True)
    assert decode(kept, LIMITS).date == DATE
    assert decode(kept, LIMITS).original_16bit is not None


def test_a_target_without_a_date_or_that_moves_says_that_it_has_none() -> None:
    for data in (save(IMAGE, "JPEG"), *in_every_format(walk(3), (40, 50, 60)).values()):
        _, written = rewritten(data, None, keep_date=True)
        assert [notice.code for notice in written.notices] == ["date_unknown"]


@pytest.mark.parametrize("order", [b"II*\0", b"MM\0*", b""])
def test_broken_exif_has_no_date(order: bytes) -> None:
    for rest in (b"", b"\xff" * 40, bytes(40), b"\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08"):
        assert exif_date(order + rest) is None


def test_a_date_that_is_none_is_not_taken_for_one() -> None:
    for text in ("0000:00:00 00:00", "    :  :     :  :  ", "yesterday"):
        exif = Image.Exif()
        exif[0x0132] = text
        assert exif_date(exif.tobytes()) is None
    exif = Image.Exif()
    exif[0x0132] = CHANGED
    assert exif_date(exif.tobytes()) == CHANGED
    assert exif_date(dated_exif(DATE)) == DATE
