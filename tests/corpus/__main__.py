"""Judge thousands of damaged files, drawn anew by `--seed`: `make corpus`.

Prints what went wrong, with the seed that brings it back; ends with 1 if anything did.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.corpus.damaged_files import damage, sound_bodies
from tests.corpus.photo_files import animated_files, photo_files
from tests.corpus.png_files import png_files
from tests.corpus.report import faults, judged
from tests.corpus.tiff_files import tiff_files


def main() -> int:
    """Draw, judge, tell."""
    parser = argparse.ArgumentParser(prog="make corpus")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=1, help="some 4000 files each")
    asked = parser.parse_args()
    bodies = sound_bodies()
    for make in (photo_files, animated_files, png_files, tiff_files):
        bodies.update({odd.name: odd.data for odd in make()})
    ends, wrong = Counter[str](), list[str]()
    for number in range(asked.rounds):
        draw = random.Random(asked.seed + number)
        with tempfile.TemporaryDirectory() as folder:
            for odd, verdict in judged(damage(bodies, draw, cuts=3, flips=2), Path(folder)):
                ends[verdict.end] += 1
                wrong += [
                    f"seed {asked.seed + number}, {odd.name}: {fault}" for fault in faults(odd, verdict)
                ]
    sys.stdout.write("\n".join((*wrong, f"seed {asked.seed}: {dict(ends)}, {len(wrong)} wrong\n")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
