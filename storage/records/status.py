"""The status record: the one truth about a job, and its lease.

Written only by the job's owner, always by compare-and-swap; the Worker passes it on unchanged.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

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
    "minor_refused",
    "person_protected",
    "content_rejected",
    "model_unavailable",
    "output_invalid",
    "attempts_exhausted",
    "forgotten",
    "timeout",
    "storage_unavailable",
    "internal",
]
WarningCode = Literal[
    "alpha_dropped",
    "alpha_flattened",
    "basic_engine",
    "bound_by_place",
    "colours_not_read",
    "container_changed",
    "content_flagged",
    "date_unknown",
    "depth_reduced",
    "end_missing",
    "enhancer_unavailable",
    "faces_left_out",
    "faces_not_swapped",
    "field_ignored",
    "first_frame_only",
    "frames_damaged",
    "frames_incomplete",
    "frames_missing",
    "frames_resized",
    "frames_unchanged",
    "hdr_to_sdr",
    "hdr_tones",
    "job_id_taken",
    "may_be_minor",
    "not_understood",
    "not_watermarked",
    "option_ignored",
    "size_made_even",
    "sound_dropped",
    "sound_encoded",
    "source_covered",
    "source_cut_off",
    "source_eyes_closed",
    "source_profile",
    "source_small",
    "target_covered",
    "text_dropped",
    "text_encoded",
    "weak_likeness",
]
Stage = Literal["queued", "download", "decode", "detect", "swap", "paste", "encode", "upload", "finish"]


def _to_z(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Utc = Annotated[
    AwareDatetime,
    PlainSerializer(_to_z, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class _Record(BaseModel):
    """Frozen and tolerant when read: a later version may have written keys unknown here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Segments(_Record):
    """The parts that a video is worked on in, each of which any attempt takes over from the ones before."""

    #: How many are done, by this attempt or an earlier one.
    done: int = Field(default=0, ge=0)
    #: How many there are.
    total: int = Field(default=0, ge=0)
    #: How many of those that are done this attempt took over.
    reused: int = Field(default=0, ge=0)

    @property
    def made(self) -> int:
        """How many this attempt has made itself."""
        return self.done - self.reused

    def handed_on(self) -> "Segments":
        """The same for the next attempt, which has made none yet."""
        return self.model_copy(update={"reused": self.done})


class Progress(_Record):
    """How far the current stage is."""

    #: How many of them are done.
    done: int = 0
    #: How many there are, 0 while that is not known.
    total: int = 0
    #: What is counted: pictures, frames, faces, bytes, segments.
    unit: str = "pictures"
    #: Of the stage, 0 to 100.
    percent: int = Field(default=0, ge=0, le=100)
    #: How many are done a second, of late; None where that is not measured.
    fps: float | None = None
    #: Seconds until the stage is over at that pace.
    left_s: float | None = None
    #: Of a video, once it is known how it is cut.
    segments: Segments | None = None


class LeaseInfo(_Record):
    """Who works on the job."""

    #: The consumer's name.
    owner: str
    #: For so many seconds after this write, by the store's clock, nobody else may.
    ttl_s: float


class EarlierMark(_Record):
    """What one of the files that a result is made of says of its own making; nobody has checked it."""

    #: IPTC's word for how it came to be, a URI.
    digital_source_type: str | None = None
    #: Who ran the system that made it.
    provider: str | None = None
    #: That system.
    system: str | None = None
    #: Its version.
    version: str | None = None
    #: When, as the file writes it.
    created_at: str | None = None
    #: The file's id.
    output_id: str | None = None
    #: The label of GB 45438-2025, as JSON.
    aigc: str | None = None


class Marks(_Record):
    """What a result says of its own making, in its metadata."""

    #: IPTC's word for how it came to be, a URI.
    digital_source_type: str
    #: Who runs the service.
    provider: str
    #: The system that altered the picture.
    system: str
    #: Its version.
    version: str
    #: When.
    created_at: Utc
    #: The result's own id.
    output_id: str
    #: The id that is hidden in its pixels, eight hexadecimal digits; None where there is none.
    watermark: str | None = None
    #: Whose certificate the result is signed with (C2PA); None where it is not.
    signed_by: str | None = None
    #: What its inputs say of themselves, and what those were made of; the target first.
    earlier: tuple[EarlierMark, ...] = ()


class Result(_Record):
    """The result that counts, whatever else lies beside it."""

    #: Where it lies; the number in it is the attempt that made it.
    key: str
    #: Of its bytes, in hexadecimal digits.
    sha256: str
    #: In bytes.
    size: int
    #: Its media type.
    content_type: str
    #: In pixels.
    width: int | None = None
    #: In pixels.
    height: int | None = None
    #: Of an animation or a video.
    frames: int | None = None
    #: How many seconds an animation or a video takes once.
    duration_s: float | None = None
    #: How many different faces of the target were swapped.
    faces_swapped: int | None = None
    #: What it says of its own making; None where it is no picture and no video.
    marks: Marks | None = None
    #: Of a video: the key of a JPEG picture of its first swapped frame.
    poster: str | None = None
    #: Of a video: the key of a few seconds of it as a small MP4.
    preview: str | None = None
    #: The key of its signed C2PA manifest, where its format cannot hold that.
    sidecar: str | None = None


