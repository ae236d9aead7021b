"""The result of a detect-faces job as it lies in the bucket, and as a later job reads it back."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from storage.errors import InvalidManifest
from storage.records.manifest import FaceId

MAX_DETECTION_BYTES = 32 * 2**20  # a thousand faces with previews and embeddings of 512 have 15 MB
_MAX_COMMAS = 1_000_000  # those have 540,000; each value takes a hundred times its byte while it is read

_MOST = 10**9  # of anything; far beyond any picture or video
# Faces are computed in 32 bits, where numbers up to this one still differ by the tenths they are rounded to.
_FAR = 1e6

Pixels = Annotated[int, Field(gt=0, le=_MOST)]
Number = Annotated[float, Field(ge=-_FAR, le=_FAR, allow_inf_nan=False)]
Length = Annotated[float, Field(ge=0.1, le=_FAR, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=_MOST)]
Seconds = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
Point = tuple[Number, Number]


class _Record(BaseModel):
    """Frozen and tolerant when read: a later version may have written keys unknown here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DetectionMedia(_Record):
    """What was looked at; width and height in pixels, upright."""

    kind: Literal["picture", "video"]
    width: Pixels
    height: Pixels
    frames: Count | None = None
    duration_s: Seconds | None = None


class FaceTrack(_Record):
    """When a face is seen in a video, in seconds from its start."""

    first_s: Seconds
    last_s: Seconds


class FoundFace(_Record):
    """One face; all lengths in pixels, `confidence` 0..1.

    `kps` are left eye, right eye, nose tip, left and right mouth corner, as the viewer sees them; `preview`
    is a square JPEG as a `data:` URL, `embedding` is that of the engine which found the face.
    """

    face_id: FaceId
    x: Number
    y: Number
    width: Length
    height: Length
    confidence: float = Field(ge=0, le=1)
    kps: tuple[Point, Point, Point, Point, Point]
    center_x: Number
    center_y: Number
    position_description: str
    preview: Annotated[str, StringConstraints(pattern=r"^data:image/jpeg;base64,")]
    embedding: tuple[Number, ...] | None = Field(default=None, min_length=1, max_length=4096)
    track: FaceTrack | None = None


class Detection(_Record):
    """A detect-faces result (contract, version 1); the faces of a picture are in reading order.

    `identity_model` is the `sha256:<hex>` of the network that made the embeddings.
    """

    version: Literal[1] = 1
    media: DetectionMedia
    total_faces: Count
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
