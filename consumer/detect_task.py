"""The job that tells which faces a picture has, `detect-faces`."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

from consumer.bench import Tool
from consumer.detection_record import to_record
from consumer.picture_job import PicturePlan, to_engine_record, to_outcome, to_warnings
from consumer.task import Files, Finished, OnProgress
from pipeline.image_io.animation import Animation
from pipeline.image_io.decode import Limits, Picture
from pipeline.jobs.decode import decode_target, target_bytes
from pipeline.jobs.detect import DetectedFaces, detect_steps
from pipeline.jobs.request import FaceFloor
from pipeline.jobs.result import face_result
from pipeline.jobs.timing import Timings
from pipeline.provenance import Mark
from storage.lease import Output


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectTask:
    """Describes the faces of a plan's target, of one frame where it moves; see `consumer.task.Task`."""

    plan: PicturePlan
    tool: Tool
    limits: Limits
    floor: FaceFloor
    timings: Timings

    def read(self, files: Files) -> bytes:
        """The target's file."""
        return files[self.plan.target].body

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
            self.tool.engine, decoded, self.floor, self.timings, partial(on_progress, "detect")
        )

    def encode(self, done: DetectedFaces, _mark: Mark, _on_progress: OnProgress) -> Finished:
        """Write the detection; no face at all is a result as well."""
        with self.timings.measure("encode"):
            body = to_record(done).to_bytes()
        faces = (face_result(number, found.face) for number, found in enumerate(done.faces))
        engine = self.tool.engine
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
