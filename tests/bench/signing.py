"""What signing adds to a picture job: the same job with and without a signer, turn by turn."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from consumer.client.local import LocalJobs, open_local_jobs
from consumer.config.settings import Settings
from pipeline.face import Bgr
from storage.records.manifest import Manifest, read_manifest
from tests.bench.picture import frames, jpeg
from tests.bench.report import Row, row
from tests.support.certificates import hierarchy
from tests.support.engines import OneEngine, person_bgr, picture, png
from tests.support.reels import ReelEngine

PAIRS = 101  # what encoding takes differs by some milliseconds from job to job
MOST_MS = 5


def signing_rows() -> Iterator[Row]:
    """The milliseconds it adds to a 1080p picture, as the median of what pairs of jobs differ by.

    They are of processor time, of which signing alone needs all that it takes: other work on the machine
    would drown them.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, frame = Path(name), target()
        (folder / "source.png").write_bytes(png(picture()))
        for kind, file in {"jpeg": jpeg(frame), "png": png(frame)}.items():
            (folder / f"target.{kind}").write_bytes(file)
            added_ms = asyncio.run(added(folder, f"target.{kind}"))
            yield row(f"signing, 1080p {kind.upper()}", added_ms, "ms", at_most=MOST_MS)


def target() -> Bgr:
    """A 1080p photograph with one face that the stand-in for an engine sees."""
    frame = np.maximum(frames()["1080p"], 60)  # nothing else is of a face's colour
    frame[400:680, 820:1100] = person_bgr(0)
    return frame


async def added(folder: Path, name: str) -> float:
    """What signing adds to the job on a target, in ms."""
    manifest = read_manifest({"process_type": "single-image", "source": "source.png", "target": name})
    written = hierarchy().write(folder)
    signer = {name.removeprefix("SWAPDROP_").lower(): path for name, path in written.items()}
    async with AsyncExitStack() as stack:
        plain, signing = [
            await stack.enter_async_context(
                open_local_jobs(
                    Settings.model_validate({**given, "work_dir": folder / "work"}),
                    folder=folder,
                    registry=OneEngine(ReelEngine),
                )
            )
            for given in ({}, signer)
        ]
        for jobs in (plain, signing):
            await job_ms(jobs, manifest)
        differences = [-await job_ms(plain, manifest) + await job_ms(signing, manifest) for _ in range(PAIRS)]
    return statistics.median(differences)


async def job_ms(jobs: LocalJobs, manifest: Manifest) -> float:
    """Do the job; what it took of the processor from the manifest to the result, in ms."""
    async with jobs.context(manifest, output_id="bench") as context:
        began = time.process_time()
        await context.run()
        return (time.process_time() - began) * 1000
