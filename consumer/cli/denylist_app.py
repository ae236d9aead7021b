"""The command lines of `swapdrop denylist`: names, help texts and options only."""
# ruff: noqa: PLC0415 -- commands import what they need when they run: --help answers at once

from pathlib import Path
from typing import Annotated

import typer

denylist_app = typer.Typer(
    name="denylist",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="People who asked never to be put into pictures; kept as numbers and ids only.",
)


@denylist_app.command("add")
def denylist_add(
    pictures: Annotated[
        list[Path],
        typer.Argument(help="Pictures with one face each.", show_default=False, exists=True, dir_okay=False),
    ],
) -> None:
    """Put faces onto the list and print their ids; the pictures stay here."""
    from consumer.cli.denylist import add_faces

    raise typer.Exit(add_faces(pictures))


@denylist_app.command("remove")
def denylist_remove(
    face_ids: Annotated[list[str], typer.Argument(help="Ids as `add` printed them.", show_default=False)],
) -> None:
    """Take faces off the list."""
    from consumer.cli.denylist import remove_faces

    raise typer.Exit(remove_faces(face_ids))


@denylist_app.command("list")
def denylist_list() -> None:
    """Print the ids of all faces on the list."""
    from consumer.cli.denylist import list_faces

    raise typer.Exit(list_faces())
