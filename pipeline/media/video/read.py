"""Frames of a video in the order in which they show: upright, of 8 bits, each with its time."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from pipeline.errors import MediaCorrupt
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.container import AnyPacket, demuxer_faults, has_content, open_input, packets_of
from pipeline.media.video.convert import FrameConverter
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.probe import VideoFile

_SEEK_TRIES: Final = 12
"""A seek that landed too late is done again 2, 4, 8 ... seconds earlier."""
_PALETTE: Final = "pal8"
"""Colours out of a table, which FFmpeg gives with the first packet of a file and never after a seek."""
FIELD_REACH: Final = 2
"""How many frames before it a frame that is made of fields is made with."""


@dataclass
class ReadStats:
    """What happened while reading."""

    #: How many frames the packets announced, were handed out, and had to be made up in parts by the decoder.
    announced: int = 0
    frames: int = 0
    garbled: int = 0
    #: How many had another size or kind of samples than the first one, and were brought to it.
    adapted: int = 0
    #: Whether the times of the packets proved wrong, so that all was decoded from the file's beginning.
    from_beginning: bool = False

    @property
    def bad(self) -> int:
        """How many frames are missing or garbled; see `pipeline.media.video.scan.check_damage`."""
        return max(0, self.announced - self.frames) + self.garbled


class VideoReader:
    """Decodes parts of a video, each call anew; for one thread at a time."""

    def __init__(self, video: VideoFile, mapper: ToneMapper, *, threads: int = 0) -> None:
        """Read `video` with so many threads; 0 is as many as there are cores."""
        self.stats = ReadStats()
        self._video = video
        self._threads = threads
        self._converter = FrameConverter(video, mapper)

    def planned(self, start: int, end: int | None) -> Iterator[YuvFrame]:
        """Decode the frames that show from `start` on and before `end` (None is open), in ticks.

        They are exactly those that one pass over the whole file gives: they are held to the times that the
        packets announced, and where one differs the rest is decoded from the file's beginning.

        Raises:
            MediaCorrupt: the file cannot be read any more.
        """
        last = start - 1
        times = self._video.scan.between(start, end).tolist()
        self.stats.announced += len(times)
        if self._video.scan.is_timed:
            announced = iter(times)
            with closing(self.frames(start, end)) as frames:
                for frame in frames:
                    if frame.time != next(announced, None):
                        break
                    last = frame.time
                    yield self._counted(frame)
                else:
                    if next(announced, None) is None:
                        return
        self.stats.from_beginning = True
        with closing(self.frames(None, end)) as frames:
            for frame in frames:
                if frame.time > last:
                    last = frame.time
                    yield self._counted(frame)
        if last < start:
            raise MediaCorrupt("A part of the video holds no frame that could be shown. Send a whole file.")

    def frames(self, start: int | None = None, end: int | None = None) -> Generator[YuvFrame]:
        """Decode as `planned` does, and believe the file.

        Decoding begins at the key frame before, or at the file's beginning where `start` is None; it goes on
        beyond the next key frame, since frames that show before one may be stored behind it.
        """
        for image, time in self._images(start):
            if end is not None and time >= end:
                return
            if start is None or time >= start:
                yield self._converter.convert(image, time)

    def _images(self, start: int | None) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decoded images with their times, from the frames on that those from `start` on are made of."""
        video = self._video
        reach = start
        if video.pix_fmt == _PALETTE:
            reach = None
        elif start is not None and video.is_interlaced:
            reach = video.scan.before(start, FIELD_REACH)
        with open_input(video.path, video.media, max_pixels=video.max_pixels) as container, demuxer_faults():
            stream = cast("VideoStream", container.streams[video.stream_index])
            stream.thread_type, stream.codec_context.thread_count = "AUTO", self._threads
            packets = packets_from(container, stream, reach)
            if packets is not None:
                yield from self._stamped_images(packets)
                return
        yield from self._images(None)

    def _stamped_images(self, packets: Iterable[AnyPacket]) -> Iterator[tuple[av.VideoFrame, int]]:
        images = stamped(map(self._adapted, decoded(packets)), self._video)
        return deinterlaced(images, self._video) if self._video.is_interlaced else images

    def _adapted(self, image: av.VideoFrame) -> av.VideoFrame:
        adapted = self._converter.adapt(image)
        self.stats.adapted += adapted is not image
        return adapted

    def _counted(self, frame: YuvFrame) -> YuvFrame:
        self.stats.frames += 1
        self.stats.garbled += frame.is_garbled
        return frame


def packets_from(
    container: InputContainer, stream: VideoStream, start: int | None
) -> Iterator[AnyPacket] | None:
    """The packets from which a frame that shows at `start` can be decoded; None where no seek leads there."""
    if start is None:
        return packets_of(container, stream)
    for tries in range(_SEEK_TRIES):
        back = (2**tries if tries else 0) / (stream.time_base or 1)
        try:
            container.seek(int(start - back), stream=stream)
        except av.FFmpegError:
            return None
        packets = packets_of(container, stream)
        first = next((packet for packet in packets if packet.is_keyframe or not has_content(packet)), None)
        if first is not None and has_content(first):
            time = first.pts if first.pts is not None else first.dts
            if time is not None and time <= start:
                return chain([first], packets)
    return None


def decoded(packets: Iterable[AnyPacket]) -> Iterator[av.VideoFrame]:
    """The frames of packets; what a decoder refuses is missing, as `planned` will notice."""
    for packet in packets:
        with suppress(av.FFmpegError):
            yield from packet.decode()


def stamped(images: Iterable[av.VideoFrame], video: VideoFile) -> Iterator[tuple[av.VideoFrame, int]]:
    """Give each frame a time later than that of the one before; what comes before the first time is left out.

    Matroska gives none to frames before its time 0, and MPEG program streams to most frames of H.264; those
    show when the one before has been shown for as long as it says, or else for a frame.
    """
    last: int | None = None
    usual = step = max(1, round(1 / video.rate / video.time_base))
    for image in images:
        time = image.pts
        if last is not None:
            time = max(last + step if time is None else time, last + 1)
        step = image.duration or usual
        if time is not None:
            last = time
            yield image, time


def deinterlaced(
    images: Iterable[tuple[av.VideoFrame, int]], video: VideoFile
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Make whole frames of those that are made of two fields, each at its own time."""
    graph: Graph | None = None
    for image, time in images:
        graph = graph or _deinterlacer(image, video)
        image.pts, image.time_base = time, video.time_base
        graph.push(image)
        yield from _pulled(graph, video)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph, video)


def _deinterlacer(image: av.VideoFrame, video: VideoFile) -> Graph:
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=image.width, height=image.height, format=image.format, time_base=video.time_base
        ),
        graph.add("bwdif", "mode=send_frame:deint=interlaced"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _pulled(graph: Graph, video: VideoFile) -> Iterator[tuple[av.VideoFrame, int]]:
    while True:
        try:
            image = graph.vpull()
        except (BlockingIOError, EOFError):
            return
        yield (
            image,
            round((image.pts or 0) * (image.time_base or 1) / video.time_base),
        )  # the filter halves the unit
