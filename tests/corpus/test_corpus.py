"""Odd files of every kind end in a result or in an error with a code, within their memory and their time."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from pipeline.media.pictures.decode import Limits, decode
from tests.corpus import png_files, tiff_files
from tests.corpus.bmp_files import bmp_files
from tests.corpus.bombs import bombs
from tests.corpus.damaged_files import damaged_files, mixed_files
from tests.corpus.forks import Verdict
from tests.corpus.item import RESULT, Odd
from tests.corpus.leaks import refuse_again_and_again
from tests.corpus.lies import lies
from tests.corpus.photo_files import animated_files, photo_files
from tests.corpus.report import faults, judged
from tests.corpus.strangers import strangers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")

GROUPS: dict[str, Callable[[], Iterable[Odd]]] = {
    "png": png_files.png_files,
    "tiff": tiff_files.tiff_files,
    "bmp": bmp_files,
    "photos": photo_files,
    "animations": animated_files,
    "damaged": lambda: islice(damaged_files(), 0, None, 3),  # `make corpus` takes thousands
    "mixed": mixed_files,
    "strangers": strangers,
    "lies": lies,
    "bombs": bombs,
}


@pytest.mark.parametrize("group", GROUPS)
def test_every_odd_file_ends_in_a_result_or_in_a_coded_error(group: str, tmp_path: Path) -> None:
    wrong = [
        f"{odd.name}: {fault}"
        for odd, verdict in judged(GROUPS[group](), tmp_path)
        for fault in faults(odd, verdict)
    ]
    assert wrong == []


def test_a_file_that_kills_its_process_would_be_found() -> None:
    odd = Odd(name="killer", data=b"", ends=frozenset((RESULT,)))
    dead = Verdict(name="killer", end="exit 11", peak_bytes=1 << 40, seconds=99)
    assert len(list(faults(odd, dead))) == 4


def test_layouts_of_one_picture_show_the_same_pixels() -> None:
    def pixels(data: bytes) -> list[int]:
        return decode(data, Limits()).bgr.ravel().tolist()

    for depth in (8, 16):
        for channels in (1, 3, 4):
            shown = [
                pixels(tiff_files.write(order, channels, depth, layout))
                for order in "<>"
                for layout in ("strip", "tiles", *(("planes",) if channels > 1 and depth == 8 else ()))
            ]
            assert all(one == shown[0] for one in shown)
    for colour, depth in ((0, 1), (0, 16), (2, 8), (2, 16), (3, 4), (4, 8), (6, 16)):
        plain = pixels(png_files.write(colour, depth))
        assert plain == pixels(png_files.write(colour, depth, interlaced=True))
        assert plain == pixels(png_files.write(colour, depth, idat_bytes=3))


def test_refused_files_leave_no_memory_behind() -> None:
    # In a process of its own: what other tests have left in this one comes and goes as well.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        grown_kib = process.submit(refuse_again_and_again).result()
    assert grown_kib[-1] - grown_kib[3] < 4 << 10


def test_the_judge_measures_pixels_that_are_held(tmp_path: Path) -> None:
    large = png_files.write(6, 8, size=(1500, 1500))
    ((_, verdict),) = judged([Odd(name="large", data=large)], tmp_path)
    assert verdict.end == RESULT
    assert verdict.peak_bytes > 1500 * 1500 * 4
    assert np.prod(verdict.size or 0) == 1500 * 1500
