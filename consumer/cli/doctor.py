"""`swapdrop doctor`: what this machine can do, and how to mend what it cannot."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumer.cli.bucket import settings_or_exit
from consumer.cli.doctor_bucket import bucket_findings
from consumer.cli.doctor_cluster import cluster_findings
from consumer.cli.doctor_machine import machine_findings
from consumer.cli.doctor_models import model_findings
from consumer.cli.doctor_queue import queue_findings
from consumer.cli.doctor_signing import signing_findings
from consumer.cli.finding import Finding, FindingState

_EXIT: dict[FindingState, int] = {"ok": 0, "unused": 0, "degraded": 1, "broken": 2}
_VERDICT: dict[FindingState, str] = {
    "ok": "ready",
    "unused": "ready",
    "degraded": "degraded",
    "broken": "broken",
}
_COLOUR: dict[FindingState, str] = {"ok": "green", "unused": "dim", "degraded": "yellow", "broken": "red"}


def run_doctor(*, as_json: bool) -> int:
    """Print the findings; the worst of them decides the exit code: 0 ready, 1 degraded, 2 broken."""
    settings = settings_or_exit()
    findings = [
        *machine_findings(settings),
        *model_findings(settings),
        *asyncio.run(bucket_findings(settings)),
        *asyncio.run(queue_findings(settings)),
        *asyncio.run(cluster_findings(settings)),
        *signing_findings(settings),
    ]
    worst = max((finding.state for finding in findings), key=lambda state: _EXIT[state])
    if as_json:
        document = {"state": _VERDICT[worst], "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(document, indent=2))
    else:
        _print_page(findings, worst)
    return _EXIT[worst]


def _print_page(findings: Sequence[Finding], worst: FindingState) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        if finding.state == "unused":
            continue
        fix = f"\n[bold]→ {escape(finding.fix)}[/bold]" if finding.fix else ""
        state = f"[{_COLOUR[finding.state]}]{finding.state}[/]"
        table.add_row(state, escape(finding.name), f"{escape(finding.detail)}{fix}")
    unused = ", ".join(finding.name for finding in findings if finding.state == "unused")
    if unused:
        table.add_row("[dim]unused[/]", "models", f"[dim]{escape(unused)}[/]")
    console = Console()
    console.print(table)
    console.print(f"\nThis machine is [{_COLOUR[worst]}]{_VERDICT[worst]}[/].")
