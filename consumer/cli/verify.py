"""`swapdrop verify`: what a file says of its own making, and whether its signature holds."""

import json
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.cli.tables import print_table
from consumer.client.files import describe_os_error
from consumer.client.verify import NO_MARKS, NOT_PROOF, as_json, in_words, verify_file
from pipeline.errors import UnsupportedMedia


def run_verify(file: Path, *, json_output: bool) -> int:
    """Print which marks and signatures a file carries; 1 without any, 2 where it cannot be looked at.

    A signature that does not hold is 1 too, whatever else the file says.
    """
    settings = settings_or_exit()
    try:
        if not file.is_file():
            raise fail(f"{file} is not a file.", code=2)
        with faults_told():
            verified = verify_file(file, settings)
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
        if verified.signature is None and not (verified.claim is None and verified.holds):
            typer.echo(NO_MARKS if verified.claim is None else NOT_PROOF)
    return 0 if verified.holds else 1
