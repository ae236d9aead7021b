"""What differs between a target that moves and one that does not: choosing faces, and what is told."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from pipeline.engines.base import AnyEngine
from pipeline.face import Bgr, Face, Notice
from pipeline.faces.select import listed
from pipeline.media.target import Target, Unit
from pipeline.steps import Steps
from pipeline.swap.choose import ChosenFaces, FaceChooser
from pipeline.swap.follow import Follower
from pipeline.swap.frame import FrameSwap, SwappedFrame
from pipeline.swap.frame_stats import FrameStats
from pipeline.swap.request import Mapped


class TargetRules(Protocol):
    """Goes along with the frames of one target, in order."""

    @property
    def nothing_swapped(self) -> str:
        """What to tell the sender where no face was changed."""
        ...

    def choose(self, frame: Bgr, faces: Sequence[Face]) -> Steps[ChosenFaces]:
        """Find which source goes onto which of the `faces` of a BGR uint8 (h, w, 3) frame."""
        ...

    def count(self, frame: SwappedFrame) -> None:
        """Take note of a frame that is done."""
        ...

    def progress(self, current: FrameSwap | None) -> tuple[int, int]:
        """How many are done, and of how many, in the target's unit."""
        ...

    def notices(self) -> Collection[Notice]:
        """What the sender should know of faces that are not as was asked; after the last frame."""
        ...


class StillRules:
    """Of a picture: every face that was asked for has to be there."""

    nothing_swapped: Final = "No face in the target picture could be swapped; send one that shows it larger."

    def __init__(self, engine: AnyEngine, chooser: FaceChooser, target: Target) -> None:  # noqa: ARG002 -- as of what moves
        self.choose = chooser.choose
        self._left_alone: list[str] = []

    def count(self, frame: SwappedFrame) -> None:
        """Take note of faces that were meant and did not change."""
        self._left_alone = [
            face.face_id for face in frame.results() if face.source is not None and not face.swapped
        ]

    def progress(self, current: FrameSwap | None) -> tuple[int, int]:
        """Faces; 0 of 0 before they were found."""
        return (current.done, current.total) if current else (0, 0)

    def notices(self) -> Collection[Notice]:
        """Name the faces that were left alone."""
        if not self._left_alone:
            return ()
        message = f"Left as in the target, being too small or cut off: {listed(self._left_alone)}."
        return (Notice(code="faces_not_swapped", message=message),)


class MovingRules:
    """Of what moves: faces are followed, and frames without one stay as they are."""

    nothing_swapped: Final = (
        "No face could be swapped in any frame of the target animation; send one that shows it larger."
    )

    def __init__(self, engine: AnyEngine, chooser: FaceChooser, target: Target) -> None:
        self.choose = Follower(engine, chooser).choose
        self._total = target.total
        self._stats = FrameStats(chooser.names if isinstance(chooser.choice, Mapped) else ())

    def count(self, frame: SwappedFrame) -> None:
        """Count the frame by what was swapped in it."""
        self._stats.count(frame.chosen.values(), frame.swapped)

    def progress(self, current: FrameSwap | None) -> tuple[int, int]:  # noqa: ARG002 -- a frame's faces are not told
        """Frames."""
        return self._stats.frames, self._total

    def notices(self) -> Collection[Notice]:
        """Say how many frames are not as was asked."""
        return tuple(self._stats.notices())


RULES: dict[Unit, Callable[[AnyEngine, FaceChooser, Target], TargetRules]] = {
    "faces": StillRules,
    "frames": MovingRules,
}
"""By what a target's progress counts."""
