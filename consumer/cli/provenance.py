"""`swapdrop provenance`: certificates to try signing with."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from consumer.cli.bucket import fail, faults_told
from consumer.client.files import describe_os_error
from consumer.jobs.signer import need_c2pa


def make_trial_chain(folder: Path) -> int:
    """Write root, chain and key into a folder and print the settings that use them."""
    with faults_told():
        need_c2pa("`swapdrop provenance`")
    from pipeline.signing.trial_chain import write_trial_chain  # noqa: PLC0415 -- of an extra

    try:
        write_trial_chain(folder, datetime.now(UTC))
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    for name, file in {"CHAIN": "chain.pem", "KEY": "key.pem", "TRUST": "root.pem"}.items():
        typer.echo(f"SWAPDROP_C2PA_{name}={(folder / file).absolute()}")
    typer.echo(
        "Nobody else trusts this root: it is for trying. For results that others are to trust, take a "
        "certificate of an authority on the C2PA trust list.",
        err=True,
    )
    return 0
