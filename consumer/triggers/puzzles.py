"""Tells people of what lies in the inbox and is no job: a record and a line in the log, once."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import structlog

from consumer.faults import judge
from storage.inbox.folders import explain
from storage.inbox.inbox import Puzzle
from storage.inbox.puzzles import puzzle_id, take_back, tell_of
from storage.stores.port import ObjectStore

# Nothing has come for so long: 50 MB take about that long at 1.5 Mbit/s, and a record is no failure.
_AFTER_S = 300.0
_MOST_AT_ONCE = 5  # in one look, which is not to hold up jobs
_MOST = 100  # are told of; the gauges count all

_log = structlog.get_logger()


class PuzzleTeller:
    """Keeps the records of what is no job up to date; lives with a store that does not answer."""

    def __init__(
        self, store: ObjectStore, *, after_s: float = _AFTER_S, wall: Callable[[], datetime] | None = None
    ) -> None:
        self._store = store
        self._after_s = after_s
        self._wall = wall or (lambda: datetime.now(UTC))
        self._told: dict[str, str] = {}

    async def tell(
        self,
        puzzles: Sequence[Puzzle],
        store_now: datetime,
        *,
        whole: bool = True,
        places: Collection[str] | None = None,
    ) -> None:
        """Tell of what has lain there for long; what was told is renewed where the look was `whole`.

        After a look that came to the end of the inbox, `places` are all that hold something that is no job:
        what was told of others is taken back.
        """
        due = [puzzle for puzzle in puzzles if self._is_due(puzzle, store_now, whole=whole)][:_MOST_AT_ONCE]
        solved = [] if places is None else [place for place in self._told if place not in places]
        try:
            for puzzle in due:
                await tell_of(self._store, puzzle, now=self._wall())
                if puzzle.place not in self._told:
                    _log.warning(
                        "drop_not_understood",
                        place=puzzle.place,
                        job_id=puzzle_id(puzzle.place),
                        reason=explain(puzzle.place, puzzle.files),
                    )
                self._told[puzzle.place] = puzzle.fingerprint
            await take_back(self._store, solved)
            for place in solved:
                del self._told[place]
        except Exception as error:  # noqa: BLE001 -- judged: the next look tells it again
            _log.warning("drop_not_told", reason=judge(error, stage="inbox").message)

    def _is_due(self, puzzle: Puzzle, store_now: datetime, *, whole: bool) -> bool:
        if puzzle.place in self._told:
            # A part of what lies in the inbox itself differs from look to look.
            if not whole or self._told[puzzle.place] == puzzle.fingerprint:
                return False
        elif len(self._told) >= _MOST:
            return False
        return (store_now - puzzle.newest).total_seconds() >= self._after_s
