"""What the judge's verdicts mean: what is wrong with how a file ended."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.corpus.forks import Verdict
from tests.corpus.item import RESULT, Odd
from tests.corpus.judge import TIMEOUT_S

_SLACK_BYTES = 32 << 20
"""What a job may take beside its pixels: 6 to 14 MB of the libraries' code and tables, read at first use."""
_COPIES = 4  # of a file, while its parts are sorted


def judged(files: Iterable[Odd], folder: Path) -> Iterator[tuple[Odd, Verdict]]:
    """Send files to the judge; each comes back with its verdict."""
    by_name = {}
    for number, odd in enumerate(files):
        name = f"{number:05}"
        (folder / name).write_bytes(odd.data)
        by_name[name] = odd
    judge = [sys.executable, "-m", "tests.corpus.judge", str(folder)]
    lines = subprocess.run(judge, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert len(lines) == len(by_name)
    for line in lines:
        verdict = Verdict(**json.loads(line))
        yield by_name[verdict.name], verdict


def faults(odd: Odd, verdict: Verdict) -> Iterator[str]:
    """What is wrong with how a file ended."""
    if verdict.end not in odd.ends:
        yield f"ended in {verdict.end!r} {verdict.message}, not in {sorted(odd.ends)}"
    if verdict.end == RESULT and odd.size is not None and tuple(verdict.size or ()) != odd.size:
        yield f"is {verdict.size} in size, not {odd.size}"
    if verdict.end != RESULT and not is_sentence(verdict.message):
        yield f"says {verdict.message!r}"
    bound = verdict.reckoned_bytes + _COPIES * len(odd.data) + _SLACK_BYTES
    if verdict.peak_bytes > bound:
        yield f"took {verdict.peak_bytes >> 20} MiB of {bound >> 20}"
    if verdict.seconds > TIMEOUT_S:
        yield f"took {verdict.seconds:.0f} s"


def is_sentence(message: str) -> bool:
    """Whether a message is one sentence for a person, with no path in it."""
    return bool(re.fullmatch(r"[A-Z][^\n]{15,300}\.", message)) and "/" not in message
