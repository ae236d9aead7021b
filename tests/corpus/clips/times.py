"""Frames that show at odd times: one, none, early, late, never, backwards, all at once, once an hour."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from tests.corpus.clips.item import ANY, BASE, OddClip, Shows, sound_clip, written
from tests.corpus.clips.patches import flv_tags, matroska_float, patched, simple_blocks
from tests.corpus.item import CORRUPT, RESULT, TOO_LARGE, UNSUPPORTED
from tests.support.clips.kinds import clip
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe, Sound
from tests.support.clips.remux import remux

_SILENT: Final = replace(BASE, sounds=())
_MILLISECONDS: Final = Fraction(1, 90000)
_FLV: Final = replace(BASE, extension="flv", codec="flv", options={"b": "2M"}, sounds=())
_MKV: Final = replace(
    BASE, extension="mkv", options={"preset": "ultrafast", "g": "6", "bf": "0", "crf": "15"}, sounds=()
)
_MPEG: Final = {"b": "2M", "g": "6"}


def time_clips() -> Iterator[OddClip]:
    """All of them."""
    yield from _few()
    yield from _uneven()
    yield from _shifted()
    yield from _lying_mp4()
    yield from _lying_matroska()
    yield from _lying_flv()
    yield from _lying_avi()


def _few() -> Iterator[OddClip]:
    for extension, codec, options in (
        ("mp4", "libx264", {"preset": "ultrafast"}),
        ("mkv", "ffv1", {}),
        ("webm", "libvpx-vp9", {"cpu-used": "8"}),
        ("avi", "mjpeg", {}),
        ("mpg", "mpeg2video", _MPEG),
        ("ts", "mpeg2video", _MPEG),
        ("flv", "flv", {}),
    ):
        pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        one = replace(
            _SILENT, extension=extension, codec=codec, options=options, count=1, pix_fmt=pix_fmt,
            colour=(5, 2, 0, 0) if codec == "mjpeg" else None,
        )  # fmt: skip
        yield sound_clip(f"one-frame-{extension}", one, seconds=None)
        empty = frozenset((CORRUPT, UNSUPPORTED))
        yield OddClip(name=f"no-frames-{extension}", write=_without_frames(one), ends=empty)
    yield sound_clip("two-frames", replace(_SILENT, count=2))


def _without_frames(recipe: Recipe) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        whole = make(folder / f"whole.{recipe.extension}", recipe)
        path = folder / f"clip.{recipe.extension}"
        with av.open(str(whole)) as into, av.open(str(path), "w") as out:
            out.add_stream_from_template(into.streams.video[0], opaque=True)
            out.start_encoding()
        return path

    return write


def _uneven() -> Iterator[OddClip]:
    vfr = replace(_SILENT, time_base=_MILLISECONDS, times=[3000 * n + 700 * (n % 3) for n in range(12)])
    yield sound_clip("vfr", vfr)
    yield sound_clip("vfr-mkv", replace(vfr, extension="mkv"))
    gap = [3600 * n + (90_000 * 20 if n > 5 else 0) for n in range(12)]
    yield sound_clip("gap-of-20-seconds", replace(vfr, times=gap))
    for fps in (1, 12, 50, 120, 240, 1000):
        yield sound_clip(f"{fps}-fps", replace(_SILENT, rate=Fraction(fps)))
    slow = replace(_SILENT, rate=Fraction(1, 4), count=3)
    yield sound_clip("a-frame-in-4-seconds", slow, seconds=None)
    for rate in (Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)):
        yield sound_clip(f"{rate.numerator}-fps", replace(_SILENT, rate=rate))
    hours = replace(_SILENT, time_base=_MILLISECONDS, times=[0, 3600, 90_000 * 7200])
    yield OddClip(name="two-hours-of-3-frames", write=_making(hours), ends=frozenset((TOO_LARGE,)))
    fine = replace(_SILENT, time_base=Fraction(1, 1_000_000), times=[40_000 * n + n for n in range(12)])
    yield sound_clip("microseconds", fine)


def _making(recipe: Recipe) -> Callable[[Path], Path]:
    return lambda folder: make(folder / f"clip.{recipe.extension}", recipe)


def _shifted() -> Iterator[OddClip]:
    late = replace(BASE, times=[25 + n for n in range(12)], sounds=(Sound(), Sound(hertz=880)))
    yield sound_clip("late-start", late)
    for name in ("mp4", "mkv", "ts", "flv"):
        codec = "flv" if name == "flv" else "libx264"
        options = {"b": "2M"} if name == "flv" else BASE.options
        sounds = (Sound(codec="libmp3lame", rate=44100),) if name == "flv" else (Sound(),)
        moved = replace(BASE, extension=name, codec=codec, options=options, sounds=sounds)
        for shift in (Fraction(1000), Fraction(95_440)):  # 95,443.7 s is where the clock of MPEG begins anew
            yield replace(
                sound_clip(f"{name}-from-{shift}-s", moved), write=_moved(moved, shift),
            )  # fmt: skip
    edited = OddClip(
        name="edit-list", write=lambda folder: clip(folder, "edit_list"), ends=frozenset((RESULT,))
    )
    yield replace(edited, shows=Shows(frames=38, numbers=tuple(range(7, 45)), sounds=1))
    early = replace(edited, name="early-start", write=lambda folder: clip(folder, "early_start"))
    yield replace(early, shows=Shows(sounds=1))
    # Time and again: the second half begins within the first.
    yield replace(
        edited, name="same-times", write=lambda folder: clip(folder, "same_times"), shows=Shows(frames=90)
    )


def _moved(recipe: Recipe, shift: Fraction) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        whole = make(folder / f"whole.{recipe.extension}", recipe)
        return remux(whole, folder / f"clip.{recipe.extension}", shift_s=shift)

    return write


def _lying_mp4() -> Iterator[OddClip]:
    plain = replace(_SILENT, options={**BASE.options, "bf": "0"})
    for name, box, at, form, values in (
        ("no-duration", b"mvhd", 16, ">I", (0,)),
        ("endless-movie", b"mvhd", 16, ">I", (0xFFFFFFFF,)),
        ("no-time-scale", b"mdhd", 12, ">I", (0,)),
        ("vast-time-scale", b"mdhd", 12, ">I", (0xFFFFFFFF,)),
        ("no-track-duration", b"mdhd", 16, ">I", (0,)),
        ("endless-track", b"mdhd", 16, ">I", (0xFFFFFFFF,)),
        ("frames-that-last-for-nothing", b"stts", 12, ">I", (0,)),
        ("endless-frames", b"stts", 12, ">I", (0x7FFFFFFF,)),
        ("negative-frames", b"stts", 12, ">i", (-512,)),
        ("many-times", b"stts", 4, ">I", (0xFFFFFFFF,)),
        ("edit-list-beyond", b"elst", 12, ">i", (0x7FFFFFFF,)),
        ("edit-list-negative", b"elst", 12, ">i", (-70_000,)),
        ("edit-list-endless", b"elst", 8, ">I", (0xFFFFFFFF,)),
        ("edit-list-of-nothing", b"elst", 8, ">I", (0,)),
        ("edit-list-rate", b"elst", 16, ">I", (0,)),
    ):
        yield OddClip(name=f"mp4-{name}", write=_patching(plain, box, at, form, *values))
    b_frames = replace(_SILENT, options={**BASE.options, "bf": "2", "preset": "veryfast"})
    for name, value in (("vast", 0x7FFFFFFF), ("negative", -0x7FFFFFFF)):
        yield OddClip(name=f"mp4-offsets-{name}", write=_patching(b_frames, b"ctts", 12, ">i", value))


def _patching(recipe: Recipe, box: bytes, at: int, form: str, *values: int) -> Callable[[Path], Path]:
    """Write numbers so many bytes behind the name of a box."""

    def write(folder: Path) -> Path:
        data = make(folder / "whole.mp4", recipe).read_bytes()
        return written(folder / "clip.mp4", patched(data, data.index(box) + 4 + at, form, *values))

    return write


def _lying_matroska() -> Iterator[OddClip]:
    lies: Mapping[str, Callable[[int], int]] = {
        "all-at-once": lambda _: 0,
        "backwards": lambda number: 40 * (11 - number),
        "before-0": lambda number: 40 * number - 400,
        "jumping": lambda number: 30_000 if number == 5 else 40 * number,
        "out-of-order": lambda number: 40 * (number ^ 1),
    }
    for name, lie in lies.items():
        yield OddClip(name=f"mkv-{name}", write=_blocks(lie))
    for name, value in (
        ("nan", float("nan")),
        ("endless", float("inf")),
        ("negative", -1.0),
        ("vast", 1e300),
    ):
        yield OddClip(name=f"mkv-duration-{name}", write=_duration(value))


def _blocks(lie: Callable[[int], int]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = make(folder / "whole.mkv", _MKV).read_bytes()
        places = list(simple_blocks(data))
        assert len(places) > BASE.count / 2
        for number, at in enumerate(places):
            data = patched(data, at, ">h", lie(number))
        return written(folder / "clip.mkv", data)

    return write


def _duration(value: float) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = make(folder / "whole.mkv", _MKV).read_bytes()
        at = matroska_float(data, 0x4489)
        return written(folder / "clip.mkv", data[:at] + struct.pack(">d", value) + data[at + 8 :])

    return write


def _lying_flv() -> Iterator[OddClip]:
    lies: Mapping[str, Callable[[int], int]] = {
        "all-at-once": lambda _: 0,
        "backwards": lambda number: 40 * (20 - number),
        "negative": lambda number: 40 * number - 4000,
        "endless": lambda number: 0x7FFFFF00 * (number % 2),
    }
    for name, lie in lies.items():
        yield OddClip(name=f"flv-{name}", write=_tags(lie))
    for name, value in (("nan", float("nan")), ("endless", float("inf")), ("negative", -5.0)):
        yield OddClip(name=f"flv-duration-{name}", write=_flv_duration(value))


def _tags(lie: Callable[[int], int]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = make(folder / "whole.flv", _FLV).read_bytes()
        for number, at in enumerate(flv_tags(data)):
            stamp = lie(number) & 0xFFFFFFFF
            data = data[: at + 4] + struct.pack(">I", stamp)[1:] + bytes((stamp >> 24,)) + data[at + 8 :]
        return written(folder / "clip.flv", data)

    return write


def _flv_duration(value: float) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = make(folder / "whole.flv", _FLV).read_bytes()
        at = data.index(b"duration") + 9
        return written(folder / "clip.flv", data[:at] + struct.pack(">d", value) + data[at + 8 :])

    return write


def _lying_avi() -> Iterator[OddClip]:
    avi = replace(BASE, extension="avi", codec="mpeg4", options={"b": "2M"}, sounds=())
    for name, at, value in (
        ("no-rate", 24, 0),
        ("no-scale", 20, 0),
        ("vast-rate", 24, 0xFFFFFFFF),
        ("vast-scale", 20, 0xFFFFFFFF),
        ("vast-start", 28, 0xFFFFFFF0),
        ("no-length", 32, 0),
        ("vast-length", 32, 0xFFFFFFFF),
    ):
        yield OddClip(name=f"avi-{name}", write=_header(avi, at, value), ends=ANY)


def _header(recipe: Recipe, at: int, value: int) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        data = make(folder / "whole.avi", recipe).read_bytes()
        return written(folder / "clip.avi", patched(data, data.index(b"strh") + 8 + at, "<I", value))

    return write
