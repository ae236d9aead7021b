"""What goes with the pictures into a result: sound, as it is stored where that is possible, and text."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from pipeline.face import Notice, NoticeCode
from pipeline.media.video.container import AnyPacket, packets_of, printable
from pipeline.media.video.containers import Container, holds

_ASS_HEADER: Final = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name\r\nStyle: Default\r\n"
)
"""Text encoders open only with a style sheet (Advanced SubStation Alpha); a plain one makes plain text."""
_COMMON_RATE: Final = 48000
_LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1"}


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of the target whose sound and text are kept, in seconds of its own clock."""

    origin_s: Fraction
    end_s: Fraction
    #: What begins sooner is left out, in seconds of the result's clock; None is nothing.
    earliest_s: Fraction | None

    def shift(self, packet: AnyPacket) -> bool:
        """Move a packet to the result's clock; tells whether it belongs there."""
        base = packet.time_base
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None or time * base >= self.end_s:
            return False
        zero = round(self.origin_s / base)
        packet.pts = time - zero
        packet.dts = packet.pts if packet.dts is None else packet.dts - zero
        return self.earliest_s is None or packet.pts * base >= self.earliest_s


class Companion(Protocol):
    """One stream on its way into a result."""

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """Turn a packet of the target, already moved to the result's clock, into packets of the result."""
        ...

    def finish(self) -> Iterator[AnyPacket]:
        """Give what is left after the last packet."""
        ...


