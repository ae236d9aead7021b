"""Judge thousands of damaged pictures and some videos, drawn anew by `--seed`: `make corpus`.

Prints what went wrong, with the seed that brings it back; ends with 1 if anything did.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.corpus.clips import damaged as damaged_clips
from tests.corpus.clips import report as clip_report
from tests.corpus.damaged_files import damage, sound_bodies
from tests.corpus.photo_files import animated_files, photo_files
from tests.corpus.png_files import png_files
from tests.corpus.report import faults, judged
from tests.corpus.tiff_files import tiff_files

_Judged = tuple[str, str, list[str]]
"""A file's name, how its job ended, and what is wrong with that."""


def _pictures(bodies: Mapping[str, bytes], seed: int) -> Iterator[_Judged]:
    with tempfile.TemporaryDirectory() as folder:
        for odd, verdict in judged(damage(bodies, random.Random(seed), cuts=3, flips=2), Path(folder)):
            yield odd.name, verdict.end, list(faults(odd, verdict))


def _clips(seed: int) -> Iterator[_Judged]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as whole:
        fresh = damaged_clips.fresh_clips(damaged_clips.sound_bodies(Path(whole)), random.Random(seed))
        for odd, verdict in clip_report.judged(fresh, Path(folder)):
            yield odd.name, verdict.end, list(clip_report.faults(odd, verdict))


def main() -> int:
    """Draw, judge, tell."""
    parser = argparse.ArgumentParser(prog="make corpus")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=1, help="some 4000 pictures and 60 videos each")
    asked = parser.parse_args()
    bodies, ends, wrong = sound_bodies(), Counter[str](), list[str]()
    for make in (photo_files, animated_files, png_files, tiff_files):
        bodies.update({odd.name: odd.data for odd in make()})
    for seed in range(asked.seed, asked.seed + asked.rounds):
        for odd, end, fault in (*_pictures(bodies, seed), *_clips(seed)):
            ends[end] += 1
            wrong += [f"seed {seed}, {odd}: {each}" for each in fault]
    sys.stdout.write("\n".join((*wrong, f"seed {asked.seed}: {dict(ends)}, {len(wrong)} wrong\n")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
