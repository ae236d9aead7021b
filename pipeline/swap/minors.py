"""Heeding that a face may be a minor's: said, or refused, as whoever runs the service wants it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from pipeline.errors import MinorRefused
from pipeline.face import Bgr, Face, Notice
from pipeline.faces.age import can_be_judged
from pipeline.faces.detect import overlaps
from pipeline.faces.select import face_id, listed
from pipeline.previews import in_square
from pipeline.steps import Steps
from pipeline.tracks.cast import CastMember

_ADVICE: Final = "Swap faces only of adults who have agreed."
_REFUSAL: Final = (
    "Faces of minors are not swapped here. If it is an adult's, take another picture of them, or ask whoever "
    "runs this service."
)
# Share of the boxes' union from which on a face counts as one of the frame before.
_SAME_FACE: Final = 0.3


class Ages(Protocol):
    """Guesses how old people are."""

    def can_judge(self, face: Face) -> bool:
        """Whether a face is shown such that its age can be guessed at."""
        ...

    def may_be_minor(self, picture: Bgr, face: Face) -> bool:
        """Whether a face of a BGR uint8 (h, w, 3) picture looks younger than 18, or may well be."""
        ...


class MinorCheck:
    """Looks at who is put in and who is replaced, on the device's thread; the first look opens the network.

    What it finds is a notice, or with `refuse` the error MinorRefused.
    """

    def __init__(self, open_ages: Callable[[], Ages], *, refuse: bool) -> None:
        self._open_ages = open_ages
        self._refuse = refuse

    def is_suspect(self, picture: Bgr, face: Face) -> bool:
        """Whether a face of a BGR uint8 (h, w, 3) picture may be a minor's, as far as it can be judged."""
        return self._ages.may_be_minor(picture, face)

    def can_judge(self, face: Face) -> bool:
        """Whether a face is shown such that something can be told of it."""
        return self._ages.can_judge(face)

    def source(self, picture: Bgr, face: Face) -> tuple[Notice, ...]:
        """Look at the face to put in, of a BGR uint8 (h, w, 3) picture; may raise MinorRefused."""
        if not self.is_suspect(picture, face):
            return ()
        return self.heed("The face in the source picture looks like a minor's.")

    def members(self, members: Sequence[CastMember], chosen: Mapping[int, str]) -> Steps[tuple[Notice, ...]]:
        """Look at the people of a video whose places are `chosen`, each where seen best, one a step.

        Raises:
            MinorRefused: some may be minors, and that is not wanted; names them.
        """
        suspects: list[str] = []
        for member in (members[place] for place in sorted(chosen)):
            yield
            # In the preview every face is large.
            if can_be_judged(member.face) and self.is_suspect(member.preview, in_square(member.face)):
                suspects.append(member.face_id)
        return self.heed(_of_faces(suspects)) if suspects else ()

    def heed(self, found: str) -> tuple[Notice, ...]:
        """Say what was found, a sentence; may raise MinorRefused."""
        if self._refuse:
            raise MinorRefused(f"{found} {_REFUSAL}")
        return (Notice(code="may_be_minor", message=f"{found} {_ADVICE}"),)

    @cached_property
    def _ages(self) -> Ages:
        return self._open_ages()


class TargetMinors:
    """Looks at the chosen faces of a target's frames, in order: at each where it can be judged at first."""

    def __init__(self, check: MinorCheck, *, moves: bool) -> None:
        """Begin; of what `moves` frames are named, of a picture its faces."""
        #: What the sender should know so far.
        self.notices: tuple[Notice, ...] = ()
        self._check = check
        self._moves = moves
        self._frames = 0
        self._with_suspects: list[str] = []
        self._before: Sequence[Face] = ()  # the chosen faces of the frame before that were looked at
        self._now: list[Face] = []
        self._suspects: list[int] = []

    def look(self, frame: Bgr, faces: Mapping[int, Face]) -> None:
        """Look at some of the chosen faces of a BGR uint8 (h, w, 3) frame, by place; all are unchanged."""
        for place, face in faces.items():
            is_new = not _was_there(face, self._before)
            if is_new and not self._check.can_judge(face):
                continue  # one that turns to the camera or comes near is looked at then
            if is_new and self._check.is_suspect(frame, face):
                self._suspects.append(place)
            self._now.append(face)

    def end_frame(self) -> None:
        """Heed what was seen, once all chosen faces of a frame were looked at; may raise MinorRefused."""
        self._frames += 1
        suspects, self._suspects = sorted(self._suspects), []
        self._before, self._now = self._now, []
        if suspects and not self._moves:
            self.notices = self._check.heed(_of_faces([face_id(place) for place in suspects]))
        elif suspects:
            self._with_suspects.append(f"frame {self._frames}")
            who = f"Somebody in {listed(self._with_suspects)} of the target looks like a minor."
            self.notices = self._check.heed(who)


def _of_faces(names: Sequence[str]) -> str:
    like = "looks like a minor's" if len(names) == 1 else "look like minors'"
    return f"{listed(names)} of the target {like}."


def _was_there(face: Face, before: Sequence[Face]) -> bool:
    if not before:
        return False
    shared, _ = overlaps(face.bbox, np.array([other.bbox for other in before]))
    return bool(shared.max() >= _SAME_FACE)
