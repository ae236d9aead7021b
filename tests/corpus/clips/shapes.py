"""Frames of every shape: turned, tiny, odd, vast, of more bits, of fewer colours, of fields, see-through."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

from pipeline.face import Bgr
from tests.corpus.clips.item import BASE, NO_FACE, OddClip, Shows, sound_clip
from tests.corpus.item import RESULT, TOO_LARGE, UNSUPPORTED
from tests.support.clips.kinds import clip
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe
from tests.support.clips.recipes import ORIENTATIONS
from tests.support.faces import portrait

_SILENT: Final = replace(BASE, sounds=())
_MKV: Final = replace(_SILENT, extension="mkv", codec="ffv1", options={})
_TURNED: Final = (160, 112)
_FACE_PX: Final = 112
_HEAD: Final = (208, 240)
_TINY: Final = ((2, 2), (3, 3), (2, 300), (17, 33), (15, 64), (33, 17), (64, 2))
_LEAST: Final = 15
"""The engine of these tests makes faces a third of that, of which regions can be cut."""
_HDR: Final = "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:keyint=6:transfer="


def shape_clips() -> Iterator[OddClip]:
    """All of them."""
    yield from _turned()
    yield from _with_faces()
    yield from _sized()
    yield from _sampled()
    yield from _fielded()


def _turned() -> Iterator[OddClip]:
    for name, recipe in ORIENTATIONS.items():
        stored = replace(BASE, size=_TURNED, turn=recipe.turn, draw=recipe.draw)
        for extension in ("mp4", "mov"):
            kept = replace(stored, extension=extension)
            yield sound_clip(f"{extension}-{name}", kept, size=_upright(kept))


def _upright(recipe: Recipe) -> tuple[int, int]:
    width, height = recipe.size
    return (height, width) if recipe.turn is not None and recipe.turn[0] % 180 else (width, height)


def _with_faces() -> Iterator[OddClip]:
    """A head of a real person, which the embedded engine finds only where it is upright."""
    plain = replace(_SILENT, count=8, size=_HEAD, draw=lambda number, _width, _height: _head(number))
    clips = {
        "face-vp9": replace(plain, extension="webm", codec="libvpx-vp9", options={"cpu-used": "8", "g": "4"}),
        "face-gray": replace(plain, pix_fmt="gray"),
        "face-interlaced": replace(
            plain, interlaced=True, options={"preset": "veryfast", "x264-params": "tff=1"}
        ),
        **{
            f"face-{name}": replace(plain, turn=recipe.turn, draw=_head_stored(recipe))
            for name, recipe in ORIENTATIONS.items()
        },
    }
    for name, recipe in clips.items():
        yield replace(sound_clip(name, recipe, size=_upright(recipe), numbers=None), engine="mesh")
    yield replace(sound_clip("face-detected", plain, numbers=None), engine="mesh", job="detect-faces")
    nobody = replace(sound_clip("face-nobody", BASE), engine="mesh", ends=frozenset((NO_FACE,)))
    yield nobody
    yield replace(
        nobody,
        name="face-nobody-detected",
        job="detect-faces",
        ends=frozenset((RESULT,)),
        shows=Shows(faces=0),
    )


def _head(number: int) -> Bgr:
    """A head that moves by a pixel or two from frame to frame."""
    picture = portrait(_FACE_PX)
    width, height = _HEAD
    top = (picture.shape[0] - height) // 2
    left = (picture.shape[1] - width) // 2 + number % 3
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def _head_stored(recipe: Recipe) -> Callable[[int, int, int], Bgr]:
    """Draw a head as it is stored that its recipe's display matrix turns upright."""
    degrees, mirrored, _ = recipe.turn or (0, False, False)

    def draw(number: int, width: int, height: int) -> Bgr:
        shown = _head(number)
        if degrees % 180:
            side = min(shown.shape[:2])
            shown = np.pad(shown[:side, :side], ((0, width - side), (0, height - side), (0, 0)), mode="edge")
        stored = np.rot90(shown[:, ::-1] if mirrored else shown, -degrees // 90)
        return np.ascontiguousarray(stored[:height, :width])

    return draw


def _sized() -> Iterator[OddClip]:
    for width, height in _TINY:
        recipe = replace(_MKV, size=(width, height), pix_fmt="yuv444p", draw=_grey)
        for each in (recipe, replace(recipe, extension="avi", codec="png", pix_fmt="rgb24")):
            tiny = sound_clip(f"{each.extension}-{width}x{height}", each, numbers=None)
            yield replace(tiny, ends=frozenset((NO_FACE,))) if min(width, height) < _LEAST else tiny
    for width, height in ((1, 1), (1, 64), (64, 1)):
        recipe = replace(
            _SILENT, extension="avi", codec="png", pix_fmt="rgb24", size=(width, height), draw=_grey
        )
        yield _ending(f"avi-{width}x{height}", recipe, UNSUPPORTED)
    odd = replace(BASE, size=(113, 83), pix_fmt="yuv444p")
    yield sound_clip("odd-444", odd)
    yield sound_clip(
        "odd-vp9",
        replace(
            odd, extension="webm", codec="libvpx-vp9", options={"cpu-used": "8"}, pix_fmt="yuv420p", sounds=()
        ),
    )
    yield _made("wide", TOO_LARGE)
    yield _made("lying_size", RESULT, TOO_LARGE)
    yield replace(_made("size_change", RESULT), shows=Shows(size=(160, 120), frames=75))
    sar = replace(BASE, sar=Fraction(64, 45))
    yield sound_clip("anamorphic", sar)
    for number, value in enumerate((Fraction(1, 200), Fraction(200), Fraction(1000, 3))):
        yield sound_clip(f"anamorphic-{number}", replace(BASE, sar=value))


def _ending(name: str, recipe: Recipe, *codes: str) -> OddClip:
    return OddClip(
        name=name,
        write=lambda folder: make(folder / f"clip.{recipe.extension}", recipe),
        ends=frozenset(codes),
    )


def _made(kind: str, *codes: str) -> OddClip:
    return OddClip(name=kind, write=lambda folder: clip(folder, kind), ends=frozenset(codes))


def _grey(number: int, width: int, height: int) -> Bgr:
    return np.full((height, width, 3), 90 + number, np.uint8)


_SAMPLES: Final[Mapping[str, Recipe]] = {
    "h264-10bit": replace(BASE, pix_fmt="yuv420p10le"),
    "h264-422-10bit": replace(BASE, pix_fmt="yuv422p10le"),
    "h264-444": replace(BASE, pix_fmt="yuv444p"),
    "h264-422": replace(BASE, pix_fmt="yuv422p"),
    "h264-gray": replace(BASE, pix_fmt="gray"),
    "h264-gray-10bit": replace(BASE, pix_fmt="gray10le"),
    "h264-nv12": replace(BASE, pix_fmt="nv12"),
    "h264-rgb": replace(BASE, codec="libx264rgb", pix_fmt="bgr24"),
    "h264-full-range": replace(BASE, colour=(1, 2, 1, 1)),
    "h264-bt709": replace(BASE, colour=(1, 1, 1, 1)),
    "h264-bt2020": replace(BASE, colour=(9, 1, 9, 14)),
    "h264-fcc": replace(BASE, colour=(4, 1, 4, 4)),
    "h264-smpte240m": replace(BASE, colour=(7, 1, 7, 7)),
    "hevc-12bit": replace(
        BASE, codec="libx265", pix_fmt="yuv420p12le", options={"x265-params": "log-level=error"}
    ),
    "hevc-444-10bit": replace(
        BASE, codec="libx265", pix_fmt="yuv444p10le", options={"x265-params": "log-level=error"}
    ),
    "hevc-gray": replace(BASE, codec="libx265", pix_fmt="gray", options={"x265-params": "log-level=error"}),
    "vp9-444": replace(
        BASE, extension="webm", codec="libvpx-vp9", pix_fmt="yuv444p", options={"cpu-used": "8"}, sounds=()
    ),
    "vp9-alpha": replace(
        BASE,
        extension="webm",
        codec="libvpx-vp9",
        pix_fmt="yuva420p",
        options={"cpu-used": "8", "auto-alt-ref": "0"},
        sounds=(),
    ),
    "vp8-alpha": replace(
        BASE,
        extension="webm",
        codec="libvpx",
        pix_fmt="yuva420p",
        options={"cpu-used": "8", "auto-alt-ref": "0", "b": "2M"},
        sounds=(),
    ),
    "av1-10bit": replace(
        BASE, codec="libsvtav1", pix_fmt="yuv420p10le", options={"preset": "12", "crf": "30"}
    ),
    "prores-alpha": replace(
        BASE, extension="mov", codec="prores_ks", pix_fmt="yuva444p10le", options={}, sounds=()
    ),
    "qtrle-alpha": replace(BASE, extension="mov", codec="qtrle", pix_fmt="argb", options={}, sounds=()),
    "qtrle-gray": replace(BASE, extension="mov", codec="qtrle", pix_fmt="gray", options={}, sounds=()),
    "ffv1-16bit": replace(_MKV, pix_fmt="yuv420p16le"),
    "ffv1-rgb-float": replace(_MKV, pix_fmt="gbrp16le"),
    "ffv1-gray16": replace(_MKV, pix_fmt="gray16le"),
    "ffv1-alpha": replace(_MKV, pix_fmt="yuva420p"),
    "ffv1-410": replace(_MKV, pix_fmt="yuv410p"),
    "ffv1-411": replace(_MKV, pix_fmt="yuv411p"),
    "ffv1-440": replace(_MKV, pix_fmt="yuv440p"),
    "png-rgba64": replace(BASE, extension="mov", codec="png", pix_fmt="rgba64be", options={}, sounds=()),
    "png-gray": replace(BASE, extension="mov", codec="png", pix_fmt="gray", options={}, sounds=()),
    "png-black-and-white": replace(
        BASE, extension="avi", codec="png", pix_fmt="monob", options={}, sounds=()
    ),
    "raw-bgr24": replace(BASE, extension="avi", codec="rawvideo", pix_fmt="bgr24", options={}, sounds=()),
    "raw-rgb555": replace(BASE, extension="avi", codec="rawvideo", pix_fmt="rgb555le", options={}, sounds=()),
    "raw-gray": replace(BASE, extension="avi", codec="rawvideo", pix_fmt="gray", options={}, sounds=()),
    "raw-yuyv422": replace(BASE, extension="avi", codec="rawvideo", pix_fmt="yuyv422", options={}, sounds=()),
}


def _sampled() -> Iterator[OddClip]:
    for name, recipe in _SAMPLES.items():
        yield sound_clip(name, recipe, is_grey="gray" in recipe.pix_fmt or "mono" in recipe.pix_fmt)
    for name, transfer, number in (
        ("hlg", "arib-std-b67", ColorTrc.ARIB_STD_B67),
        ("pq", "smpte2084", ColorTrc.SMPTE2084),
    ):
        hdr = replace(
            BASE,
            codec="libx265",
            pix_fmt="yuv420p10le",
            options={"preset": "ultrafast", "x265-params": _HDR + transfer},
            colour=(9, 1, ColorPrimaries.BT2020, number),
        )
        yield sound_clip(name, hdr)
        yield sound_clip(
            f"{name}-turned",
            replace(hdr, size=_TURNED, turn=(90, False, False), draw=ORIENTATIONS["turned_90"].draw),
            size=_TURNED[::-1],
        )


def _fielded() -> Iterator[OddClip]:
    for order in ("tff", "bff"):
        fields = {"preset": "veryfast", "g": "6", "x264-params": f"{order}=1"}
        yield sound_clip(f"interlaced-{order}", replace(BASE, interlaced=True, options=fields))
    mpeg = replace(
        BASE, codec="mpeg2video", options={"b": "4M", "g": "6", "bf": "2"}, interlaced=True, sounds=()
    )
    yield sound_clip("interlaced-mpg", replace(mpeg, extension="mpg"))
    yield sound_clip("interlaced-ts", replace(mpeg, extension="ts"))
    turned = replace(
        BASE, interlaced=True, size=_TURNED, turn=(270, False, False), draw=ORIENTATIONS["turned_270"].draw
    )
    yield sound_clip("interlaced-turned", turned, size=_TURNED[::-1], numbers=None)
