"""One picture job without its networks, against nothing but decoding and encoding the file."""

import io
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
from PIL import Image

from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.engines.mesh.source import MeshSource
from pipeline.face import Bgr, Face
from pipeline.faces.select import largest
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import encode
from tests.bench.report import Row, row
from tests.support.buckets import ASTRONAUT, HOPPER

REPEATS = 15
QUALITY = 95
# What the first version of this method took on a machine of the same size, in ms; docs/engine-mesh.md.
SWAP_MS = {"512x512": 11.0, "1080p": 26.0, "4K": 41.0}
# What it took to find the faces over tiles, as up to mesh version 4; docs/engine-mesh.md. The frames of 1080p
# and 4K show three.
FIND_MS = {"512x512": 19.5, "1080p": 143.0, "4K": 168.0}


def picture_rows() -> Iterator[Row]:
    """The swap and the search for faces by size of picture; the whole job beside its codecs alone."""
    engine = open_mesh_engine()
    hopper = decode(HOPPER, Limits()).bgr
    source = engine.prepare_source(hopper, engine.find_faces(hopper)[0])
    for name, frame in frames().items():
        yield row(
            f"find faces, {name}",
            median_ms(partial(engine.find_faces, frame)),
            "ms",
            reference=FIND_MS[name],
        )
        face = largest(engine.find_faces(frame))
        swap = partial(swap_copy, engine, frame, face, source)
        yield row(f"swap, {name}, {face.size[0]:.0f} px face", median_ms(swap), "ms", reference=SWAP_MS[name])
        file = jpeg(frame)
        yield row(
            f"picture job without networks, {name} JPEG",
            median_ms(partial(job, engine, file, face, source)),
            "ms",
            reference=median_ms(partial(codec_alone, file)),
            at_most=3 if name == "1080p" else None,
        )


def swap_copy(engine: MeshEngine, frame: Bgr, face: Face, source: MeshSource) -> None:
    """The swap alone; each time on a fresh picture, as a second swap finds other pixels."""
    engine.swap(frame.copy(), [(face, source)], BlendOptions())


def job(engine: MeshEngine, file: bytes, face: Face, source: MeshSource) -> None:
    """Everything between a target's bytes and the result's, but the networks."""
    picture = decode(file, Limits())
    engine.swap(picture.bgr, [(face, source)], BlendOptions())
    encode(picture.bgr, None, to="jpeg", quality=QUALITY, xmp=b"")


def frames() -> dict[str, Bgr]:
    """The astronaut as she is, and enlarged in the middle of a 1080p and a 4K frame."""
    astronaut = decode(ASTRONAUT, Limits()).bgr
    return {
        "512x512": astronaut,
        "1080p": framed(astronaut, 880, 1920, 1080),
        "4K": framed(astronaut, 1760, 3840, 2160),
    }


def framed(picture: Bgr, side: int, width: int, height: int) -> Bgr:
    """The square picture at `side` pixels, mirrored at its edges to fill the frame."""
    scaled = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    x, y = (width - side) // 2, (height - side) // 2
    filled = cv2.copyMakeBorder(scaled, y, y, x, x, cv2.BORDER_REFLECT_101)
    return np.asarray(filled, dtype=np.uint8)


def jpeg(frame: Bgr) -> bytes:
    return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def codec_alone(file: bytes) -> None:
    """What any service pays: Pillow's JPEG decoder and encoder, as encode() sets them."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        image.save(io.BytesIO(), "JPEG", quality=QUALITY, subsampling="4:4:4")


def median_ms(work: Callable[[], object]) -> float:
    """Median milliseconds of a few runs, after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
