"""An engine whose result is known beforehand: faces are reddish boxes, a swap fills one with one colour."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np

from consumer.engines.on_disk import FilesMissing, UnknownEngine
from consumer.engines.opening import EngineHandle
from models.errors import ModelMissing
from models.store.download import DownloadProgress
from pipeline.blend.enhance import Enhancer
from pipeline.content import ContentCheck
from pipeline.engines.base import AnyEngine, BlendOptions, EngineInfo
from pipeline.errors import EnhancerUnavailable
from pipeline.face import Array, Bgr, Face, FoundFaces, Notice, Source
from pipeline.faces.match import in_place
from pipeline.faces.select import IdentityScale, reading_order
from pipeline.steps import Steps
from pipeline.swap.minors import MinorCheck
from pipeline.swap.protected import ProtectedPeople
from pipeline.watermark.embed import Watermarker

T = TypeVar("T")

FACE_BGR = (0, 0, 255)
SCALE = IdentityScale(accept=40, accept_small=40, small_px=0, margin=5, blind_px=0)
"""Two faces are one person where their mean colours are nearly the same."""


def person_bgr(person: int) -> tuple[int, int, int]:
    """The colour of a person's face: red with as much green as tells people apart; 0 to 4."""
    return (0, 50 * person, 255)


def picture(
    width: int = 64,
    height: int = 48,
    *,
    colour: tuple[int, int, int] = (200, 120, 40),
    faces: tuple[tuple[int, int, int, int], ...] = ((20, 10, 24, 24),),
    people: tuple[int, ...] = (),
) -> Bgr:
    """A (height, width, 3) uint8 BGR picture of one colour; `faces` are its boxes (x, y, width, height).

    `people` are those whose faces they are, in the same order; all are person 0 if not given.
    """
    bgr = np.full((height, width, 3), colour, np.uint8)
    for number, (x, y, face_width, face_height) in enumerate(faces):
        bgr[y : y + face_height, x : x + face_width] = person_bgr(people[number] if people else 0)
    return bgr


def png(bgr: Bgr) -> bytes:
    """A lossless file of a picture."""
    return cv2.imencode(".png", bgr)[1].tobytes()


@dataclass(frozen=True)
class Opened(Generic[T]):
    """An opener, which can be pickled if `how` can."""

    how: Callable[[], T]

    def __call__(self, *, threads: int | None = None) -> T:
        del threads
        return self.how()


class OneEngine:
    """A shelf with one engine, which stands for both its names; `opened` makes it, and may raise.

    `minors` is what looks for minors, `content` at what pictures show, if anything shall;
    `protected` tells people who are never put in from others, `watermarker` hides ids.
    """

    _names = ("auto", "mesh")

    def __init__(
        self,
        opened: Callable[[], AnyEngine],
        *,
        minors: MinorCheck | None = None,
        content: ContentCheck | None = None,
        protected: ProtectedPeople | None = None,
        watermarker: Watermarker | None = None,
    ) -> None:
        self._protected = protected
        self._watermarker = watermarker
        self._open = opened
        self._content = content
        self._minors = minors

    def find(self, name: str) -> EngineHandle[AnyEngine]:
        if name not in self._names:
            raise UnknownEngine(name, self._names)
        return EngineHandle(name="flat", folder=Path("flat"), models={}, open=Opened(self._open))

    def find_enhancer(self) -> EngineHandle[Enhancer]:
        raise EnhancerUnavailable

    def minor_check(self) -> MinorCheck | None:
        return self._minors

    def hand_keeper(self) -> None: ...

    def content_check(self) -> ContentCheck | None:
        return self._content

    def watermarker(self) -> Watermarker | None:
        return self._watermarker

    def protected_people(self) -> ProtectedPeople:
        return self._protected or ProtectedPeople()

    def check_provider(self) -> None: ...

    def pull(self, progress: DownloadProgress) -> None: ...


MISSING = FilesMissing(
    "inswapper_128_fp16",
    {"face.onnx": ModelMissing("The model file face.onnx is missing.", ["/models: empty"])},
)


