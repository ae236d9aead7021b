"""Clips whose packets are copied, and not their pictures."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

if TYPE_CHECKING:
    from av.video.stream import VideoStream


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
        copy_packets(into, out, add_streams(out, into.streams), shift_s=shift_s, keep=keep)
    return path


def hold_last(source: Path, path: Path, lasts_s: Fraction) -> Path:
    """Copy a clip whose last picture shows so long; returns `path`.

    MP4 stores the gaps between decode times, so that there the packet decoded last has to last as long.
    """
    with av.open(str(source)) as into, av.open(str(path), "w") as out:
        streams = add_streams(out, into.streams)
        packets = [packet for packet in into.demux(*into.streams.video) if packet.size]
        latest = max(packets, key=lambda each: each.pts or 0)
        for held in (latest, packets[-1]) if path.suffix in (".mp4", ".mov") else (latest,):
            held.duration = int(lasts_s / held.time_base)
        if path.suffix == ".webm":
            # Else no frame's duration is kept.
            cast("VideoStream", streams[0]).codec_context.framerate = Fraction(30)
        into.seek(0)
        for packet in [*packets, *into.demux(*into.streams.audio)]:
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


def add_streams(out: OutputContainer, of: Iterable[Stream]) -> dict[int, Stream]:
    """Add streams like these to a clip; what is returned has them by the places of these."""
    return {stream.index: out.add_stream_from_template(stream, opaque=True) for stream in of}


def copy_packets(
    into: InputContainer,
    out: OutputContainer,
    streams: Mapping[int, Stream],
    *,
    shift_s: Fraction = Fraction(0),
    keep: Callable[[int], bool] = lambda _: True,
) -> None:
    """Copy the packets of some streams into others, see `remux`."""
    for number, packet in enumerate(into.demux([into.streams[place] for place in streams])):
        if packet.size == 0 or not keep(number):
            continue
        ticks = int(shift_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
        packet.stream = streams[packet.stream.index]
        out.mux(packet)
