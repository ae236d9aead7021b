"""Many consumers on one inbox: how often they get in each other's way, counted in virtual time."""

import pytest

from storage import keys
from tests.faults.simulation.run import play
from tests.faults.simulation.scenario import JobPlan, Nature, Queueing, Scenario


def crowd(consumers: int, jobs: int) -> Scenario:
    """That many jobs, announced at once to that many consumers, whom nothing disturbs."""
    return Scenario(
        seed=consumers,
        consumers=consumers,
        max_in_flight=2,
        jobs=tuple(_plan(number) for number in range(jobs)),
        disturbances=frozenset(),
        mishaps=(),
        likelihood=0,
        queueing=Queueing.NONE,
        calm_from_s=0,
    )


def _plan(number: int) -> JobPlan:
    return JobPlan(
        name=f"job-{number}",
        nature=Nature.QUICK,
        is_folder=False,
        announced_s=0,
        work_s=0.5,
        cancelled_s=None,
        announced_again_s=None,
        has_twin=False,
        comes_by_queue=False,
        withdrawn_s=None,
        waits_s=0,
        upload_s=0,
    )


@pytest.mark.parametrize(("consumers", "in_vain"), [(1, 0), (8, 1.25)])
def test_the_records_looked_at_in_vain_and_the_listings_are_bounded_per_job(
    consumers: int, in_vain: float
) -> None:
    jobs = 100  # over many seeds eight consumers look at one record a job in vain, give or take a tenth
    calls = play(crowd(consumers, jobs)).calls
    looked_at = {(process, key) for process, _, key in calls if key.startswith(keys.STATUS)}
    listings = sum(times for (_, op, key), times in calls.items() if (op, key) == ("list", keys.INBOX))
    assert len(looked_at) - jobs <= in_vain * jobs
    assert listings <= 0.5 * jobs
