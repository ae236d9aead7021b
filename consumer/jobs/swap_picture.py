"""The jobs that swap faces in a picture, `single-image` and `multi-image`."""

from collections.abc import Generator
from dataclasses import dataclass

from consumer.engines.pool import LoadedEngine
from consumer.jobs.detection_record import to_stored_faces
from consumer.jobs.kind import Files, Finished, OnProgress
from consumer.jobs.plan import PicturePlan, to_engine_record, to_outcome, to_warnings
from pipeline.marks.provenance import Mark
from pipeline.media.animations.read import Animation
from pipeline.media.pictures.decode import Limits
from pipeline.swap.decode import DecodedPictures, Kept, decode, decoded_bytes
from pipeline.swap.encode import encode
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, PictureRequest, SourceFile
from pipeline.swap.result import SwappedPicture
from pipeline.swap.timing import Timings
from storage.lease.leases import Output
from storage.records.detection import read_detection


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """A request, and those of its sources that are ready from earlier jobs."""

    request: PictureRequest
    kept: Kept


@dataclass(frozen=True, kw_only=True, eq=False)
class SwapTask:
    """Puts the faces of a plan's sources onto faces of its target; see `consumer.jobs.kind.Task`."""

    plan: PicturePlan
    loaded: LoadedEngine
    limits: Limits
    face_filter: FaceFilter
    timings: Timings

    def read(self, files: Files) -> Asked:
        """Make the request; raises InvalidManifest where `detection` is none of a picture."""
        plan = self.plan
        request = PictureRequest(
            sources={
                name: SourceFile(body=files[reference].read(), sha256=files[reference].sha256)
                for name, reference in plan.sources.items()
            },
            target=files[plan.target].read(),
            choice=self._choice(files),
            blend=plan.blend,
            face_filter=self.face_filter,
        )
        return Asked(request=request, kept=self.loaded.swapper.kept(request))

    def decoded_bytes(self, asked: Asked) -> int:
        """Memory that the pictures take until the result is encoded; raises as `decode`."""
        to = self.plan.options.output_format
        return decoded_bytes(asked.request, self.limits, asked.kept, to=to)

    def decode(self, asked: Asked) -> DecodedPictures:
        """Decode the target, and the sources that are not kept."""
        return decode(asked.request, self.limits, self.timings, asked.kept)

    def unit(self, decoded: DecodedPictures) -> str:
        """Progress counts faces, or frames of an animation."""
        return "frames" if isinstance(decoded.target, Animation) else "faces"

    def work(
        self, decoded: DecodedPictures, on_progress: OnProgress
    ) -> Generator[object, None, SwappedPicture]:
        """Swap."""
        return self.loaded.swapper.steps(decoded, on_progress)

    def encode(self, done: SwappedPicture, mark: Mark, on_progress: OnProgress) -> Finished:
        """Encode the changed target."""
        options = self.plan.options
        encoded = encode(
            done,
            requested=options.output_format,
            quality=options.image_quality,
            mark=mark,
            on_frame=lambda frames, total: on_progress("encode", frames, total),
        )
        return Finished(
            output=Output(
                body=encoded.data,
                extension=encoded.media.extension,
                content_type=encoded.media.content_type,
                width=encoded.width,
                height=encoded.height,
                faces_swapped=sum(face.swapped for face in done.faces),
                frames=encoded.frames,
                duration_s=encoded.duration_s,
            ),
            faces=tuple(to_outcome(face) for face in done.faces),
            warnings=(*self.plan.warnings, *to_warnings((*done.notices, *encoded.notices))),
            engine=to_engine_record(done.engine, self.loaded.enhancer_models),
        )

    def _choice(self, files: Files) -> Choice:
        plan = self.plan
        if plan.detection is not None:
            return Mapped(to_stored_faces(read_detection(files[plan.detection].read())))
        if plan.numbered:
            return Mapped()
        return Every() if plan.options.many_faces else Largest()
