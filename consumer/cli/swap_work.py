"""The work of `swapdrop swap`: one opened engine, through which any number of pictures go one by one."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import structlog

from consumer.client.files import describe_os_error, write_whole
from consumer.client.fingerprint import SYSTEM, Asked, ResultFingerprint
from consumer.config.limits import picture_limits
from consumer.config.settings import Settings
from consumer.engines.registry import AnyEngine, open_registry
from consumer.jobs.plan import PicturePlan, plan_picture
from models.errors import ModelError
from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import EngineInfo
from pipeline.errors import NoFaceInSource
from pipeline.face import Notice
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import decode as decode_picture
from pipeline.swap.decode import DecodedPictures, decode
from pipeline.swap.encode import encode
from pipeline.swap.naming import naming, source_title
from pipeline.swap.picture import PictureSwapper
from pipeline.swap.request import PictureRequest, SourceFile
from pipeline.swap.result import FaceResult, SwappedPicture
from pipeline.swap.timing import Timings

DONE = "done"
_UNFORESEEN = "Something unforeseen went wrong; the line before this one says what."

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Item:
    """A picture to change and the file its result goes to; `name` is for people."""

    name: str
    target: Path
    output: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of a picture: `state` is `done`, or the code of the error that `message` tells of."""

    item: Item
    state: str
    message: str = ""
    faces: tuple[FaceResult, ...] = ()
    notices: tuple[Notice, ...] = ()
    engine: EngineInfo | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def swapped(self) -> int:
        """How many faces were swapped."""
        return sum(face.swapped for face in self.faces)


class Swaps:
    """One engine with what every picture has in common; `swap` belongs to one thread."""

    def __init__(
        self,
        settings: Settings,
        asked: Asked,
        plan: PicturePlan,
        *,
        engine: AnyEngine,
        enhancer: Enhancer | None,
    ) -> None:
        self._limits = picture_limits(settings)
        self._operator = settings.operator
        self._plan = plan
        self._asked = asked
        self._fingerprint = ResultFingerprint(asked)
        self._engine = engine
        self._swapper = PictureSwapper(engine, enhancer=enhancer)
        bodies = {name: path.read_bytes() for name, path in asked.sources.items()}
        self._sources = {
            name: SourceFile(body=body, sha256=hashlib.sha256(body).hexdigest())
            for name, body in bodies.items()
        }

    def decode(self, item: Item) -> tuple[DecodedPictures, str]:
        """Read and decode a picture; a source whose face has been prepared is not decoded again.

        Returns also the id of what is made of it.
        """
        target = item.target.read_bytes()
        request = PictureRequest(
            sources=self._sources,
            target=target,
            choice=self._asked.choice,
            blend=self._plan.blend,
            face_filter=self._asked.face_filter,
        )
        decoded = decode(request, self._limits, Timings(), self._swapper.kept(request))
        return decoded, self._fingerprint.output_id(target)

    def swap(self, decoded: DecodedPictures) -> SwappedPicture:
        """Swap the faces."""
        return self._swapper.swap(decoded, _no_progress)

    def check_sources(self) -> None:
        """Look for a face in every source, before the same fault is told of a thousand targets.

        Raises:
            InputError: a source cannot be used.
        """
        for name, file in self._sources.items():
            with naming(source_title(name)):
                if not self._engine.find_faces(decode_picture(file.body, self._limits).bgr):
                    raise NoFaceInSource

    def save(self, item: Item, swapped: SwappedPicture, output_id: str) -> tuple[Notice, ...]:
        """Encode the result and write it whole; returns what its owner should know."""
        mark = Mark(
            output_id=output_id,
            provider=self._operator,
            system=SYSTEM,
            version=metadata.version("swapdrop"),
            created_at=datetime.now(UTC),
        )
        options = self._plan.options
        encoded = encode(swapped, requested=options.output_format, quality=options.image_quality, mark=mark)
        write_whole(item.output, encoded.data)
        return tuple(dict.fromkeys((*swapped.notices, *encoded.notices)))


def open_swaps(settings: Settings, asked: Asked) -> Swaps:
    """Open the engine that is asked for; options are refused with the same words as a job's.

    Raises:
        ModelError: the engine or the enhancer cannot be opened.
        OSError: a source cannot be read.
    """
    registry = open_registry(settings)
    plan = plan_picture(asked.manifest, registry.names, paste=settings.paste)
    engine = registry.find(plan.options.engine).open()
    enhancer = registry.find_enhancer().open() if plan.blend.enhance else None
    return Swaps(settings, asked, plan, engine=engine, enhancer=enhancer)


def swap_all(swaps: Swaps, items: Sequence[Item]) -> Iterator[Outcome]:
    """Swap pictures in their order; while one is swapped, the next is decoded and the last one saved."""
    with ThreadPoolExecutor(1, "decode") as reader, ThreadPoolExecutor(1, "save") as writer:
        decoding = reader.submit(swaps.decode, items[0])
        saving: Future[Outcome] | None = None
        for number, item in enumerate(items):
            decoded = decoding
            if number + 1 < len(items):
                decoding = reader.submit(swaps.decode, items[number + 1])
            try:
                pictures, output_id = decoded.result()
                made: tuple[SwappedPicture, str] | Exception = (swaps.swap(pictures), output_id)
            except Exception as error:  # noqa: BLE001 - told in the picture's outcome
                made = error
            if saving is not None:
                yield saving.result()
            saving = writer.submit(_finish, swaps, item, made)
        if saving is not None:
            yield saving.result()


def _finish(swaps: Swaps, item: Item, made: tuple[SwappedPicture, str] | Exception) -> Outcome:
    try:
        if isinstance(made, Exception):
            raise made  # noqa: TRY301 - so that all faults are told in one place
        swapped, output_id = made
        notices = swaps.save(item, swapped, output_id)
    except ModelError as error:
        return Outcome(item=item, state=error.code, message=str(error))
    except OSError as error:
        return Outcome(item=item, state="file_error", message=describe_os_error(error))
    except Exception as error:  # noqa: BLE001 - one picture's fault must not end a night's work
        _log.error("unforeseen_error", target=item.name, exc_info=error)
        return Outcome(item=item, state="internal", message=_UNFORESEEN)
    return Outcome(
        item=item,
        state=DONE,
        faces=swapped.faces,
        notices=notices,
        engine=swapped.engine,
        timings_ms=dict(swapped.timings.ms),
    )


def _no_progress(_stage: str, _done: int, _total: int) -> None:
    """The bar of many pictures moves with each."""
