"""Pictures and animations look the same to whoever changes them, and are opened once."""

import io
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import pytest

from pipeline.errors import OutputInvalid
from pipeline.media.animations import apng_reader, gif_reader, read, webp_reader
from pipeline.media.pictures import containers, decode, depth, jpeg, png, tiff
from pipeline.media.pictures.decode import Limits, PictureFile
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.sniff import sniff
from pipeline.media.target import Target, open_target
from pipeline.media.writer import Written, result_media
from tests.support.animations import animate, in_every_format, walk
from tests.support.calls import counted
from tests.support.pictures import every_format, save, scene, to_image
from tests.support.requests import MARK

LIMITS = Limits()
STILLS = every_format(scene(40, 30))
MOVING = in_every_format(walk(4), (40, 50, 60, 50))
FILES = {**STILLS, **{f"{name}-moving": data for name, data in MOVING.items()}}
WALKS = (
    png.read_png,
    jpeg.read_jpeg,
    containers.read_gif,
    containers.read_webp,
    containers.read_bmp,
    tiff.read_tiff,
    gif_reader.read_gif_timeline,
    apng_reader.read_png_timeline,
    webp_reader.read_webp_timeline,
    decode._open_avif,
    decode._open_heic,
)


def write(target: Target, sink: BinaryIO, requested: OutputFormat | None = None) -> Written:
    writer = target.writer(requested=requested, quality=90, mark=MARK, sink=sink)
    frames = target.frames()
    for _ in range(target.total):
        writer.add(next(frames), changed=True)
    assert next(frames, None) is None
    written = writer.finish()
    assert written.media == writer.media
    return written


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_sniffed_once_and_its_container_walked_once_from_header_to_result(name: str) -> None:
    with counted(sniff, *WALKS) as calls:
        target = open_target(FILES[name], LIMITS)
        target.memory_bytes()
        write(target, io.BytesIO())
    assert calls.pop("sniff") == 1
    if target.unit == "faces":  # by its first bytes a still picture is told to have no timeline
        del calls["read_png_timeline"], calls["read_webp_timeline"]
    assert list(calls.values()) == [1]


@pytest.mark.parametrize(("to", "reads"), [("png", 1), ("jpeg", 0)])
@pytest.mark.parametrize("name", ["png-16", "tiff-16"])
def test_sixteen_bits_are_decoded_once_and_only_where_they_are_wanted(
    name: str, to: OutputFormat, reads: int
) -> None:
    with counted(PictureFile.load, depth._read) as calls:
        write(open_target(STILLS[name], LIMITS), io.BytesIO(), to)
    assert (calls["PictureFile.load"], calls["_read"]) == (1, reads)


@pytest.mark.parametrize("name", FILES)
def test_a_target_tells_what_it_is_before_a_pixel_is_decoded(name: str) -> None:
    target = open_target(FILES[name], LIMITS)
    moves = "moving" in name or "animated" in name
    assert (target.unit, target.total > 1) == (("frames", True) if moves else ("faces", False))
    assert target.size == (40, 30)
    assert target.media == sniff(FILES[name])
    assert target.memory_bytes() >= target.decode_bytes > 0


