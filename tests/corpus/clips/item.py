"""One clip of the corpus, how its job may end, and what a result has to show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from tests.corpus.item import CORRUPT, RESULT, TOO_LARGE, UNSUPPORTED
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe

NO_FACE = "no_face_in_target"
ANY = frozenset((RESULT, CORRUPT, UNSUPPORTED, TOO_LARGE, NO_FACE))
"""How the job of a damaged clip may end."""

JobName = Literal["single-video", "detect-faces"]
EngineName = Literal["anywhere", "mesh"]


@dataclass(frozen=True, kw_only=True)
class Shows:
    """What a result has to show; None is not looked at.

    Attributes:
        size: width and height in pixels.
        frames: how many.
        seconds: from the first frame to the end of the last.
        numbers: what each frame says that it is, upright, by `tests.support.clips.frames.picture`.
        sounds: how many streams of sound.
        sound_seconds: how long each of them is heard.
        swapped: in which share of the frames at least a face is swapped.
        faces: how many faces are swapped, or found.
        is_grey: whether the red corner that tells which way is up has no colour.
    """

    size: tuple[int, int] | None = None
    frames: int | None = None
    seconds: float | None = None
    numbers: tuple[int, ...] | None = None
    sounds: int | None = None
    sound_seconds: float | None = None
    swapped: float = 1.0
    faces: int = 1
    is_grey: bool = False


@dataclass(frozen=True, kw_only=True)
class OddClip:
    """A clip by a name for the report, and in what its job may end: RESULT, or an error's code.

    `write` puts it into a folder of its own and tells where it is.
    """

    name: str
    write: Callable[[Path], Path]
    ends: frozenset[str] = ANY
    shows: Shows = Shows()
    job: JobName = "single-video"
    engine: EngineName = "anywhere"


BASE = Recipe(
    count=12,
    size=(112, 80),
    rate=Fraction(25),
    options={"preset": "ultrafast", "g": "6", "bf": "2", "crf": "15"},
)
"""What most clips are like: half a second, small enough to cost little, wide enough for a number."""


def sound_clip(name: str, recipe: Recipe = BASE, /, **shows: object) -> OddClip:
    """A clip that has to be read, whose result shows all that its recipe says, or else what `shows` says."""
    return OddClip(
        name=name,
        write=lambda folder: make(folder / f"clip.{recipe.extension}", recipe),
        ends=frozenset((RESULT,)),
        shows=replace(shown_by(recipe), **shows),  # type: ignore[arg-type] # fields of several types
    )


def shown_by(recipe: Recipe) -> Shows:
    """What a recipe's clip shows: upright, of even size, every frame, with all of its sound."""
    width, height = recipe.size
    count = len(recipe.times) if recipe.times else recipe.count
    seconds = None if recipe.times else float(count / recipe.rate)
    return Shows(
        size=(width & ~1, height & ~1),
        frames=count,
        seconds=seconds,
        numbers=tuple(range(count)),
        sounds=len(recipe.sounds),
        sound_seconds=seconds,
    )


def clip_of_bytes(name: str, data: bytes, ends: Sequence[str], extension: str = "mp4") -> OddClip:
    """A file of some bytes, whatever they are."""
    return OddClip(
        name=name, write=lambda folder: written(folder / f"clip.{extension}", data), ends=frozenset(ends)
    )


def written(path: Path, data: bytes) -> Path:
    """Write bytes and tell where."""
    path.write_bytes(data)
    return path
