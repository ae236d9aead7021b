"""A whole swap or detection in one call on one thread, for those who have nothing else to do meanwhile."""

import io
from dataclasses import dataclass

from pipeline.engines.base import AnyEngine
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Limits, Picture
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.writer import Written
from pipeline.steps import at_once
from pipeline.swap.detect import DetectedFaces, DetectRun
from pipeline.swap.inputs import open_job_target
from pipeline.swap.request import FaceFilter, SwapRequest
from pipeline.swap.result import SwapResult
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings


@dataclass(frozen=True, kw_only=True, eq=False)
class SwappedFile:
    """A swap that is done."""

    #: The file, and what it is.
    data: bytes
    written: Written
    #: The picture, or the first frame that was changed.
    picture: Picture
    result: SwapResult


def swap_file(
    swapper: Swapper,
    request: SwapRequest,
    limits: Limits,
    *,
    requested: OutputFormat | None,
    quality: int,
    mark: Mark,
    timings: Timings | None = None,
) -> SwappedFile:
    """Do all of a swap; raises as `Swapper.open`, `SwapRun` and the writer of its target do."""
    timings = timings or Timings()
    run = swapper.open(request, limits, timings)
    for name in run.unprepared:
        at_once(run.prepare(name, run.load(name)))
    sink = io.BytesIO()
    writer = run.target.writer(requested=requested, quality=quality, mark=mark, sink=sink)
    picture: Picture | None = None
    for _ in range(run.target.total):
        frame = run.read_frame()
        changed = run.swap(frame)
        picture = picture or (frame if changed else None)
        with timings.measure("encode"):
            writer.add(frame, changed=changed)
    result = run.result()
    with timings.measure("encode"):
        written = writer.finish()
    if picture is None:
        raise RuntimeError("a result shows a changed frame")
    return SwappedFile(data=sink.getvalue(), written=written, picture=picture, result=result)


def detect_file(
    engine: AnyEngine,
    data: bytes,
    limits: Limits,
    face_filter: FaceFilter,
    *,
    timings: Timings | None = None,
) -> DetectedFaces:
    """Do all of a detection; raises as `open_job_target` and `DetectRun` do."""
    run = DetectRun(engine, open_job_target(data, limits), face_filter, timings or Timings())
    while not at_once(run.look(run.read_frame())):
        pass
    return run.result()
