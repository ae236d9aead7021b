"""What the inbox holds, put together from looks that may each see a part of it only."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.inbox.inbox import Scan

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The inbox as it was found on the last way through it."""

    #: How many jobs wait or are worked on.
    entries: int = 0
    #: How long the oldest of them has lain there, in seconds.
    oldest_s: float = 0.0
    #: Files that belong to no job.
    ignored: int = 0
    #: Places with such files, the inbox itself and its folders.
    not_understood: int = 0


Observe = Callable[[Survey], None]


class Surveyor:
    """Adds up looks until one comes to the end of the inbox; mostly that is each of them."""

    def __init__(self) -> None:
        #: What the last whole way through the inbox found, and more if this one has found more already.
        self.survey = Survey()
        #: The places of the last whole way that hold something that is no job; None before the first.
        self.places: frozenset[str] | None = None
        self._last = Survey()
        self._announced: dict[str, datetime] = {}
        self._ignored = Counter[str]()

    def take(self, scan: Scan, *, went_on: bool) -> None:
        """Take in a look, which `went_on` where the one before had stopped or began anew."""
        if not went_on:
            self._announced, self._ignored = {}, Counter()
        for puzzle in scan.puzzles:
            self._ignored[puzzle.place] += len(puzzle.files)
        if went_on or scan.read_to:
            self._announced |= {entry.fingerprint: entry.announced_at for entry in scan.entries}
            entries, times = len(self._announced), iter(self._announced.values())
        else:  # one look is all: nothing is counted twice
            entries, times = len(scan.entries), (entry.announced_at for entry in scan.entries)
        oldest = min(times, default=scan.store_now)
        found = Survey(
            entries=entries,
            oldest_s=(scan.store_now - oldest).total_seconds(),
            ignored=self._ignored.total(),
            not_understood=len(self._ignored),
        )
        if scan.read_to:
            last = self._last
            self.survey = Survey(
                entries=max(found.entries, last.entries),
                oldest_s=max(found.oldest_s, last.oldest_s),
                ignored=max(found.ignored, last.ignored),
                not_understood=max(found.not_understood, last.not_understood),
            )
            return
        self.survey = found
        if scan.at_end:
            self._last, self.places = found, frozenset(self._ignored)
