"""`swapdrop swap`: the same work as a job, on local files."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from consumer.cli.bucket import fail, settings_or_exit
from consumer.engines import FilesMissing, open_shelf
from consumer.picture_job import plan_picture
from consumer.settings import Settings
from models.errors import ModelError
from pipeline.image_io.decode import Limits
from pipeline.image_io.encode import Encoded
from pipeline.jobs.decode import decode
from pipeline.jobs.encode import encode as encode_result
from pipeline.jobs.request import Every, Largest, PictureRequest, SourceFile
from pipeline.jobs.result import SwappedPicture
from pipeline.jobs.swap import PictureSwapper
from pipeline.jobs.timing import Timings
from pipeline.provenance import Mark
from storage.errors import StorageError
from storage.manifest import OutputFormat, read_manifest


def run_swap(source: Path, target: Path, output: Path, options: Mapping[str, Any]) -> int:
    """Swap and save; 0 only if at least one face was swapped."""
    settings = settings_or_exit()
    for path in (source, target):
        if not path.is_file():
            raise fail(f"{path} is not a file.")
    try:
        swapped, encoded = _swap(settings, source, target, _as_named(output, options))
    except FilesMissing as error:
        looked = [f"{name} was looked for in {'; '.join(places)}" for name, places in error.missing.items()]
        raise fail("\n".join([f"{error} ({error.code})", *looked])) from None
    except (ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(encoded.data)
    _summarise(swapped, encoded, output)
    return 0


def _as_named(output: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the output's name choose the format where nothing else did."""
    extension = output.suffix.lower().lstrip(".").replace("jpg", "jpeg")
    if options["output_format"] is None and extension in get_args(OutputFormat):
        return {**options, "output_format": extension}
    return options


def _swap(
    settings: Settings, source: Path, target: Path, options: Mapping[str, Any]
) -> tuple[SwappedPicture, Encoded]:
    """Go through the manifest as a job does, so that both refuse the same things with the same words."""
    document = {
        "process_type": "single-image",
        "source": source.name,
        "target": target.name,
        "options": options,
    }
    shelf = open_shelf(settings)
    plan = plan_picture(read_manifest(document), shelf.names, paste=settings.paste)
    engine = shelf.find(plan.options.engine).open()
    enhancer = shelf.find_enhancer().open() if plan.look.enhance else None
    source_bytes = source.read_bytes()
    request = PictureRequest(
        sources={"source": SourceFile(body=source_bytes, sha256=hashlib.sha256(source_bytes).hexdigest())},
        target=target.read_bytes(),
        choice=Every() if plan.options.many_faces else Largest(),
        look=plan.look,
    )
    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_input_bytes)
    decoded = decode(request, limits, Timings())
    swapped = PictureSwapper(engine, enhancer=enhancer).swap(decoded, _no_progress)
    mark = Mark(
        output_id=secrets.token_hex(16),
        provider=settings.operator,
        system="swapdrop",
        version=metadata.version("swapdrop"),
        created_at=datetime.now(UTC),
    )
    encoded = encode_result(
        swapped, requested=plan.options.output_format, quality=plan.options.image_quality, mark=mark
    )
    return swapped, encoded


def _no_progress(_stage: str, _done: int, _total: int) -> None:
    """One picture is done before a bar could be read."""


def _summarise(swapped: SwappedPicture, encoded: Encoded, output: Path) -> None:
    console = Console(stderr=True, highlight=False)
    done = sum(face.swapped for face in swapped.faces)
    times = ", ".join(f"{stage} {ms:.0f}" for stage, ms in swapped.timings.ms.items())
    console.print(f"[green]{done} of {len(swapped.faces)} faces swapped[/green] ({times} ms)")
    for notice in dict.fromkeys((*swapped.notices, *encoded.notices)):
        console.print(f"[yellow]{notice.code}[/yellow] {notice.message}")
    console.print(str(output))
