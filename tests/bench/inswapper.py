"""The inswapper engine beside insightface's own classes, on the same ONNX files in the same run.

The networks are stand-ins: the swapper has inswapper_128's layers with random weights, the five of
`FaceAnalysis` have the input sizes and about the multiplications of buffalo_l's.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from models.catalogue import Catalogue, EngineSpec
from pipeline.align import similarity_fit, warp_crop
from pipeline.blend.paste import BoxEdge, paste
from pipeline.engines.base import BlendOptions
from pipeline.engines.inswapper.engine import InswapperEngine, InswapperSource, open_inswapper_engine
from pipeline.face import Array, Bgr, Face
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import encode
from pipeline.steps import at_once
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from tests.bench.picture import QUALITY, codec_alone, jpeg
from tests.bench.report import Row, row
from tests.support.engines import picture, png
from tests.support.faces import astronaut
from tests.support.requests import a_request
from tests.support.standins import build_inswapper_files
from tests.support.standins.costs import build_constant, build_full_swapper
from tests.support.standins.detector import build_detector
from tests.support.standins.insight import KnownSwapper, quiet
from tests.support.standins.recogniser import build_recogniser

CACHE: Final = Path("build/cache/inswapper")
THREADS: Final = os.cpu_count() or 1
PLAIN: Final = BlendOptions(color_correction=False)
CASES: Final = (("1080p", 1920, 1080, 160), ("1080p", 1920, 1080, 500), ("4K", 3840, 2160, 320))
# Multiplications a face, or a picture of 640x640, from the model zoos of insightface (SCRFD-10GF: 10 G at
# 640x480; ArcFace R50: 6.3 G at 112x112), and of a ResNet-50 and two MobileNets at the others' input sizes.
DETECTOR_MACS, RECOGNISER_MACS = 13.3e9, 6.3e9
OTHERS: Final = (  # side, channels, multiplications, answers
    ("1k3d68.onnx", 192, 256, 3.0e9, 3309),
    ("2d106det.onnx", 192, 64, 0.1e9, 212),
    ("genderage.onnx", 96, 32, 0.01e9, 3),
)


def inswapper_rows() -> Iterator[Row]:
    """Paste-back, one swap, finding faces and the whole job."""
    CACHE.mkdir(parents=True, exist_ok=True)
    spec = Catalogue.load().engines["inswapper_128"]
    yield from paste_rows(spec)
    yield job_without_networks(spec)
    yield from rows_with_networks(spec)


def paste_rows(spec: EngineSpec) -> Iterator[Row]:
    """Cutting the crop and pasting it back, where the network's answer is given."""
    crop = np.asarray(cv2.resize(astronaut()[65:180, 177:273], (128, 128)), np.uint8)
    theirs = KnownSwapper(crop)
    template = template_of(spec)
    for name, width, height, size in CASES:
        frame = np.asarray(cv2.resize(astronaut(), (width, height)), np.uint8)
        kps = np.asarray(template / 112 * size + (width * 0.4, height * 0.3), np.float32)

        def ours(edge: BoxEdge, frame: Bgr = frame, kps: Array = kps) -> None:
            matrix = similarity_fit(kps, template)
            warp_crop(frame, matrix, spec.input_size, border=cv2.BORDER_CONSTANT, antialias=False)
            paste(frame, crop, matrix, edge=edge)

        expected = theirs.get(frame, kps)
        ours_ms, theirs_ms = side_by_side(partial(ours, "exact"), partial(theirs.get, frame.copy(), kps))
        at_most = 1 / 20 if size < 500 else None  # promised for faces of usual size
        title = f"{name}, {size} px face"
        yield row(
            f"paste-back, {title}, to insightface's", ours_ms, "ms", reference=theirs_ms, at_most=at_most
        )
        frame = np.asarray(cv2.resize(astronaut(), (width, height)), np.uint8)
        paste(frame, crop, similarity_fit(kps, template), edge="exact")
        yield row(f"its picture, {title}, to insightface's", apart(frame, expected), "levels", at_most=2)
        fast_ms, exact_ms = side_by_side(partial(ours, "fast", frame), partial(ours, "exact", frame))
        yield row(f"fast paste-back, {title}, to exact", fast_ms, "ms", reference=exact_ms)


def job_without_networks(spec: EngineSpec) -> Row:
    """From bytes to bytes at 1080p, one face, with a swap network that takes no time."""
    engine = open_engine(build_inswapper_files(CACHE), spec)
    file = jpeg(np.asarray(cv2.resize(astronaut(), (1920, 1080)), np.uint8))
    kps = np.asarray(template_of(spec) / 112 * 160 + (800, 300), np.float32)
    face, source = Face(bbox=np.zeros(4, np.float32), score=1, kps=kps), a_source(engine)

    def job() -> None:
        bgr = decode(file, Limits()).bgr
        engine.swap(bgr, [(face, source)], BlendOptions())
        encode(bgr, None, to="jpeg", quality=QUALITY, xmp=b"")

    ours, codecs = side_by_side(job, partial(codec_alone, file))
    return row("inswapper job without networks, 1080p JPEG", ours, "ms", reference=codecs, at_most=3)


