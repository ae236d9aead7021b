"""The status record: the one truth about a job, and its lease.

Written only by the job's owner, always by compare-and-swap; the Worker passes it on unchanged.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

State = Literal["pending", "processing", "completed", "failed", "cancelled"]
TERMINAL: frozenset[State] = frozenset({"completed", "failed", "cancelled"})
ErrorCode = Literal[
    "invalid_manifest",
    "consent_missing",
    "input_not_found",
    "input_forbidden",
    "input_too_large",
    "unsupported_media",
    "media_corrupt",
    "no_face_in_source",
    "no_face_in_target",
    "face_not_found",
    "content_rejected",
    "model_unavailable",
    "output_invalid",
    "attempts_exhausted",
    "timeout",
    "storage_unavailable",
    "internal",
]
Stage = Literal["queued", "download", "decode", "detect", "swap", "paste", "encode", "upload", "finish"]


def _to_z(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Utc = Annotated[AwareDatetime, PlainSerializer(_to_z, return_type=str, when_used="json")]


class _Record(BaseModel):
    """Frozen and tolerant when read: a later version may have written keys unknown here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Progress(_Record):
    """How far the job is, counted in `unit` (pictures, frames, faces)."""

    done: int = 0
    total: int = 0
    unit: str = "pictures"
    percent: int = Field(default=0, ge=0, le=100)


class LeaseInfo(_Record):
    """Who works on the job, and for how many seconds after this write nobody else may."""

    owner: str
    ttl_s: float


class Result(_Record):
    """The result bytes that count; size in bytes, width and height in pixels."""

    key: str
    sha256: str
    size: int
    content_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    duration_s: float | None = None
    faces_swapped: int | None = None


class FaceSimilarity(_Record):
    """Identity distances of the face in the result; smaller is more alike."""

    to_source: float
    to_target_before: float
    source_to_target_before: float


class FaceOutcome(_Record):
    """One face of the target: `box` is x, y, width, height in pixels of the upright picture."""

    face_id: str
    box: tuple[float, float, float, float]
    score: float
    swapped: bool
    source: str | None = None
    similarity: FaceSimilarity | None = None


class JobWarning(_Record):
    """Something the sender should know although the job went on."""

    code: str
    message: str


class AttemptFailure(_Record):
    """How one attempt failed."""

    attempt: int
    code: ErrorCode
    message: str
    stage: str
    at: Utc


class JobError(_Record):
    """Why the job failed, written for the person who sent it."""

    code: ErrorCode
    message: str
    retryable: bool
    attempts: tuple[AttemptFailure, ...] = ()


class EngineRecord(_Record):
    """What swapped the faces, as it really ran."""

    name: str
    version: str
    provider: str
    models: Mapping[str, str] = {}


class Status(_Record):
    """One job's record (contract, version 1)."""

    version: Literal[1] = 1
    job_id: str
    rev: int = 1
    write_id: str = ""
    status: State = "pending"
    stage: Stage = "queued"
    progress: Progress = Progress()
    attempt: int = 0
    max_attempts: int = 3
    not_before: Utc | None = None
    lease: LeaseInfo | None = None
    created_at: Utc
    updated_at: Utc
    started_at: Utc | None = None
    finished_at: Utc | None = None
    timings_ms: Mapping[str, float] = {}
    result: Result | None = None
    faces: tuple[FaceOutcome, ...] | None = None
    warnings: tuple[JobWarning, ...] = ()
    error: JobError | None = None
    engine: EngineRecord | None = None
    manifest: Mapping[str, Any] | None = None

    @property
    def terminal(self) -> bool:
        """Whether the job has ended; a terminal record never changes again."""
        return self.status in TERMINAL

    def evolve(self, *, now: datetime, **changes: object) -> Self:
        """The next revision: `rev` one higher, a fresh `write_id`, `updated_at` = `now`."""
        return self.model_copy(
            update={**changes, "rev": self.rev + 1, "write_id": new_write_id(), "updated_at": now}
        )

    def to_bytes(self) -> bytes:
        """The JSON body that goes into the bucket."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read a body from the bucket; raises pydantic.ValidationError if it is no status record."""
        return cls.model_validate_json(body)


def new_write_id() -> str:
    """A random id for one write; without it equal bodies have equal ETags and two writers can both win."""
    return secrets.token_hex(8)
