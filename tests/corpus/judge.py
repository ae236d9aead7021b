"""Send files through a whole picture job, each in a process of its own, and tell how it ended.

Run as `python -m tests.corpus.judge FOLDER`: reads the files of a folder and prints one JSON line for each.
"""

import sys
from pathlib import Path

import numpy as np

from pipeline.errors import InputError
from pipeline.face import Bgr, Face
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.encode import OutputFormat
from pipeline.swap.request import Every, SwapRequest
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.whole import SwappedFile, swap_file
from tests.corpus.forks import Verdict, judge_in_forks
from tests.corpus.item import RESULT
from tests.support.engines import FlatEngine, picture, png
from tests.support.requests import MARK, a_request

LIMITS = Limits(max_pixels=4_000_000, max_bytes=20_000_000, max_frames=200, max_animation_pixels=16_000_000)
TIMEOUT_S = 20


class AnywhereEngine(FlatEngine):
    """Finds one face in the middle of any picture."""

    def find_faces(self, picture: Bgr) -> list[Face]:
        height, width = picture.shape[:2]
        left, top = width // 4, height // 4
        bbox = np.array((left, top, max(left + 1, width * 3 // 4), max(top + 1, height * 3 // 4)), np.float32)
        kps = np.full((5, 2), (width / 2, height / 2), np.float32)
        return [Face(bbox=bbox, score=0.9, kps=kps)]


def request_for(target: bytes) -> SwapRequest:
    """Ask for a swap of the face that `AnywhereEngine` finds in a target."""
    return a_request(png(picture()), target, choice=Every())


def swap(request: SwapRequest, requested: OutputFormat | None = None, *, mark: Mark = MARK) -> SwappedFile:
    """Do a whole job: decode, swap, encode."""
    return swap_file(Swapper(AnywhereEngine()), request, LIMITS, requested=requested, quality=90, mark=mark)


def run_job(name: str, data: bytes) -> Verdict:
    """Do a target's job and tell how it ended; anything but an InputError passes."""
    reckoned = 0
    try:
        request = request_for(data)
        reckoned = Swapper(AnywhereEngine()).open(request, LIMITS, Timings()).memory_bytes()
        written = swap(request).written
    except InputError as error:
        return Verdict(name=name, end=error.code, message=str(error), reckoned_bytes=reckoned)
    return Verdict(name=name, end=RESULT, size=(written.width, written.height), reckoned_bytes=reckoned)


if __name__ == "__main__":
    judge_in_forks(
        Path(sys.argv[1]).iterdir(), lambda path: run_job(path.name, path.read_bytes()), timeout_s=TIMEOUT_S
    )
