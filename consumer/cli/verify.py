"""`swapdrop verify`: what a file says of its own making."""

import json
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from consumer.cli.bucket import fail
from consumer.cli.tables import print_table
from consumer.client.files import describe_os_error
from consumer.client.verify import NO_MARKS, NOT_PROOF, as_json, in_words, verify_file
from pipeline.errors import UnsupportedMedia


def run_verify(file: Path, *, json_output: bool) -> int:
    """Print which marks a file carries; 1 where it has none, 2 where it cannot be looked at."""
    if not file.is_file():
        raise fail(f"{file} is not a file.", code=2)
    try:
        verified = verify_file(file)
    except UnsupportedMedia as error:
        raise fail(str(error), code=2) from None
    except OSError as error:
        raise fail(describe_os_error(error), code=2) from None
    if json_output:
        typer.echo(json.dumps(as_json(verified), indent=2, ensure_ascii=False))
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, words in in_words(verified):
            table.add_row(name, escape(words))
        print_table(table)
        typer.echo(NO_MARKS if verified.claim is None else NOT_PROOF)
    return 1 if verified.claim is None else 0
