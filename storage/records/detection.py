"""The result of a detect-faces job as it lies in the bucket, and as a later job reads it back."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
    model_validator,
)

from storage.errors import InvalidManifest
from storage.records.manifest import FaceId

MAX_DETECTION_BYTES = 32 * 2**20  # a thousand faces with previews and embeddings of 512 have 15 MB
_MAX_COMMAS = 1_000_000  # those have 540,000; each value takes a hundred times its byte while it is read

Point = tuple[FiniteFloat, FiniteFloat]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Record(BaseModel):
    """Frozen and tolerant when read: a later version may have written keys unknown here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DetectionMedia(_Record):
    """What was looked at; width and height in pixels, upright."""

    kind: Literal["picture", "video"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frames: int | None = None
    duration_s: float | None = None


class FaceTrack(_Record):
    """When a face is seen in a video, in seconds from its start."""

    first_s: float
    last_s: float


class FoundFace(_Record):
    """One face; all lengths in pixels, `confidence` 0..1.

    `kps` are left eye, right eye, nose tip, left and right mouth corner, as the viewer sees them; `preview`
    is a square JPEG as a `data:` URL, `embedding` is that of the engine which found the face.
    """

    face_id: FaceId
    x: FiniteFloat
    y: FiniteFloat
    width: Length
    height: Length
    confidence: float = Field(ge=0, le=1)
    kps: tuple[Point, Point, Point, Point, Point]
    center_x: FiniteFloat
    center_y: FiniteFloat
    position_description: str
    preview: Annotated[str, StringConstraints(pattern=r"^data:image/jpeg;base64,")]
    embedding: tuple[FiniteFloat, ...] | None = Field(default=None, min_length=1, max_length=4096)
    track: FaceTrack | None = None


class Detection(_Record):
    """A detect-faces result (contract, version 1); the faces of a picture are in reading order.

    `identity_model` is the `sha256:<hex>` of the network that made the embeddings.
    """

    version: Literal[1] = 1
    media: DetectionMedia
    total_faces: int
    faces: tuple[FoundFace, ...]
    identity_model: Annotated[str, StringConstraints(max_length=128)] | None = None

    @model_validator(mode="after")
    def _counts_each_face_once(self) -> Self:
        names = {face.face_id for face in self.faces}
        if not len(names) == len(self.faces) == self.total_faces:
            raise ValueError("`total_faces` or the face ids do not fit the faces")
        return self

    def to_bytes(self) -> bytes:
        """The JSON body that goes into the bucket; what is not known is left out."""
        return self.model_dump_json(exclude_none=True).encode()


def read_detection(body: bytes) -> Detection:
    """Read what a manifest's `detection` points at; raises InvalidManifest if it is no such result."""
    if len(body) > MAX_DETECTION_BYTES:
        raise InvalidManifest(
            f"The file `detection` points at is larger than {MAX_DETECTION_BYTES // 2**20} MiB."
        )
    if body.count(b",") > _MAX_COMMAS:
        raise InvalidManifest(
            "The file `detection` points at holds more than a detection of a thousand faces."
        )
    try:
        return Detection.model_validate_json(body)
    except ValidationError as error:
        raise InvalidManifest(
            "The file `detection` points at is not the result of a detect-faces job; name the key that "
            "such a job's status record gives as its result."
        ) from error
