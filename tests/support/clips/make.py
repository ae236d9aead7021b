"""Clips made as their recipes say."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from tests.support.clips.frames import BLOCK
from tests.support.clips.recipe import Recipe
from tests.support.clips.sound import audio_stream, write_tone

ASS_HEADER: Final = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name\r\nStyle: Default\r\n"
)


def make(path: Path, recipe: Recipe) -> Path:
    """Write a clip as its recipe says; returns `path`."""
    time_base = recipe.time_base or 1 / recipe.rate
    times = recipe.times or [round(n / recipe.rate / time_base) for n in range(recipe.count)]
    with av.open(str(path), "w", options=dict(recipe.muxer)) as out:
        video = _video_stream(out, recipe, time_base)
        sounds = [(audio_stream(out, sound), sound) for sound in recipe.sounds]
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
            write_tone(out, stream, sound, start, seconds)
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
        pixels[:BLOCK] = recipe.draw(number, width, height)[:BLOCK]
    else:
        pixels = recipe.draw(number, width, height)
    matrix, span = (recipe.colour or (5, 1, 0, 0))[:2]
    return av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(
        format=recipe.pix_fmt, dst_colorspace=Colorspace(matrix), dst_color_range=span
    )


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
