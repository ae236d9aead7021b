"""Picture requests made short, and run through all their steps."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from pipeline.engines.base import BlendOptions, Engine
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.encode import Encoded, OutputFormat
from pipeline.swap.decode import decode
from pipeline.swap.encode import encode
from pipeline.swap.picture import PictureSwapper
from pipeline.swap.request import Choice, Largest, PictureRequest, SourceFile
from pipeline.swap.result import SwappedPicture
from pipeline.swap.timing import Timings

LARGEST = Largest()
PLAIN = BlendOptions()


def a_request(
    sources: dict[str, bytes] | bytes, target: bytes, *, choice: Choice = LARGEST, blend: BlendOptions = PLAIN
) -> PictureRequest:
    """A request for one source, or for several by name."""
    named = {"source": sources} if isinstance(sources, bytes) else sources
    files = {
        name: SourceFile(body=body, sha256=hashlib.sha256(body).hexdigest()) for name, body in named.items()
    }
    return PictureRequest(sources=files, target=target, choice=choice, blend=blend)


def swap(request: PictureRequest, by: Engine[Any] | PictureSwapper) -> SwappedPicture:
    """Decode and swap."""
    swapper = by if isinstance(by, PictureSwapper) else PictureSwapper(by)
    decoded = decode(request, Limits(), Timings(), swapper.kept(request))
    return swapper.swap(decoded, lambda _stage, _done, _total: None)


def encoded(swapped: SwappedPicture, requested: OutputFormat | None = None) -> Encoded:
    """The result as a file, with a mark."""
    made = datetime(2026, 1, 1, tzinfo=UTC)
    mark = Mark(output_id="job/1", provider="us", system="swapdrop", version="1", created_at=made)
    return encode(swapped, requested=requested, quality=90, mark=mark)
