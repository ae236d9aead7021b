"""What was swapped in how many frames of an animation, told in sentences."""

from collections.abc import Collection, Iterator

from pipeline.face import Notice
from pipeline.faces.select import listed


class FrameStats:
    """Counts the frames of an animation by what was swapped in them.

    `wanted` are the names of the sources of which each is for one person; empty where one source is for
    whoever is there.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = frozenset(wanted)
        self._ever: set[str] = set()
        self._frames = 0
        self._unchanged = 0
        self._incomplete = 0

    def count(self, chosen: Collection[str], swapped: Collection[str]) -> None:
        """Count one frame: the sources of the faces that were chosen in it, and of those that changed."""
        self._frames += 1
        self._ever.update(swapped)
        self._unchanged += not swapped
        self._incomplete += 0 < len(swapped) < max(len(chosen), len(self._wanted))

    @property
    def frames(self) -> int:
        """How many frames were counted."""
        return self._frames

    def notices(self) -> Iterator[Notice]:
        """What the sender should know of the frames that are not as was asked."""
        if self._unchanged:
            count = f"{self._unchanged} of {self._frames} frames"
            message = f"{count} show no face to swap and stay as they were."
            yield Notice(code="frames_unchanged", message=message)
        never = sorted(self._wanted - self._ever)
        if never:
            message = f"Left as in the target in every frame, being too small or cut off: {listed(never)}."
            yield Notice(code="faces_not_swapped", message=message)
        if self._incomplete:
            count = f"In {self._incomplete} of {self._frames} frames"
            message = f"{count} some of the faces that were meant are not there, too small or cut off."
            yield Notice(code="frames_incomplete", message=message)
