"""The command line: names, help texts and options only.

Every command imports what it needs when it runs, so that `--help` answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from consumer.cli.admin_app import dead_letter_app, jobs_app

app = typer.Typer(
    name="swapdrop",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Drop two pictures in a bucket, get the swapped one back.\n\n"
    "Start with [bold]swapdrop demo[/bold]: it does the whole job on this machine, offline.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a page for people.")]
JobId = Annotated[str, typer.Argument(help="The job's id, as `submit` printed it.", show_default=False)]
ManyFaces = Annotated[bool, typer.Option(help="Swap every face of the target, not only the largest.")]
MouthMask = Annotated[bool, typer.Option(help="Keep the target's own mouth.")]
ColorCorrection = Annotated[bool, typer.Option(help="Match the swapped face to the target's light.")]
Enhance = Annotated[
    bool, typer.Option("--enhance/--no-enhance", help="Restore the swapped face; needs an enhancer's file.")
]
OutputFormat = Annotated[
    str | None, typer.Option("--format", help="jpeg, png, webp or avif; as the target if not given.")
]
Quality = Annotated[int, typer.Option(min=1, max=100, help="Encoder quality.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="Which engine swaps; auto takes the best ready one.")
]

models_app = typer.Typer(
    name="models",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Model files that are not shipped: what there is, getting it, checking it.",
)
app.add_typer(models_app, rich_help_panel="This machine")
app.add_typer(jobs_app, rich_help_panel="Jobs in the bucket")
app.add_typer(dead_letter_app, rich_help_panel="Jobs in the bucket")

Names = Annotated[
    list[str] | None, typer.Argument(help="Files, archives or engines of the catalogue.", show_default=False)
]

_WORK = "Work"
_JOBS = "Jobs in the bucket"
_MACHINE = "This machine"


@app.command(rich_help_panel=_WORK)
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the pictures go.")] = Path(
        "build/demo"
    ),
) -> None:
    """Swap two portraits through a local bucket, end to end, offline."""
    from consumer.cli.demo import run_demo

    raise typer.Exit(run_demo(output))


@app.command(rich_help_panel=_WORK)
def swap(
    source: Annotated[Path, typer.Argument(help="Picture with the face to put in.", show_default=False)],
    target: Annotated[Path, typer.Argument(help="Picture to change.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the result goes.", show_default=False)
    ],
    *,
    many_faces: ManyFaces = False,
    mouth_mask: MouthMask = False,
    color_correction: ColorCorrection = True,
    enhance: Enhance = False,
    output_format: OutputFormat = None,
    quality: Quality = 95,
    engine: EngineName = "auto",
) -> None:
    """Swap a face right here, without a bucket."""
    from consumer.cli.swap import run_swap

    options = dict(
        engine=engine,
        many_faces=many_faces,
        mouth_mask=mouth_mask,
        color_correction=color_correction,
        use_face_enhancer=enhance,
        output_format=output_format,
        image_quality=quality,
    )
    raise typer.Exit(run_swap(source, target, output, options))


@app.command(rich_help_panel=_WORK)
def run(
    *,
    devices: Annotated[
        str | None,
        typer.Option(
            help="One process for each: GPUs as [bold]0,1[/bold], or [bold]cpu,cpu[/bold]; started again "
            "when it dies.",
            show_default=False,
        ),
    ] = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Work on jobs from the bucket until told to stop (SIGTERM drains)."""
    if devices is not None:
        from consumer.cli.supervise import run_consumers

        raise typer.Exit(run_consumers(devices))
    from consumer.cli.run import run_consumer

    raise typer.Exit(run_consumer(supervised=supervised))


@app.command(
    rich_help_panel=_WORK, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def runpod() -> None:
    """Serve RunPod Serverless requests; takes the options of RunPod's SDK (--rp_serve_api)."""
    from consumer.cli.runpod import run_runpod

    raise typer.Exit(run_runpod())


@app.command(rich_help_panel=_JOBS)
def submit(
    source: Annotated[
        str,
        typer.Argument(
            help="Picture with the face to put in: a file, a bucket key or a URL.", show_default=False
        ),
    ],
    target: Annotated[
        str, typer.Argument(help="Picture to change: a file, a bucket key or a URL.", show_default=False)
    ],
    *,
    many_faces: ManyFaces = False,
    mouth_mask: MouthMask = False,
    color_correction: ColorCorrection = True,
    enhance: Enhance = False,
    output_format: OutputFormat = None,
    quality: Quality = 95,
    engine: EngineName = "auto",
    watch_it: Annotated[bool, typer.Option("--watch", help="Wait for the end of the job.")] = False,
) -> None:
    """Upload the files, drop the job in the inbox and print its id."""
    from consumer.cli.jobs import submit_job, watch_job

    options = dict(
        engine=engine,
        many_faces=many_faces,
        mouth_mask=mouth_mask,
        color_correction=color_correction,
        use_face_enhancer=enhance,
        output_format=output_format,
        image_quality=quality,
    )
    job_id = submit_job(source, target, options)
    typer.echo(job_id)
    if watch_it:
        raise typer.Exit(watch_job(job_id))


@app.command(rich_help_panel=_JOBS)
def status(job_id: JobId) -> None:
    """Print a job's status record."""
    from consumer.cli.jobs import print_status

    raise typer.Exit(print_status(job_id))


@app.command(rich_help_panel=_JOBS)
def watch(job_id: JobId) -> None:
    """Follow a job until it has ended; exit 0 only if it completed."""
    from consumer.cli.jobs import watch_job

    raise typer.Exit(watch_job(job_id))


@app.command(rich_help_panel=_JOBS)
def cancel(job_id: JobId) -> None:
    """Ask for a job to stop."""
    from consumer.cli.jobs import cancel_job

    raise typer.Exit(cancel_job(job_id))


@app.command(rich_help_panel=_JOBS)
def result(
    job_id: JobId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to save it; its own name if not given.")
    ] = None,
) -> None:
    """Download the result of a completed job."""
    from consumer.cli.jobs import save_result

    raise typer.Exit(save_result(job_id, output))


@app.command(rich_help_panel=_MACHINE)
def config(*, json_output: Json = False) -> None:
    """Show every setting, its value and where it comes from; secrets are masked."""
    from consumer.cli.config import print_config

    raise typer.Exit(print_config(as_json=json_output))


@app.command(rich_help_panel=_MACHINE)
def doctor(*, json_output: Json = False) -> None:
    """Explain whether this machine can do the work, and what to mend; exit 0 ready, 1 degraded, 2 broken."""
    from consumer.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(as_json=json_output))


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
