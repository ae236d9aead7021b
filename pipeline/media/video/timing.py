"""When the packets of a joined video are decoded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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

    @property
    def total(self) -> int:
        """From the first frame to the end of the last, in ticks."""
        return int(self.lasts.sum())

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return zip(self.shown.tolist(), self.decoded.tolist(), self.lasts.tolist(), strict=True)


def packet_times(shown: Sequence[int], last: int) -> PacketTimes:
    """Make decode times for packets that show at `shown`, in the order in which they are stored.

    Encoders make their own for each segment, which do not rise over a joint. Here the i-th packet is decoded
    when the i-th frame shows, and all of them as much earlier as it takes for none to show before.

    Args:
        shown: when each packet shows, in ticks; no two are the same.
        last: how long the last of them shows, in ticks.
    """
    order = np.array(shown, dtype=np.int64)
    ascending = np.sort(order)
    ranks = np.searchsorted(ascending, order)
    delay = int(np.max(np.arange(len(order)) - ranks, initial=0))
    gaps = np.diff(ascending, append=ascending[-1] + last)
    lead = ascending[0] - int(gaps[0]) * np.arange(delay, 0, -1)
    return PacketTimes(
        shown=order,
        decoded=np.concatenate([lead, ascending])[: len(order)],
        lasts=gaps[ranks],
    )
