"""The job that tells which faces a picture has, `detect-faces`."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

from consumer.engines.pool import LoadedEngine
from consumer.jobs.detection_record import to_record
from consumer.jobs.kind import Files, Finished, OnProgress
from consumer.jobs.plan import PicturePlan, to_engine_record, to_outcome, to_warnings
from pipeline.marks.provenance import Mark
from pipeline.media.animations.read import Animation
from pipeline.media.pictures.decode import Limits, Picture
from pipeline.swap.decode import decode_target, target_bytes
from pipeline.swap.detect import DetectedFaces, detect_steps
from pipeline.swap.request import FaceFilter
from pipeline.swap.result import face_result
from pipeline.swap.timing import Timings
from storage.lease.leases import Output


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectTask:
    """Describes the faces of a plan's target, of one frame where it moves; see `consumer.jobs.kind.Task`."""

    plan: PicturePlan
    loaded: LoadedEngine
    limits: Limits
    face_filter: FaceFilter
    timings: Timings

    def read(self, files: Files) -> bytes:
        """The target's file."""
        return files[self.plan.target].read()

    def decoded_bytes(self, asked: bytes) -> int:
        """Memory that the picture takes; raises as `decode`."""
        return target_bytes(asked, self.limits)

    def decode(self, asked: bytes) -> Picture | Animation:
        """Decode the target."""
        with self.timings.measure("decode"):
            return decode_target(asked, self.limits)

    def unit(self, decoded: Picture | Animation) -> str:
        """Progress counts faces, or frames of an animation."""
        return "frames" if isinstance(decoded, Animation) else "faces"

    def work(
        self, decoded: Picture | Animation, on_progress: OnProgress
    ) -> Generator[object, None, DetectedFaces]:
        """Detect."""
        return detect_steps(
            self.loaded.engine, decoded, self.face_filter, self.timings, partial(on_progress, "detect")
        )

    def encode(self, done: DetectedFaces, _mark: Mark, _on_progress: OnProgress) -> Finished:
        """Write the detection; no face at all is a result as well."""
        with self.timings.measure("encode"):
            body = to_record(done).to_bytes()
        faces = (face_result(number, found.face) for number, found in enumerate(done.faces))
        engine = self.loaded.engine
        return Finished(
            output=Output(
                body=body,
                extension="json",
                content_type="application/json",
                width=done.width,
                height=done.height,
            ),
            faces=tuple(to_outcome(face) for face in faces),
            warnings=(*self.plan.warnings, *to_warnings(done.notices)),
            engine=to_engine_record(engine.info, {}),
        )
