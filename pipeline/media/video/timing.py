"""When the packets of a joined video are decoded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.media.video.scan import Ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class PacketTimes:
    """The times of all packets of a video, in the order in which they are stored."""

    #: When each shows, and when it is decoded, in ticks.
    shown: Ticks
    decoded: Ticks
    #: How long each shows, in ticks.
    lasts: Ticks
    #: How long after the last packet is decoded a next one would be, such that decoding all of them takes as
    #: long as they show.
    tail: int

    @property
    def total(self) -> int:
        """From the first frame to the end of the last, in ticks."""
        return int(self.lasts.sum())

    def as_gaps(self) -> "PacketTimes":
        """The same for a container that stores only gaps between decode times: the last packet has one."""
        return replace(self, lasts=np.append(self.lasts[:-1], self.tail))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return zip(self.shown.tolist(), self.decoded.tolist(), self.lasts.tolist(), strict=True)


def packet_times(shown: Sequence[int], end: int) -> PacketTimes:
    """Make decode times for packets that show at `shown`, in the order in which they are stored.

    Encoders make their own for each segment, which do not rise over a joint. Here the i-th packet is decoded
    when the i-th frame shows, and all of them as much earlier as it takes for none to show before. MP4 stores
    nothing but the gaps between decode times, whose sum is how long players take the video to be: what is
    left for the last packet has to be a gap, too, and no longer than until the end.

    Args:
        shown: when each packet shows, in ticks; no two are the same.
        end: when the one that shows last is over, in ticks, later than all of them.
    """
    order = np.array(shown, dtype=np.int64)
    ascending = np.sort(order)
    ranks = np.searchsorted(ascending, order)
    delay = int(np.max(np.arange(len(order)) - ranks, initial=0))
    gaps = np.diff(ascending, append=end)
    lasts = gaps[ranks]
    left = end - int(ascending[len(order) - 1 - delay])
    step = min(int(gaps[0]), (left - 1) // max(delay, 1))
    decoded = np.concatenate([ascending[0] - step * np.arange(delay, 0, -1), ascending])[: len(order)]
    over = end - delay * step
    decoded[-1] = max(decoded[-1], min(order[-1], over - lasts[-1]))
    return PacketTimes(shown=order, decoded=decoded, lasts=lasts, tail=over - int(decoded[-1]))
