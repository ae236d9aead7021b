"""What a result is written as: the target's own container, where that can hold it."""

import io
from dataclasses import dataclass
from typing import Final

import av
from av.stream import Stream

from pipeline.face import Notice
from pipeline.media.sniff import MEDIA_TYPES, MediaType
from pipeline.media.video.encoders import EncoderName

_OPEN_CODECS: Final = ("libvpx-vp9", "libsvtav1")
"""What WebM holds, and QuickTime does not."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container that results are written as."""

    media: MediaType
    #: What FFmpeg calls its muxer.
    muxer: str
    #: What sound and text become that it does not hold as they are; None is that text is left out.
    sound_encoder: str
    text_encoder: str | None
    #: Whether it can say that what is stored before time 0 does not show.
    has_edit_list: bool


def _container(name: str, muxer: str, sound: str, text: str | None, *, edit_list: bool) -> Container:
    return Container(
        media=MEDIA_TYPES[name],
        muxer=muxer,
        sound_encoder=sound,
        text_encoder=text,
        has_edit_list=edit_list,
    )


CONTAINERS: Final = {
    container.media.name: container
    for container in (
        _container("mp4", "mp4", "aac", "mov_text", edit_list=True),
        _container("mov", "mov", "aac", "mov_text", edit_list=True),
        _container("mkv", "matroska", "aac", None, edit_list=False),
        _container("webm", "webm", "libopus", None, edit_list=False),
    )
}
"""All of them, by the name of what they are."""


def container_for(target: MediaType, encoder: EncoderName) -> tuple[Container, tuple[Notice, ...]]:
    """Choose the container of a result; what is neither MP4, QuickTime, WebM nor Matroska becomes MP4.

    Returns it, and a notice where it is not the target's own.
    """
    holds = {"mp4": True, "mkv": True, "webm": encoder in _OPEN_CODECS, "mov": encoder not in _OPEN_CODECS}
    if holds.get(target.name, False):
        return CONTAINERS[target.name], ()
    message = f"The target is {target.label}; the result is an MP4 video."
    return CONTAINERS["mp4"], (Notice(code="container_changed", message=message),)


def holds(container: Container, stream: Stream) -> bool:
    """Whether a container takes a stream as it is: some refuse one only when their header is written."""
    try:
        with av.open(io.BytesIO(), "w", format=container.muxer) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True
