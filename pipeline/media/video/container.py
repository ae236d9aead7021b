"""Opening a video file such that nothing but this file is ever read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pipeline.errors import MediaCorrupt, UnsupportedMedia
from pipeline.media.sniff import MediaType

if TYPE_CHECKING:
    AnyPacket = Packet[Any]
else:  # PyAV's classes take type arguments in its types only
    AnyPacket = Packet

DEMUXERS: Final = {
    "mp4": "mov",
    "mov": "mov",
    "3gp": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "flv": "flv",
    "wmv": "asf",
}
"""What FFmpeg calls the containers that are read, by what `sniff` calls them; none leads to another file."""


def open_input(path: Path, media: MediaType, *, max_pixels: int) -> InputContainer:
    """Open a video as what it was told to be: FFmpeg's own guess might be a playlist, and lead elsewhere.

    Args:
        path: the file.
        media: what it is, one of `DEMUXERS`.
        max_pixels: decoders refuse frames that have more, whatever the container says.

    Raises:
        MediaCorrupt: it is something else, or damaged.
        OSError: it is not there, or may not be read.
    """
    options = {
        "protocol_whitelist": "file",
        "enable_drefs": "0",
        "max_pixels": str(max_pixels),
    }
    path.open("rb").close()  # what is wrong with the place of a file is told by its own error
    with demuxer_faults():
        return av.open(
            f"file:{path.resolve()}",  # else a scheme would be read out of a name such as `http:`
            "r",
            format=DEMUXERS[media.name],
            options=options,
            metadata_errors="surrogateescape",  # some phones write titles that are no UTF-8
        )


def video_stream(container: InputContainer) -> VideoStream:
    """The stream to change: the best one that is no cover picture.

    Raises:
        UnsupportedMedia: there is none, or nothing here decodes its codec.
    """
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    if not films:
        raise UnsupportedMedia("The file holds no video, only sound or a cover picture.")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in films else max(films, key=_coded_pixels)
    if cast("object", stream.codec_context) is None:
        name = _codec_tag(container, stream.index)
        raise UnsupportedMedia(
            f"The video is encoded in a way this service does not read ({name}). "
            "Send it as H.264, HEVC, VP9 or AV1."
        )
    return stream


def is_cover(stream: VideoStream) -> bool:
    """Whether this is a picture shown beside a song, or a contact sheet, rather than a film."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def packets_of(container: InputContainer, *streams: Stream) -> Iterator[AnyPacket]:
    """Read the packets of some streams, of all if none is named; each ends with an empty packet.

    Streams that turn up only while a file is read, as FLV and MPEG have them, are left out: PyAV stumbles
    over them when all is read.
    """
    with suppress(IndexError):
        yield from container.demux(*streams)


def printable(text: str) -> str:
    """A text of a file without what is no UTF-8 in it."""
    return text.encode(errors="replace").decode()


def has_content(packet: AnyPacket) -> bool:
    """Whether a packet is one of the file; demuxing ends with an empty one for each stream."""
    return packet.size > 0


@contextmanager
def demuxer_faults() -> Iterator[None]:
    """Name the faults of demuxers and decoders, which raise whatever number they come upon, as ours."""
    try:
        yield
    except av.FFmpegError as error:  # also where a lying header asks for more memory than there is
        raise MediaCorrupt(
            "The video cannot be read: it is damaged, cut short or of an unusual kind."
        ) from error


def _coded_pixels(stream: VideoStream) -> int:
    context = stream.codec_context
    return 0 if cast("object", context) is None else context.width * context.height


def _codec_tag(container: InputContainer, index: int) -> str:
    """What a stream calls its codec; PyAV tells that only of those it decodes, its dump of all."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # what is below the level is not in the dump either
    try:
        dump: str = container.dumps_format()  # type: ignore[attr-defined]  # PyAV has it, its types do not
    finally:
        av.logging.set_level(before)
    found = re.search(rf"Stream #0:{index}\b[^\n]*: Video: (\w+)(?:[^\n]*?\((.{{4}}) / 0x)?", dump)
    if found is None:
        return "of no name"
    return f"`{found[2]}`" if found[2] else found[1]
