"""The command lines of `swapdrop jobs` and `swapdrop dead-letter`: names, help texts and options only."""
# ruff: noqa: PLC0415 -- commands import what they need when they run: --help answers at once

from typing import Annotated

import typer

jobs_app = typer.Typer(
    name="jobs",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="All jobs of the bucket: listing, explaining, doing again, purging.",
)
dead_letter_app = typer.Typer(
    name="dead-letter",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Jobs that used up their attempts.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a page for people.")]
StateOption = Annotated[
    str | None,
    typer.Option("--status", help="Only jobs that are pending, processing, completed, failed, cancelled."),
]
JobIds = Annotated[list[str], typer.Argument(help="Ids of jobs that have ended.", show_default=False)]


@jobs_app.command("list")
def jobs_list(
    *,
    state: StateOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    json_output: Json = False,
) -> None:
    """List the jobs that were written last, newest first, and what in the inbox is no job."""
    from consumer.cli.admin import check_state, list_jobs

    raise typer.Exit(list_jobs(state=check_state(state), limit=limit, as_json=json_output))


@jobs_app.command("show")
def jobs_show(job_id: Annotated[str, typer.Argument(help="The job's id.", show_default=False)]) -> None:
    """Explain one job: how it stands, what went wrong in each attempt, what came of it."""
    from consumer.cli.admin import show_job

    raise typer.Exit(show_job(job_id))


@jobs_app.command("retry")
def jobs_retry(job_ids: JobIds) -> None:
    """Do again, as new jobs, what jobs that have ended asked for; prints the new ids."""
    from consumer.cli.admin import retry_jobs

    raise typer.Exit(retry_jobs(job_ids))


@jobs_app.command("purge")
def jobs_purge(
    *,
    older_than: Annotated[
        str, typer.Option(help="Only jobs that ended longer ago: 30m, 12h, 7d, 4w.", show_default=False)
    ],
    state: StateOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; else only their number is told.")] = False,
) -> None:
    """Remove records, results and archived files of jobs that ended long ago."""
    from consumer.cli.admin import check_state, purge_jobs

    raise typer.Exit(purge_jobs(older_than=older_than, state=check_state(state), do_it=yes))


@dead_letter_app.command("list")
def dead_letter_list(*, json_output: Json = False) -> None:
    """List the jobs that used up their attempts."""
    from consumer.cli.admin import list_dead_letters

    raise typer.Exit(list_dead_letters(as_json=json_output))


@dead_letter_app.command("requeue")
def dead_letter_requeue(
    job_ids: Annotated[list[str] | None, typer.Argument(help="Ids of such jobs.", show_default=False)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Do such jobs again, as new jobs, and remove their pointers; prints the new ids."""
    from consumer.cli.admin import requeue_dead_letters

    raise typer.Exit(requeue_dead_letters(job_ids or (), everything=everything))
