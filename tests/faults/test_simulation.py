"""Many consumers on one bucket, thousands of times, with everything that can go wrong: see `simulation`.

`SIMULATE_RUNS=20000` makes it more; `make simulate` uses all cores, and
`python -m tests.faults.simulation --show SEED` shows one run.
"""

import os
import re
from collections import Counter

import pytest

from consumer.telemetry.metrics import Metrics
from storage.records.status import TERMINAL
from tests.faults.simulation.bugs import BUGS, plant
from tests.faults.simulation.loop import Stuck
from tests.faults.simulation.network import Mishap
from tests.faults.simulation.referee import Violation
from tests.faults.simulation.run import simulate
from tests.faults.simulation.scenario import Nature

_SHARDS = 4  # so that workers can share them
_RUNS = int(os.environ.get("SIMULATE_RUNS", "200"))
_MOST_RUNS_TO_FIND_A_BUG = 300
_EVENTS = (
    *("CUT OFF", "SIGTERM", "FREEZES", "goes on", "asks for the end", "removes the entry", "twin"),
    "was only claimed and does not count",
    *("ENDS Exit.SICK", "ENDS Exit.DRAINED", "acknowledges a message", "queue: hold"),
)


def play(end: int, *, first: int = 0, step: int = 1) -> None:
    metrics = Metrics()
    for seed in range(first, end, step):
        simulate(seed, metrics)


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.timeout(max(120, _RUNS))
def test_no_promise_is_broken_whatever_befalls_the_consumers(shard: int) -> None:
    play(_RUNS, first=shard, step=_SHARDS)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    with plant(bug), pytest.raises((Violation, Stuck)):
        play(_MOST_RUNS_TO_FIND_A_BUG)


def test_a_seed_gives_the_same_run_each_time() -> None:
    assert [simulate(seed).trace for seed in range(10)] == [simulate(seed).trace for seed in range(10)]


def test_the_runs_meet_all_that_they_are_meant_to() -> None:
    seen = Counter[str]()
    for seed in range(150):
        text = "\n".join(simulate(seed).trace)
        seen.update({mishap.value for mishap in Mishap if mishap.value in text})
        seen.update({f"({nature.value})" for nature in Nature if f"({nature.value})" in text})
        seen.update(re.findall(rf"{'|'.join(_EVENTS)}", text))
        seen.update(re.findall(rf": ({'|'.join(TERMINAL)}), attempt", text))
    wanted = {
        *(mishap.value for mishap in Mishap),
        *(f"({nature.value})" for nature in Nature),
        *_EVENTS,
        *TERMINAL,
    }
    assert not wanted - set(seen)


def test_a_failure_comes_with_its_seed_and_its_trace() -> None:
    with plant("early inbox delete"), pytest.raises(Violation) as raised:
        play(_MOST_RUNS_TO_FIND_A_BUG)
    notes = "\n".join(raised.value.__notes__)
    assert notes.startswith("seed ")
    assert re.search(r"delete inbox/\S+: not allowed$", notes)
