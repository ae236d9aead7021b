"""What a sender should know of faces that were swapped and may yet not please."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pipeline.face import Notice, NoticeCode
from pipeline.faces.select import IdentityScale, face_id, listed
from pipeline.swap.frame import SwappedFrame
from pipeline.swap.result import Likeness

_EACH: Final = 10
"""So many faces get a warning each, and the others one together: a record is no place for thousands."""


def doubts(frame: SwappedFrame, scale: IdentityScale) -> Iterator[Notice]:
    """Yield a notice for each swapped face that looks little like its source, or that something covers.

    `scale` says what the frame's likenesses mean.
    """
    measured = {
        place: (likeness, min(frame.faces[place].size))
        for place, likeness in frame.likenesses.items()
        if likeness is not None
    }
    yield from weak_notices(measured, scale)
    yield from covered_notices(sorted(frame.covered))


def weak_notices(measured: Mapping[int, tuple[Likeness, float]], scale: IdentityScale) -> Iterator[Notice]:
    """Yield those of faces that look little like their source, of all that were measured.

    By the face's number: what it looks like, and the shorter side of its box in pixels.
    """
    weak = [place for place, (likeness, side_px) in measured.items() if is_weak(likeness, side_px, scale)]
    yield from _each(
        "weak_likeness",
        weak,
        "{} still looks more like the person before than like the source, as often where a head is turned "
        "aside or small; a target in which it looks at the camera and is larger gives a better likeness.",
    )


def covered_notices(places: Iterable[int]) -> Iterator[Notice]:
    """Yield those of faces that something covers, by their numbers."""
    yield from _each(
        "target_covered",
        list(places),
        "Something seems to cover {} in the target, such as glasses, a mask, a hand or a microphone; it may "
        "be painted over or show through.",
    )


def is_weak(likeness: Likeness, side_px: float, scale: IdentityScale) -> bool:
    """Whether a face is nearer to the person before than to its source, whom it would not be taken for.

    `side_px` is the shorter side of its box in pixels.
    """
    if side_px < scale.blind_px:
        return False  # distances of so blurred a face say nothing
    return likeness.to_target_before < likeness.to_source > scale.limit(side_px)


def _each(code: NoticeCode, places: Sequence[int], sentence: str) -> Iterator[Notice]:
    names = [face_id(place) for place in places]
    alone = _EACH if len(names) <= _EACH else _EACH - 1
    for name in names[:alone]:
        yield Notice(code=code, message=_begun(sentence.format(name)))
    if names[alone:]:
        yield Notice(code=code, message=_begun(sentence.format(f"each of {listed(names[alone:])}")))


def _begun(sentence: str) -> str:
    return sentence if sentence.startswith("face_") else sentence[0].upper() + sentence[1:]
