"""Swap requests made short, and run through from their files to the result's."""

import hashlib
from datetime import UTC, datetime

from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.encode import OutputFormat
from pipeline.swap.request import Choice, Largest, SourceFile, SwapRequest
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.whole import SwappedFile, swap_file

LARGEST = Largest()
PLAIN = BlendOptions()
MARK = Mark(
    output_id="job/1",
    provider="us",
    system="swapdrop",
    version="1",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def a_request(
    sources: dict[str, bytes] | bytes, target: bytes, *, choice: Choice = LARGEST, blend: BlendOptions = PLAIN
) -> SwapRequest:
    """A request for one source, or for several by name."""
    named = {"source": sources} if isinstance(sources, bytes) else sources
    return SwapRequest(sources=a_files(named), target=target, choice=choice, blend=blend)


def a_files(bodies: dict[str, bytes]) -> dict[str, SourceFile]:
    """Pictures of faces to put in, by name."""
    return {
        name: SourceFile(body=body, sha256=hashlib.sha256(body).hexdigest()) for name, body in bodies.items()
    }


def swap(
    request: SwapRequest,
    by: AnyEngine | Swapper,
    requested: OutputFormat | None = None,
    *,
    timings: Timings | None = None,
) -> SwappedFile:
    """Do all of a request, its result in the format requested."""
    swapper = by if isinstance(by, Swapper) else Swapper(by)
    return swap_file(swapper, request, Limits(), requested=requested, quality=90, mark=MARK, timings=timings)
