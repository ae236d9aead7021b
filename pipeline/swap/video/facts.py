"""What was done in a segment of a video, and what that comes to for all of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.face import Notice
from pipeline.faces.select import IdentityScale, face_id, listed
from pipeline.media.video.read import ReadStats
from pipeline.media.video.scan import check_damage
from pipeline.swap.choose import ChosenFaces
from pipeline.swap.doubts import covered_notices, weak_notices
from pipeline.swap.result import FaceResult, Likeness, face_result
from pipeline.tracks.cast import CastMember


@dataclass
class PersonFacts:
    """What became of one person in a segment."""

    #: In how many frames they were changed.
    frames: int = 0
    #: Of the face that was measured: its shorter side in pixels, how alike it became, whether it was covered.
    side_px: float = 0.0
    likeness: Likeness | None = None
    covered: bool = False


@dataclass
class SegmentFacts:
    """What was done in a segment, or in all of them."""

    #: Frames that were read, those in which anything was changed.
    frames: int = 0
    changed: int = 0
    #: When the first of those shows, in ticks of the target.
    first_changed: int | None = None
    #: Frames that are missing or that the decoder made up in parts, and that were brought to another size.
    damaged: int = 0
    adapted: int = 0
    people: dict[int, PersonFacts] = field(default_factory=dict)

    def read(self, stats: ReadStats) -> None:
        """Take over what happened while reading."""
        self.damaged, self.adapted = stats.bad, stats.adapted

    def to_json(self) -> dict[str, Any]:
        """As types that JSON has."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SegmentFacts":
        """What `to_json` wrote; raises TypeError, ValueError, KeyError for anything else."""
        people = {
            int(place): PersonFacts(**{**each, "likeness": each["likeness"] and Likeness(**each["likeness"])})
            for place, each in stored["people"].items()
        }
        return cls(**{**stored, "people": people})


def together(parts: Iterable[SegmentFacts]) -> SegmentFacts:
    """What segments, given in order, come to; of each person the largest face that was measured counts."""
    whole = SegmentFacts()
    for part in parts:
        whole.frames += part.frames
        whole.changed += part.changed
        whole.damaged += part.damaged
        whole.adapted += part.adapted
        if whole.first_changed is None:
            whole.first_changed = part.first_changed
        for place, person in part.people.items():
            known = whole.people.setdefault(place, PersonFacts())
            frames = known.frames + person.frames
            best = max(known, person, key=lambda each: each.side_px)
            whole.people[place] = PersonFacts(
                frames=frames, side_px=best.side_px, likeness=best.likeness, covered=best.covered
            )
    return whole


def results(people: Sequence[CastMember], chosen: ChosenFaces, facts: SegmentFacts) -> tuple[FaceResult, ...]:
    """Tell of each person of the video."""
    likenesses = {place: person.likeness for place, person in facts.people.items()}
    return tuple(
        face_result(place, member.face, source=chosen.get(place), likenesses=likenesses)
        for place, member in enumerate(people)
    )


def notices(facts: SegmentFacts, chosen: ChosenFaces, scale: IdentityScale) -> tuple[Notice, ...]:
    """What the sender should know of the frames and the faces of a video.

    Raises:
        MediaCorrupt: too many frames were damaged.
    """
    check_damage(facts.frames, bad=facts.damaged)
    return (*_of_frames(facts), *_of_faces(facts, chosen, scale))


def _of_frames(facts: SegmentFacts) -> Iterable[Notice]:
    if facts.damaged:
        message = f"{facts.damaged} of {facts.frames} frames of the video are missing or damaged."
        yield Notice(code="frames_damaged", message=message)
    if facts.adapted:
        message = f"{facts.adapted} of {facts.frames} frames had another size, and were brought to the first."
        yield Notice(code="frames_resized", message=message)
    if facts.changed < facts.frames:
        count = f"{facts.frames - facts.changed} of {facts.frames} frames"
        message = f"{count} show no face to swap and stay as they were."
        yield Notice(code="frames_unchanged", message=message)


def _of_faces(facts: SegmentFacts, chosen: ChosenFaces, scale: IdentityScale) -> Iterable[Notice]:
    never = [face_id(place) for place in sorted(chosen) if place not in facts.people]
    if never:
        message = f"Left as in the target in every frame, being too small or cut off: {listed(never)}."
        yield Notice(code="faces_not_swapped", message=message)
    measured = {
        place: (person.likeness, person.side_px)
        for place, person in sorted(facts.people.items())
        if person.likeness is not None
    }
    yield from weak_notices(measured, scale)
    yield from covered_notices(place for place, person in sorted(facts.people.items()) if person.covered)
