"""The command lines of `swapdrop models`: names, help texts and options only."""
# ruff: noqa: PLC0415 -- commands import what they need when they run: --help answers at once

from typing import Annotated

import typer

models_app = typer.Typer(
    name="models",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Model files that are not shipped: what there is, getting it, checking it.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a page for people.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Files, archives or engines of the catalogue.", show_default=False)
]


@models_app.command("list")
def models_list(*, json_output: Json = False) -> None:
    """List every file, what needs it, its licence and whether it is here."""
    from consumer.cli.models import list_models

    raise typer.Exit(list_models(as_json=json_output))


@models_app.command("pull")
def models_pull(
    names: Names = None,
    *,
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="Accept the licences that are shown; needed once.")
    ] = False,
) -> None:
    """Download and verify files, by default those of the inswapper engine; prints where they lie."""
    from consumer.cli.models import pull_models

    raise typer.Exit(pull_models(names or (), accept_license=accept_license))


@models_app.command("verify")
def models_verify(names: Names = None, *, json_output: Json = False) -> None:
    """Hash the files that are here again and compare; exit 1 if one is bad or a named one is missing."""
    from consumer.cli.models import verify_models

    raise typer.Exit(verify_models(names or (), as_json=json_output))


@models_app.command("where")
def models_where(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A file, archive or engine; all searched folders if not given.", show_default=False
        ),
    ] = None,
) -> None:
    """Print where a file lies, or why each searched folder does not have it."""
    from consumer.cli.models import where_models

    raise typer.Exit(where_models(name))


@models_app.command("rm")
def models_rm(
    names: Annotated[
        list[str], typer.Argument(help="Files, archives or engines of the catalogue.", show_default=False)
    ],
) -> None:
    """Delete every copy of files, good or bad, and what is left of broken downloads."""
    from consumer.cli.models import remove_models

    raise typer.Exit(remove_models(names))
