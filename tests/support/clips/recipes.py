"""The kinds of clips that one recipe makes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorTrc

from pipeline.face import Bgr
from tests.support.clips.frames import HEIGHT, WIDTH, picture
from tests.support.clips.recipe import Recipe, Sound

_BASE = Recipe()
_X264 = {"preset": "ultrafast", "tune": "zerolatency"}
_B_FRAMES = {"preset": "veryfast", "bf": "2", "g": "15", "x264-params": "scenecut=0:b-adapt=0"}
_LINES = ((300, 700, "Hello"), (800, 1200, "World"))
_CHAPTERS = ((0, 700, "One"), (700, 1500, "Two"))
_HDR10 = "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:keyint=15:transfer="
_OPEN_GOP = "keyint=15:min-keyint=15:scenecut=0:bframes=3:"
RECIPES: Final[Mapping[str, Recipe]] = {
    "plain": replace(_BASE, options=_B_FRAMES),
    "silent": replace(_BASE, options=_B_FRAMES, sounds=()),
    "vfr": replace(
        _BASE,
        options=_B_FRAMES,
        time_base=Fraction(1, 90000),
        times=[3000 * n + (917 * n * n) % 1471 + (9000 if n > 20 else 0) for n in range(45)],
    ),
    "open_gop": replace(
        _BASE, options={"preset": "veryfast", "x264-params": f"{_OPEN_GOP}open-gop=1:b-pyramid=normal"}
    ),
    "open_gop_hevc": replace(
        _BASE,
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": f"{_OPEN_GOP}open-gop=1:log-level=error"},
    ),
    "late_start": replace(
        _BASE, options=_B_FRAMES, times=[15 + n for n in range(45)], sounds=(Sound(), Sound(hertz=880))
    ),
    "two_sounds": replace(
        _BASE,
        options=_B_FRAMES,
        sounds=(
            Sound(language="eng", disposition=Disposition.default),
            Sound(codec="ac3", hertz=880, language="deu", disposition=Disposition.dub),
        ),
        subtitles=("mov_text", _LINES),
        chapters=_CHAPTERS,
    ),
    "two_sounds_mkv": replace(
        _BASE,
        extension="mkv",
        options=_B_FRAMES,
        sounds=(Sound(codec="flac", language="eng"), Sound(codec="aac", language="deu")),
        subtitles=("subrip", _LINES),
        chapters=_CHAPTERS,
    ),
    "hlg": replace(
        _BASE,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": f"{_HDR10}arib-std-b67"},
        colour=(9, 1, ColorPrimaries.BT2020, ColorTrc.ARIB_STD_B67),
    ),
    "pq": replace(
        _BASE,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": f"{_HDR10}smpte2084"},
        colour=(9, 1, ColorPrimaries.BT2020, ColorTrc.SMPTE2084),
    ),
    "full_range": replace(_BASE, options=_B_FRAMES, colour=(1, 2, 1, 1)),
    "bt709": replace(_BASE, options=_B_FRAMES, colour=(1, 1, 1, 1)),
    "odd_444": replace(_BASE, options=_X264, pix_fmt="yuv444p", size=(WIDTH + 1, HEIGHT + 3)),
    "odd_vp9": replace(
        _BASE,
        extension="webm",
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8", "g": "15"},
        size=(WIDTH + 1, HEIGHT + 3),
        sounds=(Sound(codec="libopus"),),
    ),
    "alpha_vp9": replace(
        _BASE,
        extension="webm",
        codec="libvpx-vp9",
        pix_fmt="yuva420p",
        options={"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
        sounds=(),
        count=10,
    ),
    "interlaced": replace(
        _BASE, options={"preset": "veryfast", "g": "15", "x264-params": "tff=1:scenecut=0"}, interlaced=True
    ),
    "interlaced_mpg": replace(
        _BASE,
        extension="mpg",
        codec="mpeg2video",
        options={"b": "2M", "g": "15", "bf": "2"},
        interlaced=True,
        sounds=(Sound(codec="mp2"),),
    ),
    "anamorphic": replace(_BASE, options=_B_FRAMES, sar=Fraction(4, 3)),
    "palette": replace(_BASE, extension="mov", codec="qtrle", pix_fmt="gray", sounds=(), options={"g": "15"}),
    "tiff": replace(_BASE, extension="mov", codec="tiff", pix_fmt="rgb24", sounds=(), count=3),
    "one_pixel": replace(
        _BASE,
        extension="avi",
        codec="png",
        pix_fmt="rgb24",
        size=(1, 64),
        sounds=(),
        count=2,
        draw=lambda _number, width, height: np.zeros((height, width, 3), np.uint8),
    ),
    "h264_mpg": replace(
        _BASE, extension="mpg", options={**_B_FRAMES, "bf": "0"}, sounds=(Sound(codec="mp2"),)
    ),
    "one_frame": replace(_BASE, options=_X264, count=1, sounds=()),
    "mov": replace(_BASE, extension="mov", options=_B_FRAMES, sounds=(Sound(codec="pcm_s16le"),)),
    "m4v": replace(_BASE, extension="m4v", options=_B_FRAMES),
    "prores": replace(
        _BASE,
        extension="mov",
        codec="prores_ks",
        pix_fmt="yuv422p10le",
        count=12,
        sounds=(Sound(codec="pcm_s16le"),),
    ),
    "ts": replace(_BASE, extension="ts", options=_B_FRAMES),
    "avi": replace(
        _BASE,
        extension="avi",
        codec="mpeg4",
        options={"bf": "2", "g": "15", "b": "2M"},
        sounds=(Sound(codec="libmp3lame"),),
    ),
    "mjpeg": replace(
        _BASE,
        extension="avi",
        codec="mjpeg",
        pix_fmt="yuvj420p",
        options={"q": "4"},
        colour=(5, 2, 0, 0),
        sounds=(),
    ),
    "flv": replace(
        _BASE,
        extension="flv",
        codec="flv",
        options={"b": "2M"},
        sounds=(Sound(codec="libmp3lame", rate=44100),),
    ),
    "wmv": replace(
        _BASE, extension="wmv", codec="wmv2", options={"b": "2M", "g": "15"}, sounds=(Sound(codec="wmav2"),)
    ),
    "3gp": replace(
        _BASE, extension="3gp", codec="h263", size=(176, 144), options={"b": "2M"}, rate=Fraction(30000, 1001)
    ),
    "hevc": replace(
        _BASE,
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "keyint=15:log-level=error"},
    ),
    "vp8": replace(
        _BASE,
        extension="webm",
        codec="libvpx",
        options={"deadline": "realtime", "cpu-used": "8", "g": "15", "b": "1M"},
        sounds=(Sound(codec="libopus"),),
    ),
    "vp9": replace(
        _BASE,
        extension="webm",
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8", "g": "15"},
        sounds=(Sound(codec="libopus"),),
    ),
    "av1": replace(
        _BASE,
        extension="webm",
        codec="libsvtav1",
        options={"preset": "12", "crf": "35", "g": "15"},
        sounds=(Sound(codec="libopus"),),
    ),
    "mkv": replace(_BASE, extension="mkv", options=_B_FRAMES),
    "fragmented": replace(_BASE, options=_B_FRAMES, muxer={"movflags": "frag_keyframe+empty_moov"}),
    "faststart": replace(_BASE, options=_B_FRAMES, muxer={"movflags": "faststart"}),
}
"""Clips that one recipe makes, by kind."""


def _lying(degrees: int, *, mirrored: bool) -> Callable[[int, int, int], Bgr]:
    """Draw a picture as it is stored that is to be turned so many degrees to the left, then mirrored."""

    def draw(number: int, width: int, height: int) -> Bgr:
        shown = picture(number, *((height, width) if degrees % 180 else (width, height)))
        stored = np.rot90(shown[:, ::-1] if mirrored else shown, -degrees // 90)
        return np.ascontiguousarray(stored)

    return draw


ORIENTATIONS: Final[Mapping[str, Recipe]] = {
    f"turned_{degrees}{'_mirrored' if mirrored else ''}": replace(
        RECIPES["plain"], turn=(degrees, mirrored, False), draw=_lying(degrees, mirrored=mirrored)
    )
    for degrees in (0, 90, 180, 270)
    for mirrored in (False, True)
}
"""The eight ways in which a display matrix turns a picture, which is then upright."""
