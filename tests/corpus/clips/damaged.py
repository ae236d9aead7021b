"""Sound clips cut, flipped, filled with noise and taken apart, at places drawn from a fixed seed."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tests.corpus.clips.item import ANY, BASE, OddClip, Shows, clip_of_bytes, written
from tests.corpus.item import CORRUPT, RESULT, UNSUPPORTED
from tests.support.clips.kinds import clip
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe, Sound

_CUTS, _FLIPS = 10, 20
_SLOW: Final = {"cpu-used": "8", "deadline": "realtime", "g": "6"}
_KINDS: Final[Mapping[str, Recipe]] = {
    "mp4": replace(BASE, count=25, muxer={"movflags": "faststart"}),
    "fragmented": replace(BASE, count=25, muxer={"movflags": "frag_keyframe+empty_moov"}),
    "mov": replace(BASE, extension="mov", sounds=(Sound(codec="pcm_s16le"),)),
    "mkv": replace(BASE, extension="mkv", count=25),
    "webm": replace(
        BASE, extension="webm", codec="libvpx-vp9", options=_SLOW, sounds=(Sound(codec="libopus"),)
    ),
    "avi": replace(
        BASE, extension="avi", codec="mpeg4", options={"b": "2M"}, sounds=(Sound(codec="libmp3lame"),)
    ),
    "ts": replace(BASE, extension="ts", count=25),
    "mpg": replace(
        BASE, extension="mpg", codec="mpeg2video", options={"b": "2M"}, sounds=(Sound(codec="mp2"),)
    ),
    "flv": replace(BASE, extension="flv", codec="flv", options={"b": "2M"}, sounds=()),
    "wmv": replace(BASE, extension="wmv", codec="wmv2", options={"b": "2M"}, sounds=(Sound(codec="wmav2"),)),
    "3gp": replace(BASE, extension="3gp", codec="h263", size=(176, 144), options={"b": "2M"}),
}


def sound_bodies(folder: Path) -> dict[str, bytes]:
    """One whole file of each kind of container."""
    return {
        name: make(folder / f"{name}.{recipe.extension}", recipe).read_bytes()
        for name, recipe in _KINDS.items()
    }


def damaged_clips() -> Iterator[OddClip]:
    """A cut or a flipped byte at many places of a few containers, at some of all; then those taken apart."""
    for name in _KINDS:
        cuts, flips = (_CUTS, _FLIPS) if name in ("mp4", "mkv") else (3, 3)
        dice = random.Random(name)
        for number in range(cuts):
            share = (number + 0.5) / cuts
            yield _hurt(f"{name}-cut-at-{share:.2f}", name, partial(_cut, share=share))
        for number in range(flips):
            yield _hurt(
                f"{name}-flipped-{number}",
                name,
                partial(_flip, share=dice.random(), mask=1 << dice.randrange(8)),
            )
        yield _hurt(f"{name}-noise", name, partial(_noise, first=0.45, last=0.55))
        yield _hurt(f"{name}-zeros", name, partial(_zeros, first=0.3, last=0.4))
        yield _hurt(f"{name}-noisy-head", name, partial(_noise, first=0.0, last=0.05))
        yield _hurt(f"{name}-repeated", name, _repeated)
        yield _hurt(f"{name}-part-lost", name, partial(_lost, first=0.5, last=0.6))
    yield from _taken_apart()


def fresh_clips(bodies: Mapping[str, bytes], draw: random.Random) -> Iterator[OddClip]:
    """Hurt each of some files once in each way, at places that are drawn."""
    for name, data in bodies.items():
        first = draw.random()
        last = min(1.0, first + draw.random() * 0.2)
        for way, hurt in {
            "cut": partial(_cut, share=first),
            "flipped": partial(_flip, share=first, mask=1 << draw.randrange(8)),
            "flipped-in-its-head": partial(_flip, share=first * 0.1, mask=1 << draw.randrange(8)),
            "noise": partial(_noise, first=first, last=last, seed=draw.randrange(10**6)),
            "zeros": partial(_zeros, first=first, last=last),
            "part-lost": partial(_lost, first=first, last=last),
        }.items():
            odd = clip_of_bytes(f"{name}-{way}-{first:.5f}-{last:.5f}", hurt(data), tuple(ANY))
            yield replace(odd, shows=Shows(swapped=0))


Hurt = Callable[[bytes], bytes]


def _hurt(name: str, kind: str, hurt: Hurt, ends: frozenset[str] = ANY) -> OddClip:
    def write(folder: Path) -> Path:
        recipe = _KINDS[kind]
        whole = make(folder / f"whole.{recipe.extension}", recipe)
        return written(folder / f"clip.{recipe.extension}", hurt(whole.read_bytes()))

    return OddClip(name=name, write=write, ends=ends, shows=Shows(swapped=0))


def _cut(data: bytes, *, share: float) -> bytes:
    return data[: round(len(data) * share)]


def _flip(data: bytes, *, share: float, mask: int) -> bytes:
    at = int(len(data) * share)
    return data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]


def _noise(data: bytes, *, first: float, last: float, seed: int = 7) -> bytes:
    begin, end = round(len(data) * first), round(len(data) * last)
    return data[:begin] + random.Random(seed).randbytes(end - begin) + data[end:]


def _zeros(data: bytes, *, first: float, last: float) -> bytes:
    begin, end = round(len(data) * first), round(len(data) * last)
    return data[:begin] + bytes(end - begin) + data[end:]


def _lost(data: bytes, *, first: float, last: float) -> bytes:
    return data[: round(len(data) * first)] + data[round(len(data) * last) :]


def _repeated(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + data[half - 3000 : half] + data[half:]


def _taken_apart() -> Iterator[OddClip]:
    """What a file needs is not there, is empty, or comes to an end before it should."""
    refused = frozenset((CORRUPT, UNSUPPORTED))
    for box in (b"moov", b"mdat"):
        yield OddClip(name=f"{box.decode()}-missing", write=_removed(box), ends=refused)
    hidden = OddClip(name="moov-in-free-space", write=_without(b"moov"), ends=frozenset((RESULT,)))
    yield replace(hidden, shows=Shows(frames=25, sounds=1))
    yield OddClip(name="moov-at-end-cut", write=_moov_cut, ends=refused)
    for box in (
        b"trak",
        b"stbl",
        b"stsd",
        b"stts",
        b"stsc",
        b"stsz",
        b"stco",
        b"mdhd",
        b"avcC",
        b"hdlr",
        b"stss",
        b"elst",
    ):
        yield OddClip(name=f"{box.decode()}-missing", write=_without(box))
    for box in (b"moof", b"traf", b"trun", b"tfhd", b"tfdt", b"mdat", b"mvex"):
        yield OddClip(name=f"fragment-{box.decode()}-missing", write=_without(box, "fragmented", last=True))
    yield OddClip(name="fragments-swapped", write=_fragments_swapped)
    for kind in ("truncated", "truncated_mkv", "damaged"):
        yield OddClip(name=kind, write=partial(_made, kind), ends=frozenset((CORRUPT,)))
    yield _hurt(
        "trailing-noise",
        "mkv",
        lambda data: data + random.Random(1).randbytes(5000),
        frozenset((RESULT, CORRUPT)),
    )


def _made(kind: str, folder: Path) -> Path:
    return clip(folder, kind)


def _without(box: bytes, kind: str = "mp4", *, last: bool = False) -> Callable[[Path], Path]:
    """A file one of whose boxes says that it is free space."""

    def write(folder: Path) -> Path:
        data = make(folder / "whole.mp4", _KINDS[kind]).read_bytes()
        at = data.rindex(box) if last else data.index(box)
        return written(folder / "clip.mp4", data[:at] + b"free" + data[at + 4 :])

    return write


def _removed(box: bytes) -> Callable[[Path], Path]:
    """A file without one of its boxes."""

    def write(folder: Path) -> Path:
        data = make(folder / "whole.mp4", _KINDS["mp4"]).read_bytes()
        at = data.index(box) - 4
        return written(folder / "clip.mp4", data[:at] + data[at + int.from_bytes(data[at : at + 4], "big") :])

    return write


def _moov_cut(folder: Path) -> Path:
    data = make(folder / "whole.mp4", BASE).read_bytes()
    return written(folder / "clip.mp4", data[: data.index(b"moov") + 200])


def _fragments_swapped(folder: Path) -> Path:
    data = make(folder / "whole.mp4", _KINDS["fragmented"]).read_bytes()
    first, second, third = (place - 4 for place in _places(data, b"moof")[:3])
    return written(folder / "clip.mp4", data[:first] + data[second:third] + data[first:second] + data[third:])


def _places(data: bytes, box: bytes) -> list[int]:
    found, at = [], data.find(box)
    while at >= 0:
        found.append(at)
        at = data.find(box, at + 4)
    return found