@pytest.mark.parametrize("requested", [None, "png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("name", FILES)
def test_a_result_is_what_was_foretold_and_says_so_itself(name: str, requested: OutputFormat | None) -> None:
    target, sink = open_target(FILES[name], LIMITS), io.BytesIO()
    written = write(target, sink, requested)
    foretold = result_media(target.media, requested, moves=target.total > 1)
    assert written.media == foretold == sniff(sink.getvalue())
    again = open_target(sink.getvalue(), LIMITS)
    assert again.size == (written.width, written.height)
    assert again.total == (written.frames or 1)
    assert written.size_bytes == len(sink.getvalue())


@pytest.mark.parametrize("name", [*(f"{name}-moving" for name in MOVING), "jpeg"])
def test_a_result_goes_to_a_file_as_it_goes_to_memory_wherever_that_begins(name: str, tmp_path: Path) -> None:
    held = io.BytesIO()
    write(open_target(FILES[name], LIMITS), held)
    with (tmp_path / "result").open("w+b") as sink:
        sink.write(b"before")
        write(open_target(FILES[name], LIMITS), sink)
        sink.write(b"after")
    assert (tmp_path / "result").read_bytes() == b"before" + held.getvalue() + b"after"


@pytest.mark.parametrize("name", MOVING)
def test_frames_are_written_as_they_come(name: str) -> None:
    target, sink = open_target(MOVING[name], LIMITS), io.BytesIO()
    writer, lengths = target.writer(requested=None, quality=90, mark=MARK, sink=sink), list[int]()
    for frame in target.frames():
        writer.add(frame, changed=False)
        lengths.append(len(sink.getvalue()))
    assert lengths == sorted(set(lengths))
    assert lengths[0] > 0


class FullDisk(io.BytesIO):
    """Takes nothing."""

    def write(self, _data: object) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["jpeg", "gif-moving", "png-moving", "webp-moving"])
def test_a_full_disk_is_not_taken_for_an_encoders_fault(name: str) -> None:
    with pytest.raises(OSError, match="No space left"):
        write(open_target(FILES[name], LIMITS), FullDisk())


@pytest.mark.parametrize("name", ["jpeg", "gif-moving"])
def test_a_result_that_lacks_frames_is_invalid(name: str) -> None:
    writer = open_target(FILES[name], LIMITS).writer(requested=None, quality=90, mark=MARK, sink=io.BytesIO())
    with pytest.raises(OutputInvalid):
        writer.finish()


def test_a_picture_of_what_moves_is_its_first_changed_frame() -> None:
    target, sink = open_target(MOVING["png"], LIMITS), io.BytesIO()
    writer = target.writer(requested="avif", quality=100, mark=MARK, sink=sink)
    frames = list(target.frames())
    for number, frame in enumerate(frames):
        writer.add(frame, changed=number in (2, 3))
    written = writer.finish()
    assert [notice.code for notice in written.notices] == ["first_frame_only"]
    shown = decode.decode(sink.getvalue(), LIMITS).bgr.astype(int)
    assert np.abs(shown - frames[2].bgr).mean() < np.abs(shown - frames[3].bgr).mean()


def test_a_picture_file_is_loaded_once_and_lets_go_of_what_it_read() -> None:
    file = decode.open_picture(STILLS["avif"], LIMITS)
    file.load()
    with pytest.raises(RuntimeError, match="once"):
        file.load()


def test_a_still_gif_needs_no_more_than_its_first_frame() -> None:
    data = save(to_image(scene(40, 30)), "GIF")
    for file in (data, data[:-1], data[:-1] + b"!\xfe\x02hi\0;"):
        target = open_target(file, LIMITS)
        picture = next(target.frames())
        assert (target.total, picture.notices) == (1, ())
        np.testing.assert_array_equal(picture.bgr, decode.decode(data, LIMITS).bgr)


def test_the_bits_of_a_channel_are_told_by_the_header() -> None:
    deep = cv2.imencode(".png", np.zeros((3, 4), np.uint16))[1].tobytes()
    assert decode.open_picture(deep, LIMITS).depth == 16
    assert decode.open_picture(STILLS["heic"], LIMITS).depth == 8


def peak_bytes(data: bytes, path: Path) -> int:
    """Most memory of Python and of arrays from header to result, beside the packed file, which is held."""
    with path.open("w+b") as sink:
        tracemalloc.start()
        try:
            write(open_target(data, LIMITS), sink)
            return tracemalloc.get_traced_memory()[1] - len(data)
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_ten_times_the_frames_take_the_same_memory(form: str, tmp_path: Path) -> None:
    settings = {"lossless": True} if form == "WEBP" else {}
    short, long = (
        animate([to_image(frame) for frame in walk(count, 150, 100)], form, [50] * count, **settings)
        for count in (40, 400)
    )
    assert read.open_animation(long, LIMITS) is not None
    assert open_target(long, LIMITS).total == 400
    assert open_target(short, LIMITS).memory_bytes() == open_target(long, LIMITS).memory_bytes()
    peak_bytes(short, tmp_path / "first")  # what is made once, such as tables
    times = 100 * 400  # how long each is shown; its pixels are 45,000 bytes
    assert peak_bytes(long, tmp_path / "long") < 1.1 * peak_bytes(short, tmp_path / "short") + times
