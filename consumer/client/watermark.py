"""Looking for a watermark in a file: in a picture, an animation's first frame, a video's key frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from consumer.config.limits import picture_limits, video_limits
from consumer.config.settings import Settings
from consumer.engines.model_files import open_model_store
from consumer.engines.registry import WATERMARK_DECODER
from models.session import open_session
from models.store.model_store import Found
from pipeline.errors import InputError
from pipeline.face import Bgr
from pipeline.media.sniff import MediaType
from pipeline.media.target import open_target
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.frame import FrameEditor
from pipeline.media.video.probe import open_video
from pipeline.media.video.read import VideoReader
from pipeline.watermark.find import Reading, read_best
from pipeline.watermark.network import Decoder

NO_DECODER: Final = f"not looked for; that needs a file: swapdrop models pull {WATERMARK_DECODER}"
_MOST_KEY_FRAMES: Final = 4


@dataclass(frozen=True, kw_only=True)
class WatermarkLook:
    """What came of looking for a watermark; `why_not` says why nobody could."""

    reading: Reading | None = None
    #: The id that the file's marks name.
    named: str | None = None
    why_not: str | None = None


def look_for_watermark(
    path: Path, media: MediaType, settings: Settings, *, named: str | None
) -> WatermarkLook:
    """Look for the id that the marks name, or for any.

    Raises:
        SettingsError, ValueError: there is no telling where model files are.
        OSError: the file cannot be read.
    """
    located = open_model_store(settings).locate(WATERMARK_DECODER)
    if not isinstance(located, Found):
        return WatermarkLook(named=named, why_not=NO_DECODER)
    decoder = Decoder(open_session(located.path))
    frames = _key_frames if media.kind == "video" else _first_frame
    try:
        reading = read_best(decoder, frames(path, media, settings), expected=named)
    except InputError as error:
        return WatermarkLook(named=named, why_not=f"not looked for: {error}")
    return WatermarkLook(reading=reading, named=named)


def in_words(look: WatermarkLook) -> str:
    """The same for people."""
    reading, named = look.reading, look.named
    if reading is None:
        return look.why_not or "none: there is no frame"
    if reading.matches:
        return f"there: {named}, as the marks say ({reading.agrees} of 32 bits)"
    if not reading.is_there:
        return f"none found, although the marks name {named}" if named else "none found"
    there = f"there: {reading.mark_id} (confidence {reading.confidence:g})"
    return f"{there}, and not {named}, which the marks name" if named else there


def _first_frame(path: Path, media: MediaType, settings: Settings) -> Iterator[Bgr]:
    target = open_target(path.read_bytes(), picture_limits(settings), media)
    yield from (frame.bgr for frame in islice(target.frames(), 1))


def _key_frames(path: Path, media: MediaType, settings: Settings) -> Iterator[Bgr]:
    """The first ones; that of the video's beginning is among them, which ours are always marked in."""
    video = open_video(path, video_limits(settings), media=media)
    reader, editor = VideoReader(video, ToneMapper(), threads=1), FrameEditor()
    for time in video.scan.keys[:_MOST_KEY_FRAMES].tolist():
        yield from (editor.read(frame) for frame in islice(reader.planned(time, time + 1), 1))
