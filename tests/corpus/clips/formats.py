"""Every container of the contract with every codec that is met in it, or that PyAV writes into it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from tests.corpus.clips.item import BASE, OddClip, sound_clip
from tests.support.clips.recipe import Recipe, Sound

_QUIET: Final = {"x265-params": "keyint=6:log-level=error", "preset": "ultrafast"}
_CODECS: Final[Mapping[str, Recipe]] = {
    "h264": BASE,
    "hevc": replace(BASE, codec="libx265", options=_QUIET),
    "vp8": replace(
        BASE, codec="libvpx", options={"deadline": "realtime", "cpu-used": "8", "b": "2M", "g": "6"}
    ),
    "vp9": replace(BASE, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "g": "6"}),
    "av1": replace(BASE, codec="libsvtav1", options={"preset": "12", "crf": "30", "g": "6"}),
    **{
        name: replace(BASE, codec=name, options={"b": "4M", "g": "6"})
        for name in (
            *("mpeg1video", "mpeg2video", "mpeg4", "flv", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "h263p"),
            *("snow", "asv1", "asv2"),
        )
    },
    "h263": replace(BASE, codec="h263", options={"b": "4M"}, size=(176, 144)),
    "mjpeg": replace(BASE, codec="mjpeg", pix_fmt="yuvj420p", options={"q": "3"}, colour=(5, 2, 0, 0)),
    "dv": replace(BASE, codec="dvvideo", size=(720, 576), count=3, options={}),
    **{
        name: replace(BASE, codec=name, pix_fmt=pix_fmt, options={})
        for name, pix_fmt in {
            "prores_ks": "yuv422p10le",
            "cfhd": "yuv422p10le",
            "v210": "yuv422p10le",
            "ffv1": "yuv420p",
            "huffyuv": "yuv422p",
            "ffvhuff": "yuv420p",
            "utvideo": "gbrp",
            "magicyuv": "yuv422p",
            "rawvideo": "uyvy422",
            "png": "rgb24",
            "qtrle": "rgb24",
            "jpeg2000": "rgb24",
            "tiff": "rgb24",
            "cinepak": "rgb24",
            "svq1": "yuv410p",
            "zmbv": "bgr0",
            "flashsv": "bgr24",
            "flashsv2": "bgr24",
            "msvideo1": "rgb555le",
        }.items()
    },
    "dnxhd": replace(
        BASE, codec="dnxhd", pix_fmt="yuv422p", options={"profile": "dnxhr_lb"}, size=(256, 128)
    ),
}
_SOUNDS: Final = {
    "mp4": Sound(),
    "m4v": Sound(),
    "mov": Sound(codec="pcm_s16le"),
    "3gp": Sound(),
    "mkv": Sound(codec="flac"),
    "webm": Sound(codec="libopus"),
    "avi": Sound(codec="pcm_s16le"),
    "flv": Sound(codec="libmp3lame", rate=44100),
    "wmv": Sound(codec="wmav2"),
    "ts": Sound(),
    "mpg": Sound(codec="mp2"),
}
_HELD: Final = {
    "mp4": "h264 hevc vp9 av1 mpeg1video mpeg2video mpeg4 ffv1 png jpeg2000",
    "m4v": "h264 mpeg4",
    "mov": "h264 hevc mpeg4 h263 mjpeg dv prores_ks dnxhd cfhd v210 rawvideo png qtrle jpeg2000 tiff"
    " cinepak svq1",
    "3gp": "h264 h263 mpeg4",
    "mkv": "h264 hevc vp8 vp9 av1 mpeg1video mpeg2video mpeg4 msmpeg4 prores_ks ffv1 snow rawvideo",
    "webm": "vp8 vp9 av1",
    "avi": "h264 mpeg2video mpeg4 msmpeg4v2 msmpeg4 wmv1 wmv2 flv h263p mjpeg dv ffv1 huffyuv ffvhuff utvideo"
    " magicyuv rawvideo png cinepak svq1 zmbv msvideo1 asv1 asv2",
    "flv": "h264 hevc vp9 av1 flv flashsv flashsv2",
    "wmv": "wmv1 wmv2 msmpeg4 h264 mpeg4",
    "ts": "h264 hevc mpeg1video mpeg2video mpeg4",
    "mpg": "mpeg1video mpeg2video h264",
}


def format_clips() -> Iterator[OddClip]:
    """All of them, each with the sound that is usual there."""
    for extension, names in _HELD.items():
        for name in names.split():
            recipe = _CODECS[name]
            rate = Fraction(30000, 1001) if name == "h263" else recipe.rate
            made = replace(recipe, extension=extension, sounds=(_SOUNDS[extension],), rate=rate)
            odd = sound_clip(f"{extension}-{name}", made)
            # AVI has no times for frames that are not stored in the order in which they show.
            yield (
                replace(odd, shows=replace(odd.shows, seconds=None))
                if (extension, name) == ("avi", "h264")
                else odd
            )
