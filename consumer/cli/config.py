"""`swapdrop config`: every setting, its value and where it comes from."""

import json
from itertools import groupby

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumer.cli.bucket import settings_or_exit
from consumer.config.environment import Setting, explain


def print_config(*, as_json: bool) -> int:
    """Print the settings in force; secrets are masked."""
    rows = explain(settings_or_exit())
    if as_json:
        typer.echo(json.dumps({row.name: _described(row) for row in rows}, indent=2))
        return 0
    table = Table("variable", "value", "from", "meaning", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for group, settings in groupby(rows, lambda row: row.group):
        table.add_row(f"\n[bold]{group}[/bold]")
        for row in settings:
            first, *others = row.variables
            names = "".join([first, *(f"\n[dim]or {name}[/dim]" for name in others)])
            table.add_row(names, escape(row.value), row.source, escape(row.description))
    Console().print(table)
    return 0


def _described(row: Setting) -> dict[str, object]:
    variable, *others = row.variables
    return {
        "variable": variable,
        "other_variables": others,
        "value": row.value,
        "source": row.source,
        "meaning": row.description,
    }
