"""What happens in one run, drawn from its seed: jobs, consumers, and what disturbs them."""

import random
from dataclasses import dataclass, replace
from enum import Enum

from tests.faults.simulation.network import DEATH, FREEZE, NETWORK, Mishap


class Nature(Enum):
    """What becomes of a job that nobody disturbs."""

    QUICK = "quick"
    LONG = "long"  # longer than a lease without heartbeats
    BAD = "bad"  # its input is not there: fails at once
    FLAKY = "flaky"  # its first attempt fails for a passing reason
    BROKEN = "broken"  # every attempt fails for a passing reason
    POISON = "poison"  # kills every consumer that works on it
    STUCK = "stuck"  # the device never comes back from it
    SICK = "sick"  # its first attempt finds the machine's device gone


class Disturbance(Enum):
    """A kind of trouble that a run may have."""

    NETWORK = "network"
    DEATHS = "deaths"
    FREEZES = "freezes"
    CUTS = "cuts"
    THROTTLING = "throttling"
    CANCELS = "cancels"
    DUPLICATES = "duplicates"
    DRAINS = "drains"


_ROUGH = {Disturbance.NETWORK: NETWORK, Disturbance.DEATHS: DEATH, Disturbance.FREEZES: FREEZE}
_NATURES = (*[Nature.QUICK] * 5, *[Nature.LONG] * 3, *list(Nature)[2:])
_CALM_FROM_S = 240.0


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """One job; times in virtual seconds, None for what does not happen."""

    name: str
    nature: Nature
    is_folder: bool
    announced_s: float
    work_s: float
    cancelled_s: float | None
    announced_again_s: float | None  # after its end, as a rule
    has_twin: bool  # a second inbox entry names the same job
    comes_by_queue: bool  # as a raw manifest in a message, and not in the inbox
    withdrawn_s: float | None  # its inbox entry is removed, if it has begun and not ended by then
    waits_s: float  # for its turn, once it is claimed
    upload_s: float  # before its result is sent: a large one takes longer than a lease


class Queueing(Enum):
    """Whether a queue announces jobs beside the inbox, and how its messages are acknowledged."""

    NONE = "none"
    HELD = "held"  # once the job has ended, as SQS lets us
    CLAIMED = "claimed"  # once the job is claimed, as Cloudflare's queues force us


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run's plan; nothing disturbs it any more after `calm_from_s`."""

    seed: int
    consumers: int
    max_in_flight: int
    jobs: tuple[JobPlan, ...]
    disturbances: frozenset[Disturbance]
    mishaps: tuple[Mishap, ...]
    likelihood: float
    queueing: Queueing
    calm_from_s: float


def draw_scenario(seed: int) -> Scenario:
    """The scenario of a seed."""
    rng = random.Random(f"scenario {seed}")
    disturbances = frozenset(rng.sample(list(Disturbance), rng.choice((0, 1, 2, 3, 4))))
    queueing = rng.choice((Queueing.NONE, *Queueing))
    return Scenario(
        seed=seed,
        consumers=rng.randint(2, 3),
        max_in_flight=rng.choice((1, 2, 4)),
        jobs=tuple(
            _draw_wait(seed, _draw_withdrawal(seed, _draw_job(rng, number, disturbances, queueing), queueing))
            for number in range(rng.choice((1, 1, 2)))
        ),
        disturbances=disturbances,
        mishaps=tuple(mishap for kind, some in _ROUGH.items() if kind in disturbances for mishap in some),
        likelihood=rng.choice((0.03, 0.1, 0.25)),
        queueing=queueing,
        calm_from_s=_CALM_FROM_S,
    )


def _draw_job(
    rng: random.Random, number: int, disturbances: frozenset[Disturbance], queueing: Queueing
) -> JobPlan:
    nature = rng.choice(_NATURES)
    cancelled = Disturbance.CANCELS in disturbances and rng.random() < 0.5
    doubled = Disturbance.DUPLICATES in disturbances
    is_folder = rng.random() < 0.2
    return JobPlan(
        name=f"job-{number}",
        nature=nature,
        is_folder=is_folder,
        announced_s=rng.uniform(0, 20),
        work_s=rng.uniform(60, 200) if nature is Nature.LONG else rng.uniform(0.1, 5),
        cancelled_s=rng.uniform(0, 150) if cancelled else None,
        announced_again_s=rng.uniform(0, 300) if doubled and rng.random() < 0.5 else None,
        has_twin=doubled and not is_folder and rng.random() < 0.5,
        comes_by_queue=queueing is not Queueing.NONE and not is_folder and rng.random() < 0.4,
        upload_s=rng.uniform(20, 200) if rng.random() < 0.2 else 0.0,
        withdrawn_s=None,
        waits_s=0.0,
    )


def _draw_withdrawal(seed: int, plan: JobPlan, queueing: Queueing) -> JobPlan:
    """Have the entry of some jobs removed while they run.

    Not beside a queue: a message whose entry is gone is acknowledged, whatever has become of its job.
    """
    rng = random.Random(f"withdrawal {seed} {plan.name}")
    if queueing is not Queueing.NONE or plan.is_folder or rng.random() > 0.3:
        return plan
    return replace(plan, withdrawn_s=rng.uniform(1, 60))


def _draw_wait(seed: int, plan: JobPlan) -> JobPlan:
    """Have some jobs wait behind others that nobody sees, so that their owners may die before they begin."""
    rng = random.Random(f"wait {seed} {plan.name}")
    return replace(plan, waits_s=rng.uniform(1, 60)) if rng.random() < 0.3 else plan
