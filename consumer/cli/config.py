"""`swapdrop config`: every setting, its value and where it comes from."""

import json

import typer
from rich.console import Console
from rich.table import Table

from consumer.cli.bucket import settings_or_exit
from consumer.config.environment import explain


def print_config(*, as_json: bool) -> int:
    """Print the settings in force; secrets are masked."""
    rows = explain(settings_or_exit())
    if as_json:
        typer.echo(
            json.dumps({row.name: {"value": row.value, "source": row.source} for row in rows}, indent=2)
        )
        return 0
    table = Table("setting", "value", "from", "meaning", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.name, row.value, row.source, row.description)
    Console().print(table)
    return 0
