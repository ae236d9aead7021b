"""When a frame of the target shows in the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipeline.media.video.scan import Ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class Clock:
    """Leads from the times of a target to those of its result."""

    #: Units of the times of the target and of the result, in seconds.
    source_time_base: Fraction
    time_base: Fraction
    #: What becomes time 0 of the result, in seconds of the target's own clock.
    origin_s: Fraction
    #: A steady number of frames a second, None where each keeps the time it has.
    fps: Fraction | None
    #: When the frames show that are read, ascending, in ticks of the target.
    times: Ticks
    #: How long the last of them shows, in ticks of the target.
    last_ticks: int
    #: Whether each frame that is read has one of these times; else the decoder makes its own.
    is_timed: bool

    def shown_at(self, time: int) -> range:
        """When the frame that shows at `time` in the target shows in the result, in ticks.

        Once, where each keeps its time; else as often as a steady rate has a frame while it shows: never,
        once or more. What shows never need not be changed or written.
        """
        first = self._ticks(time)
        if self.fps is None:
            return range(first, first + 1)
        place = int(np.searchsorted(self.times, time, side="right"))
        following = int(self.times[place]) if place < len(self.times) else time + self.last_ticks
        return range(first, self._ticks(following))

    def end_of(self, shown: Sequence[int]) -> int:
        """When the last of all frames of the result has been shown, which show at these times, in ticks.

        Where the times of the target are not known, it shows as long as half of the others do at least.
        """
        ascending = np.sort(shown)
        if self.is_timed:
            end = self._ticks(int(self.times[-1]) + self.last_ticks)
        else:
            end = int(ascending[-1] + np.median(np.diff(ascending))) if len(ascending) > 1 else 0
        return max(end, int(ascending[-1]) + 1)

    def _ticks(self, time: int) -> int:
        """Rounded up where the unit of the result is coarser: nothing shows before its time."""
        exact = (time * self.source_time_base - self.origin_s) / self.time_base
        return -(-exact.numerator // exact.denominator)
