"""`swapdrop doctor`: what this machine can do, and how to mend what it cannot."""

import asyncio
import json
import platform
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table

from consumer.cli.bucket import settings_or_exit
from consumer.engines import open_engine
from consumer.settings import Settings
from models.embedded import embedded_path, embedded_weights
from models.errors import ModelError
from storage.errors import PreconditionFailed, StorageError
from storage.s3_store import open_s3_store

State = Literal["ok", "degraded", "broken"]

_EXIT = {"ok": 0, "degraded": 1, "broken": 2}
_COLOUR = {"ok": "green", "degraded": "yellow", "broken": "red"}
_ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
_OPENCVS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
_MIN_FREE_BYTES = 2**30
_MAX_SKEW_S = 60.0
_PROBE_PREFIX = "scratch/doctor-"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `fix` names the next step when it is not `ok`."""

    name: str
    state: State
    detail: str
    fix: str = ""


def run_doctor(*, as_json: bool) -> int:
    """Print the findings; the worst of them decides the exit code."""
    settings = settings_or_exit()
    findings = [*_machine(), *_models(settings), *asyncio.run(_bucket(settings))]
    worst = max((finding.state for finding in findings), key=lambda state: _EXIT[state])
    if as_json:
        typer.echo(json.dumps({"state": worst, "findings": [asdict(f) for f in findings]}, indent=2))
        return _EXIT[worst]
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        fix = f"\n[bold]→ {finding.fix}[/bold]" if finding.fix else ""
        table.add_row(f"[{_COLOUR[finding.state]}]{finding.state}", finding.name, f"{finding.detail}{fix}")
    console = Console()
    console.print(table)
    console.print(f"\nThis machine is [{_COLOUR[worst]}]{'ready' if worst == 'ok' else worst}[/].")
    return _EXIT[worst]


def _machine() -> Iterator[Finding]:
    yield Finding(name="python", state="ok", detail=f"{platform.python_version()} on {platform.machine()}")
    yield _exactly_one("ONNX Runtime", _ONNX_RUNTIMES, "install swapdrop[cpu] or swapdrop[gpu], never both")
    yield _exactly_one("OpenCV", _OPENCVS, "keep only opencv-python-headless")
    free = shutil.disk_usage(tempfile.gettempdir()).free
    yield Finding(
        name="disk",
        state="ok" if free >= _MIN_FREE_BYTES else "degraded",
        detail=f"{free / 2**30:.1f} GiB free for temporary files",
        fix="" if free >= _MIN_FREE_BYTES else "free some space, or point TMPDIR elsewhere",
    )


def _exactly_one(name: str, distributions: tuple[str, ...], fix: str) -> Finding:
    installed = {
        f"{d.metadata['Name']} {d.version}"
        for d in metadata.distributions()
        if d.metadata["Name"] in distributions
    }
    detail = ", ".join(sorted(installed)) or "not installed"
    return (
        Finding(name=name, state="ok", detail=detail)
        if len(installed) == 1
        else Finding(name=name, state="broken", detail=detail, fix=fix)
    )


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        for name in embedded_weights():
            embedded_path(name)
        engine = open_engine(settings)
    except ModelError as error:
        yield Finding(name="engine mesh", state="broken", detail=str(error), fix="install swapdrop again")
        return
    yield Finding(
        name="engine mesh",
        state="ok",
        detail=f"{len(engine.info.models)} files verified, running on {engine.info.provider}",
    )


async def _bucket(settings: Settings) -> list[Finding]:
    """Reach the bucket, check that a conditional write is refused when it must be, compare the clocks."""
    if settings.bucket is None:
        return [
            Finding(
                name="bucket",
                state="degraded",
                detail="none is set, so only `swapdrop swap` and `swapdrop demo` can work",
                fix="set R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY",
            )
        ]
    key = f"{_PROBE_PREFIX}{secrets.token_hex(8)}"
    try:
        async with open_s3_store(settings.s3()) as store:
            await store.put(key, b"1", content_type="text/plain", if_none_match=True)
            try:
                await store.put(key, b"2", content_type="text/plain", if_none_match=True)
                conditional = False
            except PreconditionFailed:
                conditional = True
            info = await store.head(key)
            await store.delete([key])
    except StorageError as error:
        return [Finding(name="bucket", state="broken", detail=str(error), fix="check the R2_* settings")]
    return [_reached(settings.bucket, conditional=conditional), _clock(info.store_now)]


def _reached(bucket: str, *, conditional: bool) -> Finding:
    if conditional:
        return Finding(name="bucket", state="ok", detail=f"{bucket} answers and honours conditional writes")
    return Finding(
        name="bucket",
        state="broken",
        detail=f"{bucket} ignores If-None-Match, so two consumers could do one job",
        fix="use a store with conditional writes: R2, S3, SeaweedFS, …",
    )


def _clock(store_now: datetime) -> Finding:
    skew_s = (datetime.now(UTC) - store_now).total_seconds()
    fine = abs(skew_s) <= _MAX_SKEW_S
    return Finding(
        name="clock",
        state="ok" if fine else "degraded",
        detail=f"{skew_s:+.0f} s against the store's",
        fix="" if fine else "synchronise this machine's clock: signed requests expire",
    )
