"""The command line: names, help texts and options only.

Every command imports what it needs when it runs, so that `--help` answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from consumer.cli.admin_app import dead_letter_app, jobs_app
from consumer.cli.denylist_app import denylist_app
from consumer.cli.models_app import models_app
from consumer.cli.options import EngineOption, OptionValues, consent_options, picture_options, with_options
from consumer.cli.provenance_app import provenance_app

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
Faces = Annotated[
    list[str] | None,
    typer.Option(
        "--face",
        metavar="N[=FILE]",
        help="Swap the face with this number in reading order, the first is 0; for someone of its own: "
        "0=anna.jpg. May be repeated.",
        show_default=False,
    ),
]
MinFace = Annotated[
    float | None,
    typer.Option(
        "--min-face-px", min=0, metavar="PX", help="Smaller faces do not count.", show_default=False
    ),
]
SourcesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="FILE",
        help="Picture with the face to put in; all others are then changed. Repeated: several of "
        "one person, averaged.",
        show_default=False,
    ),
]
Each = Annotated[
    bool, typer.Option("--each", help="Every --source is somebody else, who is put onto every picture.")
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders within folders.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what is there already and is no earlier result.")
]
Sheet = Annotated[
    Path | None,
    typer.Option("--sheet", metavar="OUT.html", help="Write a page that shows all before and after."),
]

app.add_typer(models_app, rich_help_panel="This machine")
app.add_typer(provenance_app, rich_help_panel="This machine")
app.add_typer(jobs_app, rich_help_panel="Jobs in the bucket")
app.add_typer(dead_letter_app, rich_help_panel="Jobs in the bucket")
app.add_typer(denylist_app, rich_help_panel="Jobs in the bucket")

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
@with_options(options=picture_options, consent=consent_options)
def swap(
    *,
    options: OptionValues,
    consent: OptionValues,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE TARGET",
            help="Picture with the face to put in, then pictures to change: files, patterns or a folder. "
            "No source where every --face has its own.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/|-",
            help="The result, or for many the folder they go to; - is standard output.",
            show_default=False,
        ),
    ],
    faces: Faces = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Swap the face of the person this picture shows.", dir_okay=False),
    ] = None,
    min_face_px: MinFace = None,
    sources: SourcesOption = None,
    each: Each = False,
    recursive: Recursive = False,
    force: Annotated[
        bool, typer.Option("--force", help="Do again, and replace, what is there already.")
    ] = False,
    sheet: Sheet = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Let a Ray cluster do the work, on files that all its machines see: HOST:PORT, auto, or "
            "local for one on this machine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Swap a face right here, in one picture or video or a folder of them, without a bucket.

    What is there already is not done again: the same command goes on where it was interrupted.
    """
    from consumer.cli.destination import read_destination
    from consumer.cli.swap import run_swap
    from consumer.cli.swap_plan import SwapCommand

    command = SwapCommand(
        words=pictures,
        output=read_destination(output),
        options=options,
        consent=consent,
        faces=faces or (),
        reference=reference,
        sources=sources or (),
        each=each,
        min_face_px=min_face_px,
        recursive=recursive,
        force=force,
        sheet=sheet,
        settings={} if ray is None else {"SWAPDROP_EXECUTOR": "ray", "SWAPDROP_RAY_ADDRESS": ray},
    )
    raise typer.Exit(run_swap(command))


@app.command(rich_help_panel=_WORK)
def process(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="The job as JSON, as for the bucket; its files are paths beside it.",
            show_default=False,
            exists=True,
            dir_okay=False,
        ),
    ],
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/|-",
            help="The result; - is standard output.",
            show_default=False,
        ),
    ],
    force: Force = False,
) -> None:
    """Do the job of a manifest right here, whatever its kind, without a bucket."""
    from consumer.cli.process import run_process

    raise typer.Exit(run_process(manifest, output, force=force))


