"""From what became of every scene to figures beside their promises."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from tests.bench.report import Row, row
from tests.quality.judge import FaceOutcome, Identity, Outcome
from tests.quality.mapped import Verdict

# What is promised, over all faces of a kind; where a kind is named, it is promised less, or nothing.
_FOUND: Final = 1.0
_FOUND_LESS: Final = {"cut by the edge": 0.95}
_OFF_PERCENT: Final = 4.0
_OFF_MORE: Final[dict[str, float | None]] = {"blurred": None, "turned aside": 8.0, "overlapping": None}
_TO_SOURCE: Final = 0.9  # of the untouched target's distance
_RECOGNISED_LESS: Final[dict[str, float | None]] = {"blurred": None}
_TO_SOURCE_LESS: Final[dict[str, float | None]] = {"bearded": None}  # a beard says who somebody is
_LIGHT: Final = 6.0  # L of 100
_LIGHT_LESS: Final[dict[str, float | None]] = {"spectacled": None}  # a dark rim lies where the light is told
_STEP: Final = 1.1  # of the untouched picture's
_COUNTED: Final = ("mapped", "right", "told", "bystanders", "untouched")
_LEVELS: Final = 16  # of 255, in the worst 10 degrees of the worst face
_TONE: Final = 3.0  # CIEDE2000; 2.3 is about what people just notice
# Of small faces, dark frames and sockets are much of the middle; a beard that is drawn makes it dark.
_TONE_MORE: Final[dict[str, float | None]] = {"in a 1080p frame": 3.5, "bearded": None}


def kind_rows(kind: str, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """The figures of all scenes of one kind."""
    every = [face for outcome in outcomes for face in outcome.faces]
    faces = [face for face in every if face.found]
    yield row(
        f"{kind}: found", len(faces), "faces", reference=len(every), at_least=_FOUND_LESS.get(kind, _FOUND)
    )
    if not faces:
        return
    off = [100 * face.move for face in faces if face.move is not None]
    yield row(f"{kind}: landmarks off, median", float(np.median(off)), "% of face")
    yield row(
        f"{kind}: landmarks off, worst", max(off), "% of face", at_most=_OFF_MORE.get(kind, _OFF_PERCENT)
    )
    yield from identity_rows(kind, [face.identity for face in faces if face.identity is not None])
    yield from seam_rows(kind, faces)


def identity_rows(kind: str, identities: Sequence[Identity]) -> Iterator[Row]:
    """Does the result show the source; and is a face still known after what was done to it, unswapped."""
    known = sum(each.own < each.other for each in identities)
    yield row(
        f"{kind}: nearer to its own portrait, unswapped",
        known,
        "faces",
        reference=len(identities),
        at_least=_RECOGNISED_LESS.get(kind, 1.0),
    )
    results = [each for each in identities if each.to_source is not None]
    yield row(
        f"{kind}: found again, swapped", len(results), "faces", reference=len(identities), at_least=0.95
    )
    to_source = float(np.median([each.to_source for each in results if each.to_source is not None]))
    before = float(np.median([each.other for each in results]))
    promised = _TO_SOURCE_LESS.get(kind, _TO_SOURCE)
    yield row(f"{kind}: to the source, to before", to_source, "", reference=before, at_most=promised)
    to_before = [each.to_before for each in results if each.to_before is not None]
    yield row(f"{kind}: to the target before", float(np.median(to_before)), "")


def seam_rows(kind: str, faces: Sequence[FaceOutcome]) -> Iterator[Row]:
    """Colour across the border and in the middle of the face."""
    seams = [face.seam for face in faces if face.seam is not None]
    yield row(f"{kind}: swapped", len(seams), "faces", reference=len(faces), at_least=1)
    after, before = (np.concatenate([getattr(seam, when) for seam in seams]) for when in ("after", "before"))
    yield row(
        f"{kind}: across the border, to before",
        float(after.mean()),
        "dE",
        reference=float(before.mean()),
        at_most=_STEP,
    )
    yield row(f"{kind}: added across the border, 95 of 100", float(np.percentile(after - before, 95)), "dE")
    steps = [seam.step for seam in seams if seam.step is not None]
    if steps:
        yield row(f"{kind}: step at the border, worst", max(steps), "levels", at_most=_LEVELS)
    moved = [face.light for face in faces if face.light is not None]
    if moved:
        yield row(
            f"{kind}: light moved, median",
            float(np.median(moved)),
            "L",
            at_most=_LIGHT_LESS.get(kind, _LIGHT),
        )
        yield row(f"{kind}: light moved, worst", max(moved), "L")
    yield row(
        f"{kind}: tone",
        float(np.median([seam.tone for seam in seams])),
        "dE",
        at_most=_TONE_MORE.get(kind, _TONE),
    )


def overall_rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """What holds for all scenes together."""
    strangers = sum(outcome.strangers for outcome in outcomes)
    outside, touched = (
        sum(getattr(outcome, what) for outcome in outcomes) for what in ("outside", "touched")
    )
    yield row("faces found where there is none", strangers, "faces", at_most=0)
    yield row("pixels unchanged outside of faces", outside - touched, "px", reference=outside, at_least=1)
    each = [outcome.swap_ms / len(outcome.faces) for outcome in outcomes]
    yield row(
        "time to find all faces of a picture, median", float(np.median([it.find_ms for it in outcomes])), "ms"
    )
    yield row("time to swap a face, median", float(np.median(each)), "ms")
    yield row("time to swap a face, worst", max(each), "ms")


def mapped_rows(name: str, verdicts: Sequence[Verdict], *, right: float, told: float) -> Iterator[Row]:
    """Whether sources got where they had to; `right` and `told` are the least shares that are promised."""
    total = {what: sum(getattr(verdict, what) for verdict in verdicts) for what in _COUNTED}
    yield row(
        f"{name}: onto the right face", total["told"], "faces", reference=total["mapped"], at_least=told
    )
    yield row(
        f"{name}: now nearer to its source",
        total["right"],
        "faces",
        reference=total["mapped"],
        at_least=right,
    )
    if total["bystanders"]:
        yield row(
            f"{name}: others with every pixel kept",
            total["untouched"],
            "faces",
            reference=total["bystanders"],
            at_least=1,
        )


def repeat_rows(first: Sequence[str], others: Sequence[Sequence[str]]) -> Iterator[Row]:
    """Digests of one run, and of the same scenes in threads side by side."""
    same = sum(len({*digests}) == 1 for digests in zip(first, *others, strict=True))
    yield row("same pixels thrice, twice in two threads", same, "pictures", reference=len(first), at_least=1)


def recognised_rows(treatment: str, distances: Sequence[tuple[float, float] | None]) -> Iterator[Row]:
    """Swapped faces after a treatment: distances to the portraits of source and target."""
    nearer = sum(each is not None and each[0] < each[1] for each in distances)
    yield row(
        f"after {treatment}: nearer to the source", nearer, "faces", reference=len(distances), at_least=0.9
    )
    found = [each[0] for each in distances if each is not None]
    if found:
        yield row(f"after {treatment}: to the source", float(np.median(found)), "")
