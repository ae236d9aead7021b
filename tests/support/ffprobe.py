"""What FFmpeg's own programs say of a file: another build of it than the one that made the file."""

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.local_stack import needs_tools


@dataclass(frozen=True, kw_only=True)
class Probed:
    """A file's streams as `ffprobe` names what they have, and when each picture shows, in seconds."""

    video: dict[str, Any]
    sounds: list[dict[str, Any]]
    times: list[Fraction]


def probe(path: Path) -> Probed:
    """Decode a file; skips the test where `ffprobe` is missing, or fails it where CI is set."""
    needs_tools("ffprobe", "ffmpeg")
    said = json.loads(_run("ffprobe", "-count_frames", "-show_streams", "-of", "json", str(path)))
    [video] = [stream for stream in said["streams"] if stream["codec_type"] == "video"]
    frames = json.loads(
        _run("ffprobe", "-select_streams", "v:0", "-show_entries", "frame=pts", "-of", "json", str(path))
    )
    base = Fraction(video["time_base"])
    return Probed(
        video=video,
        sounds=[stream for stream in said["streams"] if stream["codec_type"] == "audio"],
        times=[frame["pts"] * base for frame in frames["frames"]],
    )


def tags(path: Path) -> dict[str, str]:
    """What a file says of itself as a whole; skips or fails as `probe`."""
    needs_tools("ffprobe")
    said = json.loads(_run("ffprobe", "-show_format", "-of", "json", str(path)))
    return dict(said["format"]["tags"])


def payload_md5(path: Path, number: int, *, bitstream_filter: str | None = None) -> str:
    """A digest of the packets of a stream of sound, as they are or behind one of FFmpeg's filters."""
    needs_tools("ffprobe", "ffmpeg")
    filtered = () if bitstream_filter is None else ("-bsf:a", bitstream_filter)
    return _run("ffmpeg", "-i", str(path), "-map", f"0:a:{number}", "-c", "copy", *filtered, "-f", "md5", "-")


def complaints(path: Path) -> str:
    """What a decoder has to say against a file, which it reads whole."""
    needs_tools("ffprobe", "ffmpeg")
    as_stored = ("-fps_mode", "passthrough", "-enc_time_base:v", "-1")  # else times are rounded to frames
    command = ["ffmpeg", "-v", "warning", "-i", str(path), "-map", "0:v", "-map", "0:a?"]
    done = subprocess.run(
        [*command, *as_stored, "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stderr.strip()


def _run(program: str, *words: str) -> str:
    command = [program, "-v", "error", *words]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    ).stdout
