"""What the judge's verdicts on clips mean: what is wrong with how a job ended, or with its result."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.corpus.clips.item import OddClip, Shows
from tests.corpus.clips.judge import TIMEOUT_S, ClipVerdict
from tests.corpus.clips.look import Seen
from tests.corpus.item import RESULT
from tests.corpus.report import is_sentence

_SLACK_BYTES = {"anywhere": 128 << 20, "mesh": 256 << 20}
"""What a job may take beside its frames, by its engine: an encoder's threads, libraries, weights."""
_OFF_S = 0.15
"""How much longer or shorter sound may be: its last packet is filled up."""


def judged(clips: Iterable[OddClip], folder: Path) -> Iterator[tuple[OddClip, ClipVerdict]]:
    """Make clips and send them to the judge; each comes back with its verdict."""
    by_name = {}
    ready = folder / "ready"
    ready.mkdir()
    for number, odd in enumerate(clips):
        making = folder / f"{number}"
        making.mkdir()
        made = odd.write(making)
        name = f"{number:05}.{odd.job}.{odd.engine}{made.suffix}"
        made.replace(ready / name)
        shutil.rmtree(making)
        by_name[name] = odd
    judge = [sys.executable, "-m", "tests.corpus.clips.judge", str(ready)]
    lines = subprocess.run(judge, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert len(lines) == len(by_name)
    for line in lines:
        told = json.loads(line)
        seen = told.pop("seen", None)
        verdict = ClipVerdict(**told, seen=None if seen is None else _seen(seen))
        yield by_name[verdict.name], verdict


def _seen(told: dict[str, object]) -> Seen:
    """As it was before it was written as JSON, which has no tuples."""
    return Seen(**{name: tuple(value) if isinstance(value, list) else value for name, value in told.items()})  # type: ignore[arg-type] # of several types


def faults(odd: OddClip, verdict: ClipVerdict) -> Iterator[str]:
    """What is wrong with how a clip ended."""
    if verdict.end not in odd.ends:
        yield f"ended in {verdict.end!r} {verdict.message}, not in {sorted(odd.ends)}"
    if verdict.end != RESULT and not is_sentence(verdict.message):
        yield f"says {verdict.message!r}"
    if verdict.left:
        yield f"left {', '.join(verdict.left)}"
    bound = verdict.reckoned_bytes + _SLACK_BYTES[odd.engine]
    if verdict.peak_bytes > bound:
        yield f"took {verdict.peak_bytes >> 20} MiB of {bound >> 20}"
    if verdict.seconds > TIMEOUT_S:
        yield f"took {verdict.seconds:.0f} s"
    if verdict.end == RESULT:
        yield from _faults_of_result(odd, verdict)


def _faults_of_result(odd: OddClip, verdict: ClipVerdict) -> Iterator[str]:
    frames, faces = verdict.told
    if odd.shows.faces != faces:
        yield f"tells of {faces} faces, not {odd.shows.faces}"
    if odd.shows.size is not None and tuple(verdict.size or ()) != odd.shows.size:
        yield f"tells of {verdict.size} pixels, not {odd.shows.size}"
    if odd.shows.frames not in (None, frames):
        yield f"tells of {frames} frames, not {odd.shows.frames}"
    if verdict.seen is None:
        return
    if verdict.seen.frames != frames:
        yield f"tells of {frames} frames and shows {verdict.seen.frames}"
    if not verdict.seen.rising or not verdict.seen.frames:
        yield "shows frames out of order, or none"
    if odd.engine == "anywhere" and verdict.seen.swapped < verdict.seen.frames * odd.shows.swapped:
        yield f"is swapped in {verdict.seen.swapped} frames of {verdict.seen.frames}"
    yield from _differences(odd.shows, verdict.seen)


def _differences(wanted: Shows, seen: Seen) -> Iterator[str]:
    if wanted.size not in (None, seen.size):
        yield f"is {seen.size} in size, not {wanted.size}"
    if wanted.seconds is not None and abs(seen.seconds - wanted.seconds) > 2 / 1000:
        yield f"lasts {seen.seconds:.4f} s, not {wanted.seconds:.4f}"
    if wanted.numbers is not None and seen.numbers and seen.numbers != wanted.numbers:
        yield f"shows {seen.numbers}, not {wanted.numbers}"
    if wanted.numbers is not None and not wanted.is_grey and seen.upright != len(seen.numbers):
        yield f"is upright in {seen.upright} frames of {len(seen.numbers)}"
    if wanted.sounds not in (None, len(seen.sound_seconds)):
        yield f"has {len(seen.sound_seconds)} streams of sound, not {wanted.sounds}"
    if wanted.sound_seconds is not None:
        for heard in seen.sound_seconds:
            if abs(heard - wanted.sound_seconds) > _OFF_S:
                yield f"is heard for {heard:.2f} s, not {wanted.sound_seconds:.2f}"