def rows_with_networks(spec: EngineSpec) -> Iterator[Row]:
    """One swap, finding the faces of a target, and the job, with networks that cost what the real ones do."""
    files = costly_files()
    engine = open_engine(files, spec)
    theirs, their_swapper = insightface_on(files)
    target = picture(1920, 1080, faces=((900, 400, 160, 200),))
    target = np.asarray(cv2.GaussianBlur(target, (0, 0), 0.8), np.uint8)
    (face,) = engine.find_faces(target)
    with quiet():
        (their_face,) = theirs.get(target)
    source = a_source(engine)
    their_source = type(their_face)(embedding=source.embedding)

    found = side_by_side(partial(engine.find_faces, target), partial(theirs.get, target), repeats=5)
    yield beside("find faces, 1080p, to FaceAnalysis's five networks", found)
    with quiet():
        ours, expected = target.copy(), their_swapper.get(target, their_face, their_source)
    engine.swap(ours, [(face, source)], PLAIN)
    yield row(
        "one swap, all layers, its picture to INSwapper.get's", apart(ours, expected), "levels", at_most=2
    )
    swapped = side_by_side(
        lambda: engine.swap(target.copy(), [(face, source)], PLAIN),
        lambda: their_swapper.get(target, their_face, their_source),
        repeats=4,
    )
    yield beside("one swap, all layers, 1080p, to INSwapper.get", swapped)

    swapper = Swapper(engine)
    request = a_request(png(source_picture()), jpeg(target))

    def job() -> None:
        run = swapper.open(request, Limits(), Timings())
        for name in run.unprepared:
            at_once(run.prepare(name, run.load(name)))
        frame = run.read_frame()
        run.swap(frame)
        encode(frame.bgr, None, to="jpeg", quality=QUALITY, xmp=b"")

    def their_job() -> None:
        bgr: Any = cv2.imdecode(np.frombuffer(request.target, np.uint8), cv2.IMREAD_COLOR)
        for found in theirs.get(bgr):
            bgr = their_swapper.get(bgr, found, their_source)
        cv2.imencode(".jpg", bgr)

    yield beside(
        "picture job, all networks, 1080p, to insightface's", side_by_side(job, their_job, repeats=4)
    )


def costly_files() -> dict[str, Path]:
    """All files of buffalo_l and inswapper, as expensive as the real ones; made once, 800 MB."""
    folder = CACHE / "all_layers"
    buffalo = folder / "buffalo_l"
    if not folder.is_dir():
        making = CACHE / "making"
        (making / "buffalo_l").mkdir(parents=True, exist_ok=True)
        build_detector(making / "buffalo_l/det_10g.onnx", macs=DETECTOR_MACS)
        build_recogniser(making / "buffalo_l/w600k_r50.onnx", macs=RECOGNISER_MACS)
        for name, side, channels, macs, answers in OTHERS:
            path = making / "buffalo_l" / name
            build_constant(path, side=side, channels=channels, macs=macs, answers=answers)
        build_full_swapper(making / "inswapper_128.onnx")
        making.rename(folder)
    return {
        "swapper": folder / "inswapper_128.onnx",
        "detector": buffalo / "det_10g.onnx",
        "recogniser": buffalo / "w600k_r50.onnx",
    }


def open_engine(files: dict[str, Path], spec: EngineSpec) -> InswapperEngine:
    return open_inswapper_engine(files, spec, provider="cpu", threads=THREADS, hashes={})


def insightface_on(files: dict[str, Path]) -> tuple[Any, Any]:
    """FaceAnalysis with all five networks, and INSwapper, as their documentation opens them."""
    from insightface.app import FaceAnalysis  # noqa: PLC0415 -- takes 2 s to import
    from insightface.model_zoo.inswapper import INSwapper  # noqa: PLC0415 -- as above

    with quiet():
        analysis = FaceAnalysis(name=str(files["detector"].parent), providers=["CPUExecutionProvider"])
        analysis.prepare(ctx_id=0, det_size=(640, 640))
        return analysis, INSwapper(str(files["swapper"]))


def source_picture() -> Bgr:
    return picture(640, 640, faces=((240, 200, 160, 200),))


def a_source(engine: InswapperEngine) -> InswapperSource:
    (face,) = engine.find_faces(source_picture())
    return engine.prepare_source(source_picture(), face)


def template_of(spec: EngineSpec) -> Any:  # noqa: ANN401 -- float64
    return np.array(spec.template.at(spec.input_size))


def beside(name: str, times: tuple[float, float]) -> Row:
    """Ours and theirs without a promise."""
    return row(name, times[0], "ms", reference=times[1])


def apart(one: Bgr, other: Bgr | None) -> float:
    """The largest difference of two pictures, in levels of 255."""
    return 255 if other is None else float(np.abs(one.astype(int) - other).max())


def side_by_side(
    ours: Callable[[], object], theirs: Callable[[], object], *, repeats: int = 9
) -> tuple[float, float]:
    """Median milliseconds of both, taken in turns so that a busy machine slows both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    with quiet():
        for turn in range(repeats + 1):
            for work, taken in zip((ours, theirs), times, strict=True):
                began = time.perf_counter()
                work()
                if turn:  # the first one warms up
                    taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])
