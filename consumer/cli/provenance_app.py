"""The command line of `swapdrop provenance`: names, help texts and options only."""

from pathlib import Path
from typing import Annotated

import typer

provenance_app = typer.Typer(
    name="provenance",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="What results are signed with (C2PA).",
)


@provenance_app.callback()
def _provenance() -> None:
    """Without a second command typer would take `init` for granted."""


@provenance_app.command("init")
def provenance_init(
    folder: Annotated[Path, typer.Argument(help="Where the files go.", file_okay=False)] = Path("provenance"),
) -> None:
    """Make a chain of certificates to try signing with, which nobody trusts who is not told to."""
    from consumer.cli.provenance import make_trial_chain  # noqa: PLC0415 -- commands import what they need

    raise typer.Exit(make_trial_chain(folder))