class FaceSimilarity(_Record):
    """Identity distances; smaller is more alike."""

    #: From the face in the result to the source.
    to_source: float
    #: From the face in the result to the face that was there before.
    to_target_before: float
    #: From the source to the face that was there before.
    source_to_target_before: float


class FaceOutcome(_Record):
    """One face of the target and what was done with it."""

    #: `face_0`, `face_1` and so on, in reading order.
    face_id: str
    #: x, y, width and height in pixels of the upright picture.
    box: tuple[float, float, float, float]
    #: How certain the detector is, 0 to 1.
    score: float
    #: Whether the result shows another face in its place.
    swapped: bool
    #: What of the manifest was meant for it.
    source: str | None = None
    #: How alike it has become, None where it was not swapped.
    similarity: FaceSimilarity | None = None


def _or_a_later_one(code: object, known: ValidatorFunctionWrapHandler) -> object:
    return code if isinstance(code, str) else known(code)


class JobWarning(_Record):
    """Something the sender should know although the job went on."""

    #: For programs; a record of a later version may hold one that is not among these.
    code: Annotated[WarningCode, WrapValidator(_or_a_later_one)]
    #: For the person who sent the job.
    message: str


class AttemptFailure(_Record):
    """How one attempt failed."""

    #: Its number, from 1.
    attempt: int
    #: For programs.
    code: ErrorCode
    #: For the person who sent the job.
    message: str
    #: Where in the job it happened.
    stage: str
    #: When that was found out, by the wall clock of whoever did.
    at: Utc


class JobError(_Record):
    """Why the job failed, or its last attempt did."""

    #: For programs.
    code: ErrorCode
    #: For the person who sent the job.
    message: str
    #: Whether it is tried again by itself.
    retryable: bool
    #: All that failed so far; attempts that do not count are not among them.
    attempts: tuple[AttemptFailure, ...] = ()


class EngineRecord(_Record):
    """What swapped the faces, as it really ran."""

    #: The engine.
    name: str
    #: Of the engine.
    version: str
    #: The execution provider that ran its networks.
    provider: str
    #: sha256 of each model file, by its name.
    models: Mapping[str, str] = {}


class Status(_Record):
    """One job's record; times of day are for people, and decide nothing."""

    #: Of the contract.
    version: Literal[1] = 1
    #: The job's name in the bucket.
    job_id: str
    #: Grows by one with every write.
    rev: int = 1
    #: Random, new with every write: tells whose write stands where an answer was lost.
    write_id: str = ""
    #: The last three states never change again, but that a job may be forgotten.
    status: State = "pending"
    #: Where in its work the job is; while it is processing, at most three seconds old. `queued` is told of a
    #: job that is only claimed, too, and of one that waits for its first turn on the device. A pending job at
    #: `swap` was shared out: others make parts of it.
    stage: Stage = "queued"
    #: How far the stage is; as old as that.
    progress: Progress = Progress()
    #: The fencing token: grows with every claim and is never used twice.
    attempt: int = 0
    #: Grows by one for an attempt that does not count: one that was given back, or taken over from an owner
    #: that never began, or that shared the job out, or that failed or was cut off and had made a segment of a
    #: video.
    max_attempts: int = 3
    #: A pending job may not be claimed earlier than this, by the store's clock.
    not_before: Utc | None = None
    #: Who works on the job, None while nobody does.
    lease: LeaseInfo | None = None
    #: When the job was announced.
    created_at: Utc
    #: When this was written.
    updated_at: Utc
    #: When the job was first claimed.
    started_at: Utc | None = None
    #: When the job ended.
    finished_at: Utc | None = None
    #: Milliseconds by stage of the attempt that ended the job.
    timings_ms: Mapping[str, float] = {}
    #: Of a completed job, unless that is a part of another.
    result: Result | None = None
    #: The faces of the target, None where they were not looked for.
    faces: tuple[FaceOutcome, ...] | None = None
    #: Of the attempt that ended the job; before, and where it failed without any, of an earlier one.
    warnings: tuple[JobWarning, ...] = ()
    #: Of a failed job; before the end, what earlier attempts failed with.
    error: JobError | None = None
    #: As with `warnings`.
    engine: EngineRecord | None = None
    #: What was asked for, less pictures that were sent within it.
    manifest: Mapping[str, Any] | None = None

    @property
    def terminal(self) -> bool:
        """Whether the job has ended; a terminal record changes only when the job is forgotten."""
        return self.status in TERMINAL

    @property
    def has_advanced(self) -> bool:
        """Whether this attempt has made something that the next one need not make again."""
        segments = self.progress.segments
        return self.status == "processing" and segments is not None and segments.made > 0

    @property
    def only_claimed(self) -> bool:
        """Whether the job is somebody's whose work has yet to begin, as far as the record tells."""
        return self.status == "processing" and self.stage == "queued"

    def moment(self, now: datetime) -> datetime:
        """`now`, or the record's last time if a clock that is fast, the store's or another's, made it later.

        So the times of a record are in order, whoever wrote them.
        """
        return max(now, self.updated_at)

    def evolve(self, *, now: datetime, **changes: object) -> Self:
        """The next revision: `rev` one higher, a fresh `write_id`, `updated_at` at `now`, see `moment`."""
        return self.model_copy(
            update={
                **changes,
                "rev": self.rev + 1,
                "write_id": new_write_id(),
                "updated_at": self.moment(now),
            }
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