@app.command(rich_help_panel=_WORK)
def detect(
    target: Annotated[
        Path,
        typer.Argument(help="Picture or video in which to find faces.", show_default=False, dir_okay=False),
    ],
    *,
    min_face_px: MinFace = None,
    engine: EngineOption = "auto",
    json_output: Json = False,
) -> None:
    """Find the faces of a picture or video right here: their numbers for --face, where and how large."""
    from consumer.cli.detect import run_detect

    raise typer.Exit(run_detect(target, engine, min_face_px=min_face_px, as_json=json_output))


@app.command(rich_help_panel=_WORK)
def probe(
    file: Annotated[Path, typer.Argument(help="Video to look at.", show_default=False, dir_okay=False)],
    *,
    json_output: Json = False,
) -> None:
    """Tell what a video is right here: size, length, codecs, sound, and what a result of it would lack."""
    from consumer.cli.probe import run_probe

    raise typer.Exit(run_probe(file, as_json=json_output))


@app.command(rich_help_panel=_WORK)
def verify(
    file: Annotated[
        Path, typer.Argument(help="Picture or video to look at.", show_default=False, dir_okay=False)
    ],
    *,
    json_output: Json = False,
) -> None:
    """Tell what a file says of its making, and whether its signature holds; exit 0 if so, 1 if not."""
    from consumer.cli.verify import run_verify

    raise typer.Exit(run_verify(file, json_output=json_output))


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
    try:
        from consumer.cli.runpod import run_runpod
    except ModuleNotFoundError as missing:
        from consumer.cli.bucket import needs_extra

        raise needs_extra("runpod", missing) from None

    raise typer.Exit(run_runpod())


@app.command(rich_help_panel=_JOBS)
@with_options(options=picture_options, consent=consent_options)
def submit(
    *,
    options: OptionValues,
    consent: OptionValues,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE TARGET",
            help="Picture with the face to put in, then pictures to change: files, patterns, folders, bucket "
            "keys or URLs. No source with --detect, or where every --face has its own.",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="A job a row instead: columns source, target, face_0…, detection, and options by name.",
            dir_okay=False,
        ),
    ] = None,
    faces: Faces = None,
    sources: SourcesOption = None,
    each: Each = False,
    detection: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Result of a --detect job, to whose faces --face points."),
    ] = None,
    detect_faces: Annotated[
        bool, typer.Option("--detect", help="Find the faces of the pictures, swap none.")
    ] = False,
    recursive: Recursive = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Send again what has failed or was cancelled.")
    ] = False,
    watch_it: Annotated[bool, typer.Option("--watch", help="Wait until all have ended.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FOLDER/", help="Watch, and save the results in this folder."),
    ] = None,
    sheet: Sheet = None,
) -> None:
    """Send jobs to the bucket and print their ids.

    Nothing is sent unless all is understood. The same command again finds what has been sent.
    """
    from consumer.cli.submit import run_submit
    from consumer.cli.submit_plan import SubmitCommand

    command = SubmitCommand(
        words=pictures or (),
        options=options,
        consent=consent,
        faces=faces or (),
        table=table,
        sources=sources or (),
        each=each,
        detect=detect_faces,
        detection=detection,
        recursive=recursive,
    )
    raise typer.Exit(run_submit(command, retry=retry, watch=watch_it, output=output, sheet=sheet))


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
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/|-",
            help="Where to save it; its own name if not given. - is standard output.",
        ),
    ] = None,
    *,
    force: Force = False,
) -> None:
    """Download the result of a completed job."""
    from consumer.cli.jobs import save_result

    raise typer.Exit(save_result(job_id, output, force=force))


@app.command(rich_help_panel=_JOBS)
def forget(
    name: Annotated[
        str,
        typer.Argument(
            metavar="JOB|FILE_ID",
            help="A job's id, or a file's with its extension, as 91be….jpg; with a file go the results of "
            "all jobs that used it.",
            show_default=False,
        ),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only told what would go.")] = False,
) -> None:
    """Remove a job's files, result and scratch for good, or a file and what was made of it."""
    from consumer.cli.forget import forget_all_of

    raise typer.Exit(forget_all_of(name, do_it=yes))


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
