"""Segments to one video: their packets in order, with the target's sound, text and chapters beside them."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from pipeline.errors import MediaCorrupt, OutputInvalid
from pipeline.face import Notice
from pipeline.marks.provenance import Mark, metadata_tags, xmp_packet
from pipeline.media.sniff import MEDIA_TYPES, MediaType
from pipeline.media.video.companions import Window, add_companions, companion_packets
from pipeline.media.video.container import AnyPacket, has_content, open_input, printable
from pipeline.media.video.containers import Container
from pipeline.media.video.encode import EXTENSION, encoder_faults
from pipeline.media.video.packets import XMP_TAG, append_xmp
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import SegmentPlan
from pipeline.media.video.timing import PacketTimes, packet_times

if TYPE_CHECKING:
    from av.container.core import Chapter  # which PyAV has in its types only

_MP4_OPTIONS: Final = {
    "movflags": "+faststart+use_metadata_tags",
    "movie_timescale": "90000",  # edit lists would be rounded to milliseconds
}
_RUN_IN_S: Final = Fraction(1, 10)
"""Sound decoders want to hear a little of what comes before: 80 ms at most, of Opus (RFC 7845, 4.6)."""
_AFTER_S: Final = 4 * 3600
"""Sound may go on after the last picture; what is meant to come later than so much has a damaged time."""


@dataclass(frozen=True, kw_only=True)
class JoinedVideo:
    """A result that was written."""

    media: MediaType
    width: int
    height: int
    size_bytes: int
    frames: int
    duration_s: float
    #: What was lost on the way.
    notices: tuple[Notice, ...]


def join_segments(
    plan: SegmentPlan,
    video: VideoFile,
    segments: Sequence[Path],
    path: Path,
    *,
    container: Container,
    mark: Mark,
    keep_audio: bool = True,
) -> JoinedVideo:
    """Write a result from its segments without encoding its pictures again.

    Args:
        plan: what the segments were made by.
        video: the target, whose sound and text are taken.
        segments: one file for each segment of the plan, in order.
        path: where the result goes.
        container: what it is to be, see `container_for`.
        mark: what it says of its making.
        keep_audio: whether it has the target's sound.

    Raises:
        OutputInvalid: the segments do not belong together, or the muxer failed.
        OSError: a file cannot be read or written.
    """
    times = _joint_times(plan, segments)
    is_mp4 = container.has_edit_list
    written = times.as_gaps() if is_mp4 else times
    options = dict(_MP4_OPTIONS) if is_mp4 else {}
    if is_mp4:
        options["video_track_timescale"] = str(plan.clock.time_base.denominator)
    with ExitStack() as files, encoder_faults():
        source = files.enter_context(open_input(video.path, video.media, max_pixels=video.max_pixels))
        first = files.enter_context(_segment(segments[0], plan))
        out = files.enter_context(av.open(str(path), "w", format=container.muxer, options=options))
        stream = _video_stream(out, first.streams.video[0], plan)
        companions, notices = add_companions(source, out, container, keep_audio=keep_audio)
        out.metadata.update(metadata_tags(mark))
        if not is_mp4:
            out.metadata[XMP_TAG] = xmp_packet(mark).decode()
        out.set_chapters(_chapters(source, plan))
        out.start_encoding()
        others = companion_packets(source, companions, _window(plan, container))
        for packet in heapq.merge(_pictures(plan, segments, written, stream), others, key=_decoded_at):
            try:
                out.mux(packet)
            except av.error.InvalidDataError:
                if packet.stream is stream:
                    raise
                # a packet of sound was garbled in the target, and is left out as players leave it out
    if is_mp4:
        append_xmp(path, xmp_packet(mark))
    return JoinedVideo(
        media=container.media,
        width=plan.size[0],
        height=plan.size[1],
        size_bytes=path.stat().st_size,
        frames=len(times.shown),
        duration_s=round(float(times.total * plan.clock.time_base), 3),
        notices=notices,
    )


def _joint_times(plan: SegmentPlan, segments: Sequence[Path]) -> PacketTimes:
    """Look at all segments: their times in the result, and that players need not be told anything between."""
    shown: list[int] = []
    extradata: set[bytes | None] = set()
    for segment, path in zip(plan.segments, segments, strict=True):
        with encoder_faults(), _segment(path, plan) as file:
            stream = file.streams.video[0]
            extradata.add(stream.codec_context.extradata)
            scale = (stream.time_base or 1) / plan.clock.time_base
            shown += [
                round((packet.pts or 0) * scale) + segment.offset
                for packet in file.demux(stream)
                if has_content(packet)
            ]
    if len(extradata) > 1:
        raise OutputInvalid("Segments of the video were encoded in different ways and cannot be joined.")
    if len(set(shown)) != len(shown) or not shown:
        raise OutputInvalid("Segments of the video overlap and cannot be joined.")
    return packet_times(shown, plan.clock.end_of(shown))


def _segment(path: Path, plan: SegmentPlan) -> InputContainer:
    try:
        return open_input(path, MEDIA_TYPES[EXTENSION], max_pixels=plan.size[0] * plan.size[1])
    except MediaCorrupt as error:
        raise OutputInvalid("A segment of the video is damaged.") from error


def _video_stream(out: OutputContainer, template: VideoStream, plan: SegmentPlan) -> VideoStream:
    stream = out.add_stream_from_template(template, opaque=True)  # AV1 has no encoder of its decoder's name
    stream.time_base = plan.clock.time_base
    stream.codec_context.framerate = plan.rate  # without it Matroska keeps no frame's duration
    if plan.encoder.tag is not None:
        stream.codec_context.codec_tag = plan.encoder.tag
    return stream


def _pictures(
    plan: SegmentPlan, segments: Sequence[Path], times: PacketTimes, stream: VideoStream
) -> Iterator[AnyPacket]:
    each = iter(times)
    for path in segments:
        with _segment(path, plan) as file:
            for packet in file.demux(file.streams.video[0]):
                if has_content(packet):
                    packet.pts, packet.dts, packet.duration = next(each)
                    packet.time_base = plan.clock.time_base
                    packet.stream = stream
                    yield packet


def _decoded_at(packet: AnyPacket) -> float:
    return float((packet.dts or 0) * packet.time_base)


def _window(plan: SegmentPlan, container: Container) -> Window:
    """What is kept of sound and text; where the container can cut exactly there is a run-in nobody hears."""
    last_s = int(plan.clock.times[-1]) * plan.clock.source_time_base
    run_in = -_RUN_IN_S if container.has_edit_list else Fraction(0)
    return Window(
        origin_s=plan.clock.origin_s,
        end_s=last_s + _AFTER_S if plan.end_s is None else plan.end_s,
        earliest_s=run_in if plan.is_trimmed else None,
    )


def _chapters(source: InputContainer, plan: SegmentPlan) -> "list[Chapter]":
    """The chapters that begin within what is kept, on the result's clock."""
    moved: list[Chapter] = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1)
        zero = round(plan.clock.origin_s / base)
        if chapter["end"] <= zero or (plan.end_s is not None and chapter["start"] * base >= plan.end_s):
            continue
        chapter["start"] = max(0, chapter["start"] - zero)
        chapter["end"] -= zero
        title = chapter["metadata"].get("title")
        chapter["metadata"] = {} if title is None else {"title": printable(title)}
        moved.append(chapter)
    return moved
