"""`make chaos`: prints what became of the jobs; exits 1 if any was lost, done twice or ended wrongly."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.chaos.run import Outcome, Plan, unleash
from tests.support.s3_servers import seaweedfs_server

_SHOWN = 20


def main() -> int:
    """Run it as the arguments say."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--consumers", type=int, default=4)
    parser.add_argument("--give-up-s", type=float, default=600)
    given = parser.parse_args()
    plan = Plan(seed=given.seed, jobs=given.jobs, consumers=given.consumers, give_up_s=given.give_up_s)
    console = Console(width=120, highlight=False)
    console.print(f"seed {plan.seed}: {plan.jobs} jobs, {plan.consumers} consumers on SeaweedFS")
    with tempfile.TemporaryDirectory(prefix="swapdrop-chaos-") as folder, seaweedfs_server() as server:
        outcome = asyncio.run(unleash(plan, server, Path(folder), console.print))
    _show(outcome, console)
    return 0 if outcome.verdict.ok else 1


def _show(outcome: Outcome, console: Console) -> None:
    verdict = outcome.verdict
    table = Table(show_header=False, box=None, pad_edge=False)
    completed = verdict.ends["completed"]
    cancelled = verdict.ends["cancelled"]
    failed = {end: count for end, count in sorted(verdict.ends.items()) if end.startswith("failed")}
    table.add_row("jobs", str(verdict.jobs))
    table.add_row("  completed", str(completed))
    table.add_row("  cancelled", str(cancelled))
    for end, count in failed.items():
        table.add_row(f"  {end}", str(count))
    table.add_row("announced again", str(outcome.repeats))
    table.add_row("cancels asked for", str(outcome.cancels))
    attempts = ", ".join(f"{count} in {number}" for number, count in sorted(verdict.attempts.items()))
    table.add_row("jobs by attempts", attempts)
    table.add_row("done to consumers", _counted(outcome.blows))
    table.add_row("faults of the store", f"{_counted(outcome.faults)} in {outcome.calls} calls")
    table.add_row("results of dead attempts, unseen", str(outcome.unseen_results))
    table.add_row("took", f"{outcome.took_s:.0f} s")
    for name, found in verdict.faults.items():
        table.add_row(name, str(len(found)) if found else "0")
    console.print(table)
    for name, found in verdict.faults.items():
        for line in found[:_SHOWN]:
            console.print(f"{name}: {line}", markup=False)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
