"""Every kind of clip by its name, also those that take more than a recipe."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.stream import Disposition

from tests.support.clips.fields import fielded
from tests.support.clips.frames import picture
from tests.support.clips.make import make
from tests.support.clips.recipe import Sound
from tests.support.clips.recipes import ORIENTATIONS, RECIPES
from tests.support.clips.remux import add_streams, copy_packets, hold_last, remux
from tests.support.clips.sound import audio_stream, write_tone

_HELD_S: Final = 4 + Fraction(1, 30)


def clip(folder: Path, kind: str) -> Path:
    """Make a clip of a kind: one of `RECIPES`, `ORIENTATIONS` or `MADE`."""
    if kind in MADE:
        return MADE[kind](folder)
    recipe = ORIENTATIONS[kind] if kind in ORIENTATIONS else RECIPES[kind]
    return make(folder / f"{kind}.{recipe.extension}", recipe)


def _edit_list(folder: Path) -> Path:
    """Begins within a group of pictures: the container says that the frames before do not show."""
    return remux(clip(folder, "plain"), folder / "edit_list.mp4", shift_s=Fraction(-7, 30))


def _early_start(folder: Path) -> Path:
    """A Matroska file some of whose frames lie before time 0."""
    source = clip(folder, "mkv")
    return remux(
        source, folder / "early.mkv", shift_s=Fraction(-7, 30), muxer={"avoid_negative_ts": "disabled"}
    )


def _late_mkv(folder: Path) -> Path:
    """A Matroska file that begins at 1000 seconds, and says that it lasts until then and what it has."""
    return remux(clip(folder, "mkv"), folder / "late.mkv", shift_s=Fraction(1000))


def _held(extension: str, *, reordered: bool) -> Callable[[Path], Path]:
    """Its last picture shows 4 seconds longer than the others."""

    def made(folder: Path) -> Path:
        options = {**RECIPES["plain"].options, "bf": "2" if reordered else "0"}
        source = make(folder / "steady.mp4", replace(RECIPES["plain"], options=options))
        return hold_last(source, folder / f"held.{extension}", _HELD_S)

    return made


def _held_webm(folder: Path) -> Path:
    return hold_last(clip(folder, "vp9"), folder / "held.webm", _HELD_S)


def _truncated(folder: Path) -> Path:
    data = clip(folder, "faststart").read_bytes()
    return _write(folder / "truncated.mp4", data[: len(data) * 6 // 10])


def _truncated_mkv(folder: Path) -> Path:
    data = make(folder / "long.mkv", replace(RECIPES["mkv"], count=120)).read_bytes()
    return _write(folder / "truncated.mkv", data[: len(data) * 4 // 10])


def _damaged(folder: Path) -> Path:
    """Noise over a fifth of the pictures."""
    data = bytearray(clip(folder, "faststart").read_bytes())
    dice = random.Random(5)
    for at in range(len(data) * 4 // 10, len(data) * 6 // 10):
        data[at] = dice.randrange(256)
    return _write(folder / "damaged.mp4", bytes(data))


def _size_change(folder: Path) -> Path:
    """A transport stream whose pictures become smaller in its middle."""
    large = make(folder / "large.ts", replace(RECIPES["ts"], sounds=()))
    small = make(
        folder / "small.ts",
        replace(RECIPES["ts"], sounds=(), size=(96, 80), times=[60 + n for n in range(30)]),
    )
    return _write(folder / "size_change.ts", large.read_bytes() + small.read_bytes())


def _same_times(folder: Path) -> Path:
    """Two transport streams behind one another, the times of the second beginning within the first."""
    parts = [
        make(
            folder / f"part_{first}.ts",
            replace(RECIPES["ts"], sounds=(), times=[first + n for n in range(45)]),
        )
        for first in (0, 40)
    ]
    return _write(folder / "same_times.ts", b"".join(part.read_bytes() for part in parts))


def _unknown_codec(folder: Path) -> Path:
    data = clip(folder, "plain").read_bytes()
    return _write(folder / "unknown_codec.mp4", data.replace(b"avc1", b"zz01"))


def _latin1_title(folder: Path) -> Path:
    recipe = replace(RECIPES["plain"], count=5)
    source = make(folder / "titled.mp4", recipe)
    with av.open(str(source)) as into, av.open(str(folder / "title.mp4"), "w") as out:
        out.metadata["title"] = "Muenchen TITLE"
        copy_packets(into, out, add_streams(out, into.streams.video))
    data = (folder / "title.mp4").read_bytes()
    return _write(folder / "latin1_title.mp4", data.replace(b"Muenchen", b"M\xfcnchen!"))


def _lying_size(folder: Path) -> Path:
    """Its container says that it is 16,000 pixels wide and high; its pictures are not."""
    data = clip(folder, "faststart").read_bytes()
    at = data.index(b"avc1", data.index(b"stsd")) + 28
    return _write(folder / "lying_size.mp4", data[:at] + b"\x3e\x80\x3e\x80" + data[at + 4 :])


def _wide(folder: Path) -> Path:
    return make(folder / "wide.mp4", replace(RECIPES["one_frame"], size=(16384, 64), count=2))


def _cover(folder: Path) -> Path:
    """A picture of 100 pixels as first video stream, as players show it beside a song, then the film."""
    path = folder / "cover.mp4"
    with av.open(str(clip(folder, "plain"))) as into, av.open(str(path), "w") as out:
        art = out.add_stream("mjpeg", rate=1)
        art.width = art.height = 100
        art.pix_fmt = "yuvj420p"
        art.disposition = Disposition.attached_pic
        streams = add_streams(out, into.streams)
        out.mux(art.encode(av.VideoFrame.from_ndarray(picture(0, 100, 100), format="bgr24")))
        out.mux(art.encode(None))
        copy_packets(into, out, streams)
    return path


def _audio_only(folder: Path) -> Path:
    path = folder / "audio.mp4"
    with av.open(str(path), "w") as out:
        sound = Sound()
        write_tone(out, audio_stream(out, sound), sound, 0, 0.5)
    return path


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


MADE: Final[Mapping[str, Callable[[Path], Path]]] = {
    "edit_list": _edit_list,
    "early_start": _early_start,
    "late_mkv": _late_mkv,
    "fields": lambda folder: fielded(folder / "fields.ts", stamps_each=False),
    "fields_stamped": lambda folder: fielded(folder / "fields_stamped.ts", stamps_each=True),
    "held": _held("mp4", reordered=False),
    "held_reordered": _held("mp4", reordered=True),
    "held_mov": _held("mov", reordered=True),
    "held_mkv": _held("mkv", reordered=True),
    "held_webm": _held_webm,
    "truncated": _truncated,
    "truncated_mkv": _truncated_mkv,
    "damaged": _damaged,
    "size_change": _size_change,
    "same_times": _same_times,
    "unknown_codec": _unknown_codec,
    "latin1_title": _latin1_title,
    "lying_size": _lying_size,
    "wide": _wide,
    "cover": _cover,
    "audio_only": _audio_only,
}
"""Clips that need more than one recipe, by kind."""
