"""`swapdrop probe`: what a local video is, and what would become of it."""

import json
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from consumer.cli.bucket import fail, settings_or_exit
from consumer.cli.tables import print_table
from consumer.config.limits import video_limits
from models.errors import ModelError
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.probe import Track, VideoFile, open_video
from pipeline.media.video.segments import plan_segments


def run_probe(file: Path, *, as_json: bool) -> int:
    """Print what the headers, the packets and the first frame of a video say; 1 where it cannot be used."""
    settings = settings_or_exit()
    if not file.is_file():
        raise fail(f"{file} is not a file.")
    try:
        video = open_video(file, video_limits(settings))
    except ModelError as error:
        raise fail(f"{error} ({error.code})") from None
    if as_json:
        typer.echo(json.dumps(described(video), indent=2))
        return 0
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, words in in_words(video):
        table.add_row(name, escape(words))
    print_table(table)
    for notice in video.notices:
        typer.echo(f"{notice.code}: {notice.message}")
    return 0


def described(video: VideoFile) -> dict[str, object]:
    """All that was found, as JSON has it; sizes are of the upright picture, in pixels."""
    width, height = video.size
    return {
        "kind": video.media.name,
        "content_type": video.media.content_type,
        "size_bytes": video.size_bytes,
        "codec": video.codec,
        "pixel_format": video.pix_fmt,
        "width": width,
        "height": height,
        "pixel_aspect": str(video.sar),
        "turned": not video.turn.is_none,
        "interlaced": video.is_interlaced,
        "hdr": video.colour.is_hdr,
        "colour": {
            "matrix": int(video.colour.matrix),
            "range": int(video.colour.range),
            "primaries": int(video.colour.primaries),
            "transfer": int(video.colour.transfer),
        },
        "frames": video.frames,
        "key_frames": len(video.scan.keys),
        "duration_s": round(video.duration_s, 3),
        "frames_per_second": round(float(video.rate), 3),
        "steady_rate": video.is_steady,
        "sounds": [_track(track) for track in video.sounds],
        "subtitles": [_track(track) for track in video.texts],
        "chapters": video.chapters,
        "segments": _segments(video),
        "notices": [{"code": notice.code, "message": notice.message} for notice in video.notices],
    }


def in_words(video: VideoFile) -> list[tuple[str, str]]:
    """The same for people, a line each."""
    width, height = video.size
    picture = f"{width} x {height} pixels, {video.codec}"
    traits = {
        "stored turned": not video.turn.is_none,
        "interlaced": video.is_interlaced,
        "HDR": video.colour.is_hdr,
        f"pixels {video.sar} as wide as high": video.sar != 1,
    }
    rate = f"{float(video.rate):.3f}".rstrip("0").rstrip(".")
    steady = f"{rate} a second" if video.is_steady else f"about {rate} a second, each with a time of its own"
    return [
        ("file", f"{video.media.label}, {video.size_bytes / 1e6:.1f} MB"),
        ("picture", ", ".join([picture, *(trait for trait, holds in traits.items() if holds)])),
        ("length", f"{video.duration_s:.2f} s, {video.frames} frames, {steady}"),
        ("sound", _tracks(video.sounds)),
        ("subtitles", _tracks(video.texts)),
        ("chapters", str(video.chapters or "none")),
        ("work", f"{_segments(video)} segments, with {len(video.scan.keys)} key frames to cut at"),
    ]


def _segments(video: VideoFile) -> int:
    return len(plan_segments(video, encoder_line("libx264", 18)).segments)


def _track(track: Track) -> dict[str, str | None]:
    return {"codec": track.codec, "language": track.language}


def _tracks(tracks: tuple[Track, ...]) -> str:
    words = [
        (track.codec or "of an unknown codec") + (f" ({track.language})" if track.language else "")
        for track in tracks
    ]
    return ", ".join(words) or "none"
