"""Refuse the same files again and again, and see how large the process grows."""

from itertools import islice
from pathlib import Path

from pipeline.errors import InputError
from pipeline.media.pictures.decode import decode
from tests.corpus.damaged_files import mixed_files
from tests.corpus.judge import LIMITS, run_job
from tests.corpus.lies import lies

_ROUNDS = 12
_FILES = 50
_EVERY = 4  # of the files, as their kinds lie together
_SMALL_BYTES = 1 << 16


def refuse_again_and_again() -> list[int]:
    """The resident memory of this process in KiB after each round of the jobs of refused files."""
    some = islice((*mixed_files(), *lies()), 0, None, _EVERY)
    bodies = list(islice((odd.data for odd in some if _is_refused_at_once(odd.data)), _FILES))
    if len(bodies) < _FILES:
        raise RuntimeError(f"only {len(bodies)} files are refused at once")
    grown_kib = list[int]()
    for _ in range(_ROUNDS):
        for body in bodies:
            run_job("leak", body)
        grown_kib.append(_resident_kib())
    return grown_kib


def _is_refused_at_once(data: bytes) -> bool:
    if len(data) > _SMALL_BYTES:
        return False
    try:
        decode(data, LIMITS)
    except InputError:
        return True
    return False


def _resident_kib() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4