class Copied:
    """A stream whose packets are taken as they are."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """Pass a packet on."""
        packet.stream = self._stream
        yield packet

    def finish(self) -> Iterator[AnyPacket]:
        """Nothing is left."""
        yield from ()


class EncodedSound:
    """Sound that the container does not hold as it is."""

    def __init__(self, source: AudioStream, stream: AudioStream) -> None:
        self._source = source
        self._stream = stream
        self._resampler: av.AudioResampler | None = None

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """Decode and encode; what is damaged is left out, as players do."""
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError:
            return
        for frame in frames:
            with suppress(av.FFmpegError, ValueError):
                yield from self._encoded(frame)

    def finish(self) -> Iterator[AnyPacket]:
        """Flush decoder, resampler and encoder."""
        for frame in self._source.codec_context.decode(None):
            yield from self._encoded(frame)
        yield from self._encoded(None)
        yield from self._stream.encode(None)

    def _encoded(self, frame: AudioFrame | None) -> Iterator[AnyPacket]:
        context = self._stream.codec_context
        if self._resampler is None:
            if frame is None:
                return
            # The header has been written by now, and the encoder opened: it says how much it takes at once.
            self._resampler = av.AudioResampler(
                format=context.format, layout=context.layout, rate=context.rate, frame_size=context.frame_size
            )
        for ready in self._resampler.resample(frame):
            yield from self._stream.encode(ready)


class EncodedText:
    """Text that the container holds in another way."""

    def __init__(self, source: SubtitleStream, stream: SubtitleStream) -> None:
        self._source = source
        self._stream = stream

    def take(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        """Decode a text and encode it."""
        shown = self._source.codec_context.decode2(packet)
        if shown is None or not len(shown):
            return
        encoded = self._stream.codec_context.encode_subtitle(shown)
        encoded.pts = encoded.dts = packet.pts
        encoded.duration = packet.duration
        encoded.time_base = packet.time_base
        encoded.stream = self._stream
        yield encoded

    def finish(self) -> Iterator[AnyPacket]:
        """Nothing is left."""
        yield from ()


def add_companions(
    source: InputContainer, out: OutputContainer, container: Container, *, keep_audio: bool
) -> tuple[Mapping[int, Companion], tuple[Notice, ...]]:
    """Add to a result the sound and text of its target, each as it is, else encoded, else not at all.

    Returns them by their stream's number in the target, and what the sender should know.
    """
    companions: dict[int, Companion] = {}
    notices: list[Notice] = []
    for stream in source.streams.audio if keep_audio else ():
        companion = _sound(stream, out, container)
        _settle(stream, companion, companions, notices, _SOUND)
    for text in source.streams.subtitles:
        _settle(text, _text(text, out, container), companions, notices, _TEXT)
    return companions, tuple(dict.fromkeys(notices))


def companion_packets(
    source: InputContainer, companions: Mapping[int, Companion], window: Window
) -> Iterator[AnyPacket]:
    """The packets of all companions, in the order in which the target stores them."""
    streams = [source.streams[index] for index in companions]
    last: dict[int, int] = {}
    for packet in packets_of(source, *streams) if streams else ():
        if packet.size and window.shift(packet):
            for ready in companions[packet.stream_index].take(packet):
                yield _rising(ready, last)
    for companion in companions.values():
        for ready in companion.finish():
            yield _rising(ready, last)


def _rising(packet: AnyPacket, last: dict[int, int]) -> AnyPacket:
    """Make a packet's decode time later than that of the one before, which in damaged files it is not.

    It is looked at in the unit in which it is stored: two times may become one when they are rounded to it.
    """
    base = packet.stream.time_base or packet.time_base
    scale = packet.time_base / base
    dts = round((packet.dts or 0) * scale)
    packet.dts = max(dts, last.get(packet.stream.index, dts - 1) + 1)
    packet.pts = max(round((packet.pts or 0) * scale), packet.dts)
    packet.duration = round((packet.duration or 0) * scale)
    packet.time_base = base
    last[packet.stream.index] = packet.dts
    return packet


_Words = tuple[NoticeCode, NoticeCode, str]
_SOUND: Final[_Words] = ("sound_encoded", "sound_dropped", "sound")
_TEXT: Final[_Words] = ("text_encoded", "text_dropped", "subtitles")


def _settle(
    stream: Stream,
    companion: Companion | None,
    companions: dict[int, Companion],
    notices: list[Notice],
    words: _Words,
) -> None:
    encoded, dropped, what = words
    if companion is None:
        notices.append(Notice(code=dropped, message=f"Some {what} of the video could not be kept."))
        return
    companions[stream.index] = companion
    if isinstance(companion, EncodedSound):
        message = "The video's sound does not fit into the result as it is, and was encoded anew."
        notices.append(Notice(code=encoded, message=message))


def _sound(source: AudioStream, out: OutputContainer, container: Container) -> Companion | None:
    if cast("object", source.codec_context) is None:
        return None
    if holds(container, source):
        stream = out.add_stream_from_template(source, opaque=True)
        return Copied(_described(stream, source))
    rates = av.Codec(container.sound_encoder, "w").audio_rates or ()
    rate = source.codec_context.sample_rate
    encoded = cast(
        "AudioStream", out.add_stream(container.sound_encoder, rate=rate if rate in rates else _COMMON_RATE)
    )
    # Some files only say how many channels they have; encoders want to know where each belongs.
    encoded.codec_context.layout = _LAYOUTS.get(source.codec_context.channels, "stereo")
    return EncodedSound(source, cast("AudioStream", _described(encoded, source)))


def _text(source: SubtitleStream, out: OutputContainer, container: Container) -> Companion | None:
    if cast("object", source.codec_context) is None:
        return None
    if holds(container, source):
        return Copied(_described(out.add_stream_from_template(source, opaque=True), source))
    if container.text_encoder is None or not source.codec_context.codec.text_sub:
        return None
    stream = cast("SubtitleStream", out.add_stream(container.text_encoder))
    stream.codec_context.subtitle_header = _ASS_HEADER
    stream.time_base = source.time_base
    return EncodedText(source, cast("SubtitleStream", _described(stream, source)))


def _described(stream: Stream, source: Stream) -> Stream:
    """Say of a stream what its source says: which language, and what it is for."""
    if source.language is not None:
        stream.metadata["language"] = printable(source.language)
    stream.disposition = source.disposition
    return stream
