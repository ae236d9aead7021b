"""The job that tells which faces a picture has, `detect-faces`."""

from collections.abc import Generator
from dataclasses import dataclass

from consumer.bench import Tool
from consumer.detection_record import to_record
from consumer.picture_job import PicturePlan, to_engine_record, to_outcome, to_warnings
from consumer.task import Files, Finished, OnProgress
from pipeline.image_io.decode import BYTES_PER_PIXEL, Limits, Picture, count_pixels, decode
from pipeline.jobs.detect import DetectedFaces, detect
from pipeline.jobs.naming import naming
from pipeline.jobs.request import FaceFloor
from pipeline.jobs.result import face_result
from pipeline.jobs.timing import Timings
from pipeline.provenance import Mark
from storage.lease import Output


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectTask:
    """Describes the faces of a plan's target, of an animation its first frame; see `consumer.task.Task`."""

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
        with naming("target"):
            return count_pixels(asked, self.limits) * BYTES_PER_PIXEL

    def decode(self, asked: bytes) -> Picture:
        """Decode the target."""
        with self.timings.measure("decode"), naming("target"):
            return decode(asked, self.limits)

    def unit(self, _decoded: Picture) -> str:
        """Progress counts faces."""
        return "faces"

    def work(self, decoded: Picture, on_progress: OnProgress) -> Generator[object, None, DetectedFaces]:
        """Detect, in one step."""
        yield from ()
        on_progress("detect", 0, 0)
        with self.timings.measure("detect"):
            return detect(self.tool.engine, decoded, self.floor)

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
