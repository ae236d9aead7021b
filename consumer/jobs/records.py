"""From what the pipeline says of faces, engines and doubts to what a job's record says of them."""

from collections.abc import Iterable, Mapping

from pipeline.engines.base import EngineInfo
from pipeline.face import Notice
from pipeline.swap.result import FaceResult
from storage.records.status import EngineRecord, FaceOutcome, FaceSimilarity, JobWarning


def to_warnings(notices: Iterable[Notice]) -> tuple[JobWarning, ...]:
    """The pipeline's notices as the record's warnings, each once."""
    return tuple(JobWarning(code=notice.code, message=notice.message) for notice in dict.fromkeys(notices))


def to_outcome(face: FaceResult) -> FaceOutcome:
    """A face as the record tells of it."""
    likeness = face.likeness
    return FaceOutcome(
        face_id=face.face_id,
        box=face.box,
        score=face.score,
        swapped=face.swapped,
        source=face.source,
        similarity=None
        if likeness is None
        else FaceSimilarity(
            to_source=likeness.to_source,
            to_target_before=likeness.to_target_before,
            source_to_target_before=likeness.source_to_target_before,
        ),
    )


def to_engine_record(info: EngineInfo, further_models: Mapping[str, str]) -> EngineRecord:
    """An engine, and the files of what came after it, as the record tells of them."""
    return EngineRecord(
        name=info.name,
        version=info.version,
        provider=info.provider,
        models={**info.models, **further_models},
    )
