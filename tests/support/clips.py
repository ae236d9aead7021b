"""Short videos made for tests, by kind: every frame says its own number, and which way is up."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from av.video.stream import VideoStream

from pipeline.face import Bgr

WIDTH, HEIGHT = 160, 120
ASS_HEADER: Final = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name\r\nStyle: Default\r\n"
)
_BLOCK = 12
NO_DISPOSITION = Disposition(0)
_BITS = 8


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Bgr:
    """A BGR uint8 frame: its number in blocks along the top, red at the top left, a square that moves."""
    y, x = np.mgrid[0:height, 0:width]
    frame = np.stack((60 + 80 * x / width, 60 + 80 * y / height, np.full_like(x, 90)), axis=-1)
    frame[height // 2 :, : width // 2, 2] = 150
    frame[_BLOCK : height // 3, : width // 4] = (30, 30, 210)
    left = 3 * number % (width - 20)
    frame[height - 24 : height - 8, left : left + 16] = (220, 200, 40)
    for bit in range(_BITS):
        frame[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 230 if number >> bit & 1 else 25
    return frame.astype(np.uint8)


def number_of(frame: Bgr) -> int:
    """Read the number that `picture` wrote, also after an encoder."""
    lit = (frame[3:9, bit * _BLOCK + 3 : bit * _BLOCK + 9].mean() > 128 for bit in range(_BITS))
    return sum(1 << bit for bit, on in enumerate(lit) if on)


def is_upright(frame: Bgr) -> bool:
    """Whether the red corner is where `picture` put it."""
    blue, green, red = frame[_BLOCK + 6, 10].astype(int)
    return bool(red > 150 and max(blue, green) < 100)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sine that lasts as long as the video."""

    codec: str = "aac"
    hertz: int = 440
    rate: int = 48000
    language: str | None = None
    disposition: Disposition = NO_DISPOSITION


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a clip is made; times are in ticks of `time_base`."""

    extension: str = "mp4"
    count: int = 45
    size: tuple[int, int] = (WIDTH, HEIGHT)
    codec: str = "libx264"
    options: Mapping[str, str] = field(default_factory=dict)
    pix_fmt: str = "yuv420p"
    rate: Fraction = Fraction(30)
    time_base: Fraction | None = None
    #: When each frame shows; a steady rate if not given.
    times: Sequence[int] | None = None
    sounds: Sequence[Sound] = (Sound(),)
    #: codec and (start, end, text) in milliseconds
    subtitles: tuple[str, Sequence[tuple[int, int, str]]] | None = None
    chapters: Sequence[tuple[int, int, str]] = ()
    #: Written as display matrix: degrees counter-clockwise, mirrored, flipped.
    turn: tuple[int, bool, bool] | None = None
    #: matrix, range, primaries, transfer by the numbers of ITU-T H.273, range 1 limited and 2 full
    colour: tuple[int, int, int, int] | None = None
    sar: Fraction | None = None
    muxer: Mapping[str, str] = field(default_factory=dict)
    interlaced: bool = False
    draw: Callable[[int, int, int], Bgr] = picture


def make(path: Path, recipe: Recipe) -> Path:
    """Write a clip as its recipe says; returns `path`."""
    time_base = recipe.time_base or 1 / recipe.rate
    times = recipe.times or [round(n / recipe.rate / time_base) for n in range(recipe.count)]
    with av.open(str(path), "w", options=dict(recipe.muxer)) as out:
        video = _video_stream(out, recipe, time_base)
        sounds = [(_audio_stream(out, sound), sound) for sound in recipe.sounds]
        text = _subtitle_stream(out, recipe)
        out.set_chapters(
            [
                {
                    "id": n,
                    "start": start,
                    "end": end,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": name},
                }
                for n, (start, end, name) in enumerate(recipe.chapters)
            ]
        )
        for number, at in enumerate(times):
            frame = _frame(recipe, number)
            frame.pts, frame.time_base = at, time_base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        seconds = float((times[-1] - times[0]) * time_base + 1 / recipe.rate)
        start = float(max(times[0], 0) * time_base)
        for stream, sound in sounds:
            for tone in _tone(stream, sound, start, seconds):
                out.mux(stream.encode(tone))
            out.mux(stream.encode(None))
        if text is not None and recipe.subtitles is not None:
            _write_subtitles(out, text, recipe.subtitles[1])
    return path


def _video_stream(out: OutputContainer, recipe: Recipe, time_base: Fraction) -> VideoStream:
    stream = cast("VideoStream", out.add_stream(recipe.codec, rate=recipe.rate, options=dict(recipe.options)))
    stream.width, stream.height = recipe.size
    stream.pix_fmt = recipe.pix_fmt
    stream.time_base = stream.codec_context.time_base = time_base
    stream.codec_context.thread_count = 1
    if recipe.colour is not None:
        context = stream.codec_context
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = recipe.colour
    if recipe.sar is not None:
        stream.codec_context.sample_aspect_ratio = recipe.sar
    if recipe.turn is not None:
        degrees, mirrored, flipped = recipe.turn
        stream.set_display_rotation(degrees, mirrored, flipped)
    if recipe.interlaced:
        stream.codec_context.flags |= (1 << 18) | (1 << 29)  # interlaced DCT and motion
    return stream


def _frame(recipe: Recipe, number: int) -> av.VideoFrame:
    width, height = recipe.size
    if recipe.interlaced:  # every other line is half a frame later
        pixels = recipe.draw(2 * number, width, height)
        pixels[1::2] = recipe.draw(2 * number + 1, width, height)[1::2]
        pixels[:_BLOCK] = recipe.draw(number, width, height)[:_BLOCK]
    else:
        pixels = recipe.draw(number, width, height)
    matrix, span = (recipe.colour or (5, 1, 0, 0))[:2]
    return av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(
        format=recipe.pix_fmt, dst_colorspace=Colorspace(matrix), dst_color_range=span
    )


def _audio_stream(out: OutputContainer, sound: Sound) -> AudioStream:
    stream = cast("AudioStream", out.add_stream(sound.codec, rate=sound.rate))
    stream.codec_context.layout = "mono"
    stream.codec_context.bit_rate = 64000
    if sound.language is not None:
        stream.metadata["language"] = sound.language
    stream.disposition = sound.disposition
    return stream


def _tone(stream: AudioStream, sound: Sound, start: float, seconds: float) -> Iterator[av.AudioFrame]:
    wave = np.sin(np.arange(int(sound.rate * seconds)) * 2 * np.pi * sound.hertz / sound.rate) * 0.3
    at = round(start * sound.rate)
    fifo = AudioFifo()
    whole = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
    whole.sample_rate, whole.pts, whole.time_base = sound.rate, 0, Fraction(1, sound.rate)
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=sound.rate)
    for frame in resampler.resample(whole):
        fifo.write(frame)
    while (part := fifo.read(1024, partial=True)) is not None:
        part.pts = at + (part.pts or 0)
        yield part


def _subtitle_stream(out: OutputContainer, recipe: Recipe) -> SubtitleStream | None:
    if recipe.subtitles is None:
        return None
    stream = cast("SubtitleStream", out.add_stream(recipe.subtitles[0]))
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.time_base = Fraction(1, 1000)
    stream.metadata["language"] = "eng"
    return stream


def _write_subtitles(
    out: OutputContainer, stream: SubtitleStream, lines: Sequence[tuple[int, int, str]]
) -> None:
    for number, (start, end, text) in enumerate(lines):
        event = f"{number},0,Default,,0,0,0,,{text}".encode()
        shown = SubtitleSet.create(text=event, start=0, end=end - start, pts=start * 1000)
        packet = stream.codec_context.encode_subtitle(shown)
        packet.pts = packet.dts = start
        packet.duration = end - start
        packet.time_base = Fraction(1, 1000)
        packet.stream = stream
        out.mux(packet)


def remux(
    source: Path,
    path: Path,
    *,
    shift_s: Fraction = Fraction(0),
    muxer: Mapping[str, str] | None = None,
    keep: Callable[[int], bool] = lambda _: True,
) -> Path:
    """Copy all packets whose number `keep` allows, `shift_s` later; returns `path`."""
    with av.open(str(source)) as into, av.open(str(path), "w", options=dict(muxer or {})) as out:
        streams: dict[int, Stream] = {
            stream.index: out.add_stream_from_template(stream, opaque=True) for stream in into.streams
        }
        for number, packet in enumerate(into.demux()):
            if packet.size == 0 or not keep(number):
                continue
            ticks = int(shift_s / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    return path


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
        stream = out.add_stream_from_template(into.streams.video[0], opaque=True)
        for packet in into.demux(into.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = (folder / "title.mp4").read_bytes()
    return _write(folder / "latin1_title.mp4", data.replace(b"Muenchen", b"M\xfcnchen!"))


def _lying_size(folder: Path) -> Path:
    """Its container says that it is 16,000 pixels wide and high; its pictures are not."""
    data = clip(folder, "faststart").read_bytes()
    at = data.index(b"avc1", data.index(b"stsd")) + 28
    return _write(folder / "lying_size.mp4", data[:at] + b"\x3e\x80\x3e\x80" + data[at + 4 :])


def _wide(folder: Path) -> Path:
    return make(
        folder / "wide.mp4",
        replace(RECIPES["silent"], size=(16384, 64), count=2, options=_X264),
    )


def _cover(folder: Path) -> Path:
    """A picture of 100 pixels as first video stream, as players show it beside a song, then the film."""
    path = folder / "cover.mp4"
    with av.open(str(clip(folder, "plain"))) as into, av.open(str(path), "w") as out:
        art = out.add_stream("mjpeg", rate=1)
        art.width = art.height = 100
        art.pix_fmt = "yuvj420p"
        art.disposition = Disposition.attached_pic
        streams: dict[int, Stream] = {
            stream.index: out.add_stream_from_template(stream, opaque=True) for stream in into.streams
        }
        out.mux(art.encode(av.VideoFrame.from_ndarray(picture(0, 100, 100), format="bgr24")))
        out.mux(art.encode(None))
        for packet in into.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


def _audio_only(folder: Path) -> Path:
    path = folder / "audio.mp4"
    with av.open(str(path), "w") as out:
        sound = Sound()
        stream = _audio_stream(out, sound)
        for tone in _tone(stream, sound, 0, 0.5):
            out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    return path


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


MADE: Final[Mapping[str, Callable[[Path], Path]]] = {
    "edit_list": _edit_list,
    "early_start": _early_start,
    "late_mkv": _late_mkv,
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
