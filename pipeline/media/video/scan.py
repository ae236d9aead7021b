"""One pass over a video's packets, without decoding: when its frames show, where decoding can begin."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import MediaCorrupt, MediaTooLarge
from pipeline.media.video.container import demuxer_faults, has_content, packets_of
from pipeline.media.video.limits import VideoLimits

Ticks = NDArray[np.int64]

_INDEXED: Final = "mov"
"""The container whose index says how many packets there must be."""
_STATES_DURATION: Final = ("mov", "matroska", "avi", "flv", "asf")
"""Containers that say how long they are; of others FFmpeg reckons it from what is there."""
_STATES_END: Final = "matroska"
"""What it calls its duration is when it ends, as FFmpeg and others write it, also where it begins late."""
_STATES_FRAMES: Final = "matroska"
"""The container that may say of each frame how long it shows; FFmpeg says 0 where it does not."""
_PARSED: Final = ("mpegts", "mpeg")
"""Containers that say nothing of how long a frame shows: FFmpeg's parser tells it from the frame itself."""
_SHORT_S: Final = 1.0
"""A file this much shorter than it says was cut."""
_DAMAGED_SHARE: Final = 0.02
"""What may be wrong with a film that still passes for whole."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """What the packets of a video stream say."""

    #: Unit of all times, in seconds.
    time_base: Fraction
    #: When each frame shows, ascending; frames that only serve to decode others are left out.
    times: Ticks
    #: When the key frames show, ascending.
    keys: Ticks
    #: Whether every frame has a time of its own, so that a part of the file can be told from another.
    is_timed: bool
    #: How many frames the file says it has and does not hold.
    missing: int
    #: How many of its packets were cut or garbled when it was stored.
    garbled: int
    #: When the first packet of any stream shows or is heard, in seconds.
    begins_s: Fraction
    #: When the last frame is over, as the container says, within the length that is accepted; None where it
    #: does not say.
    ends: int | None
    #: Whether frames are stored in another order than that in which they show.
    is_reordered: bool

    @property
    def frames(self) -> int:
        """How many frames show."""
        return len(self.times)

    def between(self, start: int, end: int | None) -> Ticks:
        """The times from `start` on that lie before `end`."""
        last = None if end is None else int(np.searchsorted(self.times, end))
        return self.times[int(np.searchsorted(self.times, start)) : last]

    def before(self, time: int, count: int) -> int | None:
        """When the frame shows that is `count` frames before the one at `time`; None where there is none."""
        place = int(np.searchsorted(self.times, time)) - count
        return int(self.times[place]) if place >= 0 else None


class _FieldPairs:
    """Tells which packets of H.264 hold a frame's second field: MPEG streams may have one for each field.

    FFmpeg's parser sees what a packet holds, and says of a field that it lasts half as long as a frame.
    """

    def __init__(self, container: str, stream: VideoStream) -> None:
        context = stream.codec_context
        rate = context.framerate or stream.guessed_rate
        self._half = 0.0
        if container in _PARSED and context.codec.canonical_name == "h264" and rate and stream.time_base:
            self._half = float(1 / rate / stream.time_base / 2)
        #: Whether a first field waits for its second one, and when it shows.
        self._waits = False
        self._at: int | None = None

    def is_second(self, time: int | None, lasts: int) -> bool:
        """Whether a packet goes with the one before it; to be asked of all of them in order."""
        is_field = self._half > 0 and abs(lasts - self._half) < 1
        is_after = time is None or self._at is None or abs(time - self._at - self._half) < self._half / 2
        is_second = self._waits and is_field and is_after
        self._waits, self._at = is_field and not is_second, time
        return is_second


class _Tally:
    """What was seen so far of a stream."""

    def __init__(self, limits: VideoLimits, time_base: Fraction) -> None:
        self.time_base = time_base
        self.times: list[int] = []
        self.keys: list[int] = []
        self.unstamped = 0
        self.garbled = 0
        self.packets = 0
        #: When the packet that shows last does, and how long.
        self.latest = (0, 0)
        #: Whether any came behind one that shows later.
        self.is_reordered = False
        self._limits = limits
        self._most_ticks = limits.max_seconds / float(time_base)

    def add(self, time: int | None, lasts: int, *, is_key: bool, shows: bool) -> None:
        """Count a packet; raises MediaTooLarge as soon as there are too many, or over too long a time."""
        self.packets += 1
        if time is None:
            self.unstamped += shows and bool(self.times)  # those before time 0 never show
            return
        if is_key:
            self.keys.append(time)
        if shows:
            self.is_reordered |= bool(self.times) and time < self.latest[0]
            self.latest = max(self.latest, (time, lasts)) if self.times else (time, lasts)
            self.times.append(time)
        if self.packets > self._limits.max_frames:
            raise MediaTooLarge(
                f"The video has more than {self._limits.max_frames} frames. Send a shorter one."
            )
        if abs(time - self.times[0] if self.times else 0) > self._most_ticks:
            raise MediaTooLarge(
                f"The video is longer than {self._limits.max_seconds / 60:g} minutes. Send a shorter one."
            )

    def scan(self, missing: int, begins_s: Fraction, ends: int | None) -> Scan:
        times = np.sort(np.array(self.times, dtype=np.int64))
        distinct = bool(np.all(np.diff(times) > 0))
        return Scan(
            time_base=self.time_base,
            times=times,
            keys=np.sort(np.array(self.keys, dtype=np.int64)),
            is_timed=distinct and self.unstamped == 0,
            missing=missing,
            garbled=self.garbled,
            begins_s=begins_s,
            ends=None if ends is None else min(ends, int(times[0] + self._most_ticks)),
            is_reordered=self.is_reordered,
        )


def scan_packets(container: InputContainer, stream: VideoStream, limits: VideoLimits) -> Scan:
    """Read all packets of an open container once.

    Raises:
        MediaTooLarge: there are more frames, or over a longer time, than `limits` allow.
        MediaCorrupt: there is no frame, or more than a second of the file is missing.
    """
    name = container.format.name
    time_base = stream.time_base or Fraction(1, 1000)
    tally, pairs = _Tally(limits, time_base), _FieldPairs(name, stream)
    end_s, begins = 0.0, dict[Fraction, int]()
    with demuxer_faults():
        for packet in packets_of(container):
            if not has_content(packet):
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None:
                end_s = max(end_s, float((time + (packet.duration or 0)) * packet.time_base))
                if not packet.is_discard:
                    begins[packet.time_base] = min(time, begins.get(packet.time_base, time))
            if packet.stream_index == stream.index:
                tally.garbled += packet.is_corrupt
                lasts = packet.duration or 0
                if not pairs.is_second(time, lasts):
                    tally.add(time, lasts, is_key=packet.is_keyframe, shows=not packet.is_discard)
    missing = max(0, len(stream.index_entries) - tally.packets) if name == _INDEXED else 0
    if not tally.times:
        raise MediaCorrupt("The video has no frame that could be shown.")
    ends = _stated_end(name, stream, tally)
    if ends is not None:  # FFmpeg has another time for some codecs' last packets
        end_s = max(end_s, float(ends * time_base))
    start = 0 if name.startswith(_STATES_END) else container.start_time or 0
    stated_s = ((container.duration or 0) + start) / 1e6
    short_s = stated_s - end_s if name in _STATES_DURATION and container.duration else 0.0
    check_damage(tally.packets + missing, bad=missing, short_s=short_s)
    return tally.scan(missing, min(time * base for base, time in begins.items()), ends)


def _stated_end(container: str, stream: VideoStream, tally: _Tally) -> int | None:
    """When the last frame is over, in ticks, as the container says; None where it does not."""
    if container == _INDEXED:
        if stream.frames == tally.packets and stream.duration is not None:
            return (stream.start_time or 0) + stream.duration
        # Of fragments not all need be here. And MP4 says how long it takes to decode a frame, not to show it.
        return None if tally.is_reordered else sum(tally.latest)
    return sum(tally.latest) if container.startswith(_STATES_FRAMES) else None


def check_damage(frames: int, *, bad: int, short_s: float = 0.0) -> None:
    """Refuse a video of which too much is missing or garbled: players show it without a word.

    Args:
        frames: how many there should be.
        bad: how many of them are missing or garbled.
        short_s: how much sooner it ends than it says, in seconds.

    Raises:
        MediaCorrupt: more than 2 % are bad, or more than a second is missing at its end.
    """
    if short_s > _SHORT_S:
        raise MediaCorrupt(
            f"The video was cut short: its last {short_s:.1f} seconds are missing. Send the whole file."
        )
    if bad > frames * _DAMAGED_SHARE:
        raise MediaCorrupt(
            f"The video is damaged: {bad} of its {frames} frames are missing or garbled. Send a whole file."
        )