class Cupboard:
    """A shelf whose content can be changed: `holds` an engine or an error by name, else MISSING.

    `looks` counts the searches, `checks` the proofs of the provider.
    """

    def __init__(self) -> None:
        self.holds: dict[str, EngineHandle[AnyEngine] | Exception] = {}
        self.enhancer: EngineHandle[Enhancer] | Exception = EnhancerUnavailable()
        self.polls = 0
        self.checks = 0

    def put(
        self, name: str, opened: Callable[[], AnyEngine], *, called: str = "", fallback: bool = False
    ) -> None:
        """Let a name stand for an engine, which calls itself `called`."""
        self.holds[name] = EngineHandle(
            name=called or name, folder=Path("models"), models={}, open=Opened(opened), fallback=fallback
        )

    def find(self, name: str) -> EngineHandle[AnyEngine]:
        self.polls += 1
        return _given(self.holds.get(name, MISSING))

    def find_enhancer(self) -> EngineHandle[Enhancer]:
        return _given(self.enhancer)

    def minor_check(self) -> None: ...

    def hand_keeper(self) -> None: ...

    def content_check(self) -> None: ...

    def watermarker(self) -> None: ...

    def protected_people(self) -> ProtectedPeople:
        return ProtectedPeople()

    def check_provider(self) -> None:
        self.checks += 1

    def pull(self, progress: DownloadProgress) -> None: ...


def _given(kept: T | Exception) -> T:
    if isinstance(kept, Exception):
        raise kept
    return kept


class FlatEngine:
    """Fills a face's box with the colour of the source picture's first pixel.

    `swap_s` is how long a swap takes, `on_swap` is called within one and may raise or block. `prepared`
    and `swaps` count the calls, `threads` holds the threads that made them.
    """

    def __init__(
        self, *, swap_s: float = 0.0, on_swap: Callable[[], None] | None = None, batch_size: int = 1
    ) -> None:
        self.prepared = 0
        self.swaps = 0
        self.threads: set[str] = set()
        self._swap_s = swap_s
        self._on_swap = on_swap
        self._batch_size = batch_size

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="flat", version="1", provider="CPUExecutionProvider", models={"flat.onnx": "sha256:00"}
        )

    @property
    def notices(self) -> tuple[Notice, ...]:
        return (Notice(code="basic_engine", message="Faces are one colour."),)

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @property
    def identity_scale(self) -> IdentityScale:
        return SCALE

    @property
    def identity_model(self) -> str | None:
        return "sha256:00"

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        return FoundFaces(faces=self.find_faces(picture))
        yield

    def find_faces(self, picture: Bgr) -> list[Face]:
        self.threads.add(threading.current_thread().name)
        mask = ((picture[..., 0] == 0) & (picture[..., 2] == 255)).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        return reading_order(face_in(*map(int, box[:4])) for box in stats[1:count])

    @property
    def glance_px(self) -> int:
        return 256

    def glance(self, picture: Bgr) -> Array:
        faces = FlatEngine.find_faces(self, picture)
        return np.array([(*face.bbox, face.score) for face in faces], np.float32).reshape(-1, 5)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        return in_place(FlatEngine.find_faces(self, picture), face.bbox)

    def prepare_source(self, picture: Bgr, face: Face) -> Source:
        self.prepared += 1
        return Source(face=face, embedding=picture[0, 0].astype(np.float32))

    def merge_sources(self, sources: Sequence[Source]) -> Source:
        colours = [source.embedding for source in sources if source.embedding is not None]
        return Source(face=sources[0].face, embedding=np.mean(colours, axis=0))

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, Source]],
        blend: BlendOptions,  # noqa: ARG002 -- the port's
        *,
        others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
    ) -> list[bool]:
        self.swaps += 1
        time.sleep(self._swap_s)
        if self._on_swap is not None:
            self._on_swap()
        for face, source in pairs:
            x0, y0, x1, y1 = face.bbox.astype(int)
            frame[y0:y1, x0:x1] = 0 if source.embedding is None else source.embedding
        return [True] * len(pairs)

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        x0, y0, x1, y1 = face.bbox.astype(int)
        return np.asarray(picture[y0:y1, x0:x1].mean(axis=(0, 1)), np.float32)

    def distance(self, one: Array, other: Array) -> float:
        return float(np.linalg.norm(one - other))


def face_in(left: int, top: int, width: int, height: int) -> Face:
    """A face that fills a box, in pixels."""
    bbox = np.array((left, top, left + width, top + height), np.float32)
    kps = np.array(((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)), np.float32)
    return Face(bbox=bbox, score=0.9, kps=kps * (width, height) + (left, top))
