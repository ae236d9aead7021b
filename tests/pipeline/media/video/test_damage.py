"""A damaged, lying or bloated video ends in a sentence: soon, in little memory, and never in a crash."""

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import InputError, MediaTooLarge, UnsupportedMedia
from pipeline.media.video.boxes import check_index
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.probe import open_video
from pipeline.media.video.read import VideoReader
from tests.support.clips.frames import picture
from tests.support.clips.make import make
from tests.support.clips.recipes import RECIPES
from tests.support.videos import LIMITS, produce

Clips = Callable[[str], Path]

KINDS = [
    "two_sounds",
    "two_sounds_mkv",
    "vp9",
    "av1",
    "avi",
    "flv",
    "wmv",
    "ts",
    "interlaced_mpg",
    "3gp",
    "fragmented",
]


def spoiled(data: bytes, dice: random.Random) -> bytes:
    """Cut a file, or overwrite, repeat or scatter bytes in it."""
    at = dice.randrange(len(data))
    end = min(len(data), at + dice.randrange(1, 3000))
    match dice.randrange(4):
        case 0:
            return data[: at + 1]
        case 1:
            return data[:at] + dice.randbytes(end - at) + data[end:]
        case 2:
            return data[:end] + data[at:]
    scattered = bytearray(data)
    for _ in range(8):
        scattered[dice.randrange(dice.choice((len(data), min(len(data), 1500))))] = dice.randrange(256)
    return bytes(scattered)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_file_becomes_a_video_or_an_error_of_ours(
    clips: Clips, mapper: ToneMapper, tmp_path: Path, kind: str
) -> None:
    whole = clips(kind)
    dice = random.Random(kind)
    said: list[str] = []
    for number in range(8):
        path = tmp_path / f"{number}{whole.suffix}"
        path.write_bytes(spoiled(whole.read_bytes(), dice))
        try:
            made = produce(path, tmp_path, mapper)
        except InputError as error:
            said.append(str(error))
        else:
            assert made.joined.frames > 0
    assert all(sentence.endswith(".") for sentence in said)


def lying(data: bytes, samples: int) -> bytes:
    """Let the only track of an MP4 say that it has so many samples of one byte, in one chunk."""
    lie = bytearray(data)
    struct.pack_into(">II", lie, data.index(b"stsz") + 8, 1, samples)
    struct.pack_into(">III", lie, data.index(b"stsc") + 12, 1, samples, 1)
    struct.pack_into(">II", lie, data.index(b"stts") + 12, samples, 512)
    return bytes(lie)


@pytest.mark.parametrize("samples", [2_000_000, 4_000_000_000])
def test_a_small_file_that_says_it_has_millions_of_frames_is_not_indexed(
    clips: Clips, tmp_path: Path, samples: int
) -> None:
    path = tmp_path / "bomb.mp4"
    path.write_bytes(lying(clips("silent").read_bytes(), samples))
    with pytest.raises(MediaTooLarge, match="says that it has more frames"):
        check_index(path, LIMITS.max_frames)
    with pytest.raises(MediaTooLarge):
        open_video(path, LIMITS)


def test_an_index_that_is_called_free_space_is_looked_at_all_the_same(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "hidden.mp4"
    path.write_bytes(lying(clips("silent").read_bytes(), 4_000_000_000).replace(b"moov", b"free"))
    with pytest.raises(MediaTooLarge, match="says that it has more frames"):
        open_video(path, LIMITS)


def test_sound_that_is_not_packed_may_have_millions_of_samples(clips: Clips, tmp_path: Path) -> None:
    data = bytearray(clips("mov").read_bytes())
    at = data.rindex(b"stsz")
    assert struct.unpack_from(">II", data, at + 8) == (2, 72000)
    struct.pack_into(">I", data, at + 12, 500_000_000)
    path = tmp_path / "long.mov"
    path.write_bytes(data)
    check_index(path, LIMITS.max_frames)
    path.write_bytes(data.replace(b"soun", b"vide"))
    with pytest.raises(MediaTooLarge):
        check_index(path, LIMITS.max_frames)


def box(kind: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def test_a_fragment_that_says_it_has_millions_of_frames_is_refused(tmp_path: Path) -> None:
    run = box(b"trun", bytes(4) + (2_000_000_000).to_bytes(4, "big"))
    path = tmp_path / "fragment.mp4"
    path.write_bytes(box(b"ftyp", b"isom" + bytes(4)) + box(b"moof", box(b"traf", run)))
    with pytest.raises(MediaTooLarge):
        check_index(path, LIMITS.max_frames)


def test_boxes_within_boxes_without_end_are_no_trouble(tmp_path: Path) -> None:
    nested = b""
    for _ in range(3000):
        nested = box(b"trak", nested)
    path = tmp_path / "deep.mp4"
    path.write_bytes(box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", nested))
    check_index(path, LIMITS.max_frames)


def test_more_boxes_than_any_film_has_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mp4"
    path.write_bytes(box(b"ftyp", b"isom" + bytes(4)) + box(b"free") * 1_000_001)
    with pytest.raises(MediaTooLarge):
        check_index(path, LIMITS.max_frames)


def test_a_packed_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "packed.mov"
    path.write_bytes(box(b"moov", box(b"cmov", bytes(40))))
    with pytest.raises(UnsupportedMedia):
        check_index(path, LIMITS.max_frames)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux tells how much memory is in use"
)
def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path: Path, mapper: ToneMapper) -> None:
    few = [picture(number, 128, 64) for number in range(8)]
    recipe = replace(
        RECIPES["silent"],
        count=3600,
        size=(128, 64),
        options={"preset": "ultrafast", "g": "60"},
        draw=lambda number, _width, _height: few[number % 8],
    )
    path = make(tmp_path / "long.mp4", recipe)
    video = open_video(path, replace(LIMITS, max_frames=4000, max_seconds=600))
    reader = VideoReader(video, mapper, threads=1)
    early = 0.0
    for number, _ in enumerate(reader.planned(int(video.scan.times[0]), None)):
        if number == 300:
            early = resident_mb()
    assert reader.stats.frames == 3600
    assert resident_mb() - early < 20
