"""Results as another FFmpeg sees them: codec, size, frames, times, colours, sound, and where the index is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import pytest

from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encoders import EncoderName
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe
from tests.support.clips.recipes import ORIENTATIONS, RECIPES
from tests.support.ffprobe import complaints, payload_md5, probe
from tests.support.videos import Made, produce, wanted

_FRAMES: Final = 24


@dataclass(frozen=True, kw_only=True)
class Case:
    """A clip, an encoder, and what the result of both has to be."""

    recipe: Recipe
    encoder: EncoderName = "libx264"
    extension: str
    codec: str
    tag: str | None = None


_ALWAYS: Final = ("mp4", "mp4-hevc", "mov", "mkv", "webm", "vfr", "turned", "avi")
"""One for each container; `make films` looks at the others, too."""


def _short(kind: str) -> Recipe:
    recipe = RECIPES.get(kind) or ORIENTATIONS[kind]
    return replace(recipe, count=_FRAMES, times=recipe.times and recipe.times[:_FRAMES])


CASES: Final = {
    "mp4": Case(recipe=_short("two_sounds"), extension="mp4", codec="h264", tag="avc1"),
    "mp4-hevc": Case(recipe=_short("hevc"), encoder="libx265", extension="mp4", codec="hevc", tag="hvc1"),
    "mp4-vp9": Case(recipe=_short("plain"), encoder="libvpx-vp9", extension="mp4", codec="vp9", tag="vp09"),
    "mp4-av1": Case(recipe=_short("plain"), encoder="libsvtav1", extension="mp4", codec="av1", tag="av01"),
    "mov": Case(recipe=_short("mov"), extension="mov", codec="h264", tag="avc1"),
    "mov-hevc": Case(recipe=_short("mov"), encoder="libx265", extension="mov", codec="hevc", tag="hvc1"),
    "mkv": Case(recipe=_short("two_sounds_mkv"), extension="mkv", codec="h264"),
    "mkv-av1": Case(recipe=_short("mkv"), encoder="libsvtav1", extension="mkv", codec="av1"),
    "webm": Case(recipe=_short("vp9"), encoder="libvpx-vp9", extension="webm", codec="vp9"),
    "webm-av1": Case(recipe=_short("av1"), encoder="libsvtav1", extension="webm", codec="av1"),
    "vfr": Case(recipe=_short("vfr"), extension="mp4", codec="h264"),
    "late_start": Case(recipe=_short("late_start"), extension="mp4", codec="h264"),
    "turned": Case(recipe=_short("turned_90"), extension="mp4", codec="h264"),
    "hlg": Case(recipe=_short("hlg"), extension="mp4", codec="h264"),
    "full_range": Case(recipe=_short("full_range"), extension="mp4", codec="h264"),
    "bt709": Case(recipe=_short("bt709"), encoder="libx265", extension="mp4", codec="hevc"),
    "anamorphic": Case(recipe=_short("anamorphic"), extension="mp4", codec="h264"),
    "avi": Case(recipe=_short("avi"), extension="mp4", codec="h264"),
    "ts": Case(recipe=_short("ts"), extension="mp4", codec="h264"),
}
COLOURS: Final = {
    "hlg": ("bt709", "tv", "bt709", "bt709"),
    "bt709": ("bt709", "tv", "bt709", "bt709"),
    "full_range": ("bt709", "pc", "bt709", "bt709"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in _ALWAYS else pytest.mark.films) for name in CASES]
)
def test_a_result_is_what_another_program_reads_in_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    clip = make(tmp_path / f"clip.{case.recipe.extension}", case.recipe)
    made = produce(clip, tmp_path, ToneMapper(), encoder=case.encoder)
    assert made.path.suffix == f".{case.extension}"
    found = probe(made.path)
    video = found.video
    assert (video["codec_name"], video["width"], video["height"]) == (case.codec, *made.video.size)
    assert video["pix_fmt"] == ("yuvj420p" if name == "full_range" else "yuv420p")
    assert case.tag in (None, video["codec_tag_string"])
    assert int(video["nb_read_frames"]) == _FRAMES == made.joined.frames
    assert found.times == _stored(wanted(made), case.extension)
    assert not {"Display Matrix"} & {data["side_data_type"] for data in video.get("side_data_list", ())}
    assert Fraction(video.get("sample_aspect_ratio", "1:1").replace(":", "/")) == made.video.sar
    told = tuple(video.get(f"color_{what}") for what in ("space", "range", "primaries", "transfer"))
    assert told == COLOURS.get(name, told)
    _check_sound(clip, made, len(found.sounds))
    assert complaints(made.path) == ""
    if case.extension in ("mp4", "mov"):
        kinds = [kind for kind, _ in _boxes(made.path.read_bytes())]
        assert kinds.index(b"moov") < kinds.index(b"mdat")


def _stored(times: list[Fraction], extension: str) -> list[Fraction]:
    """Times as a container can write them: Matroska and WebM know milliseconds only."""
    if extension in ("mp4", "mov"):
        return times
    return [Fraction(round(time * 1000), 1000) for time in times]


def _check_sound(clip: Path, made: Made, streams: int) -> None:
    assert streams == len(made.video.sounds)
    in_stream = "aac_adtstoasc" if clip.suffix == ".ts" else None
    for number in range(streams):
        assert payload_md5(made.path, number) == payload_md5(clip, number, bitstream_filter=in_stream)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], size
        at += max(8, size)
