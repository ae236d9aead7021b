"""The job manifest: one typed form behind every accepted spelling.

`read_manifest` is the only door. It unwraps a RunPod envelope, maps aliases to the contract's names and
validates; nothing behind it knows that there were several spellings.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
    model_validator,
)

from storage import keys
from storage.errors import InvalidManifest

MAX_MANIFEST_BYTES = 4 * 2**20  # small pictures may be inline as base64; a 10 MB manifest is refused

ProcessType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
OutputFormat = Literal["jpeg", "png", "webp", "avif"]
VideoEncoder = Literal["libx264", "libx265", "libvpx-vp9", "libsvtav1", "h264_nvenc", "hevc_nvenc"]
Reference = Annotated[str, StringConstraints(min_length=1)]
MAX_SOURCES = 16  # pictures of one person; more add nothing to what they have in common


def _source(given: object) -> object:
    """One reference, or several that are not one only; raises ValueError with a sentence."""
    several = given if isinstance(given, list) else [given]
    if not 1 <= len(several) <= MAX_SOURCES or not all(map(_is_reference, several)):
        raise ValueError(f"must be a file, or a list of at most {MAX_SOURCES} that show the same person")
    return given if len(several) > 1 else several[0]


def _is_reference(given: object) -> bool:
    """Whether it is a text that can be stored: none with half a character, as every other field here."""
    return isinstance(given, str) and bool(given) and not any("\ud800" <= sign <= "\udfff" for sign in given)


_FILE = {"type": "string", "minLength": 1}
Sources = Annotated[
    str | list[str],
    PlainValidator(_source),
    WithJsonSchema(
        {"anyOf": [_FILE, {"type": "array", "items": _FILE, "minItems": 1, "maxItems": MAX_SOURCES}]}
    ),
]
FaceId = Annotated[str, StringConstraints(pattern=r"^face_(0|[1-9][0-9]{0,3})$")]


def _yes_no_or_auto(given: object, known: ValidatorFunctionWrapHandler) -> object:
    try:
        return known(given)
    except ValidationError:
        raise ValueError('must be true, false or "auto"') from None


#: With `auto` it is done where it can be, and the job goes on where it cannot.
Enhance = bool | Literal["auto"]

# Of the contract. A service may do further kinds of job, so it says itself which it knows.
PROCESS_TYPES = ("single-image", "multi-image", "single-video", "multi-video", "detect-faces")
_PROCESS_ALIASES = {"single-image-base64": "single-image", "video": "single-video"}
_FIELD_ALIASES = {
    "type": "process_type",
    **dict.fromkeys(("face", "source_file", "source_url", "source_image"), "source"),
    **dict.fromkeys(
        ("media", "target_file", "target_url", "target_image", "target_video", "image_file", "image_url"),
        "target",
    ),
}
OF_CONSUMERS = frozenset({"part"})  # fields that are none of senders': no door of theirs takes them
_MAX_SENTENCES = 20  # a mistake repeated a thousand times needs no thousand sentences
_MAX_SHOWN = 64
_MAX_MAPPINGS = 1000  # as many faces as a mapping can be bound to in a detection
# What these hold may be a secret, or the picture itself, and a message may lie in the record for months.
_NOT_REPEATED = frozenset({"source", "target", "face_mappings", "detection", "callback_url", "consent"})
# RFC 3339, 5.6, with the capital letters and the zone of everyday use.
_RFC3339 = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class Trim(BaseModel):
    """The part of a video to work on, in seconds from its start."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    start: float = Field(default=0, ge=0)
    end: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("`end` must be later than `start`")
        return self


class Options(BaseModel):
    """The contract's options with their defaults."""

    model_config = _STRICT
    engine: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")] = "auto"
    many_faces: bool = False
    #: How much of the identity is put in; the usual one is the source's own.
    swap_strength: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    #: Longest side in pixels of the crop that a face is swapped in; 0 is what the network takes at once.
    pixel_boost: int = Field(default=0, ge=0, le=1024)
    use_face_enhancer: Annotated[Enhance, WrapValidator(_yes_no_or_auto)] = False
    #: How much of the restored face shows.
    enhancer_strength: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    mouth_mask: bool = False
    color_correction: bool = True
    output_format: OutputFormat | None = None
    image_quality: int = Field(default=95, ge=1, le=100)
    keep_date: bool = False
    keep_fps: bool = True
    keep_audio: bool = True
    video_encoder: VideoEncoder = "libx264"
    video_quality: int = Field(default=18, ge=0, le=51)
    trim: Trim | None = None
    execution_provider: str | None = Field(default=None, max_length=256)

    @field_validator("output_format", mode="before")
    @classmethod
    def _jpg_is_jpeg(cls, value: object) -> object:
        lowered = value.lower() if isinstance(value, str) else value
        return "jpeg" if lowered == "jpg" else lowered


class Consent(BaseModel):
    """What the sender attests about the people shown; only ids of the sender's, no personal data."""

    model_config = _STRICT
    #: Whether everybody shown has agreed.
    attested: bool
    #: Who attests it: an id that only the sender can resolve.
    by: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")] | None = None
    #: The sender's own record of it, likewise.
    reference: str | None = Field(default=None, max_length=256)
    #: When it was attested (RFC 3339).
    time: Annotated[str, StringConstraints(pattern=_RFC3339)] | None = None


class Part(BaseModel):
    """Which pieces of another job's work a job makes; consumers announce such jobs, senders do not."""

    model_config = _STRICT
    #: The job that wants them.
    parent: Annotated[str, StringConstraints(pattern=rf"^{keys.JOB_ID.pattern}$")]
    #: Names all that the pieces depend on; who would make others must not make them.
    plan: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    #: The pieces of these numbers, `end` not among them.
    first: int = Field(ge=0, lt=1_000_000)
    end: int = Field(gt=0, le=1_000_000)


class Manifest(BaseModel):
    """A job as it was asked for (contract, version 1)."""

    model_config = _STRICT
    version: Literal[1] = 1
    job_id: Annotated[str, StringConstraints(pattern=rf"^{keys.JOB_ID.pattern}$")] | None = None
    process_type: ProcessType
    #: Several are pictures of one person, who is put in as what they have in common.
    source: Sources | None = None
    target: Reference
    face_mappings: dict[FaceId, Reference] | None = Field(
        default=None, min_length=1, max_length=_MAX_MAPPINGS
    )
    detection: Reference | None = None
    options: Options = Options()
    consent: Consent | None = None
    callback_url: Annotated[str, StringConstraints(pattern=r"^https://", max_length=2048)] | None = None
    part: Part | None = None

    @model_validator(mode="after")
    def _faces_fit_the_process_type(self) -> Self:
        if self.process_type not in PROCESS_TYPES:
            return self
        wanted = {"single": "source", "multi": "face_mappings"}.get(self.process_type.partition("-")[0])
        for name in ("source", "face_mappings"):
            given = getattr(self, name) is not None
            if given and name != wanted:
                raise ValueError(f"`{name}` does not go with process_type `{self.process_type}`")
            if not given and name == wanted:
                raise ValueError(f"process_type `{self.process_type}` needs `{name}`")
        return self


def references(manifest: Manifest) -> dict[str, str]:
    """All files of a manifest, by what it calls them; the sources as in `source_pictures`."""
    rest = {"target": manifest.target, "detection": manifest.detection}
    return {**source_pictures(manifest), **{name: given for name, given in rest.items() if given is not None}}


def source_pictures(manifest: Manifest) -> dict[str, str]:
    """The pictures whose faces are put in, by name: `face_<n>`, `source`, or `source_1` and so on."""
    if manifest.face_mappings is not None:
        return dict(manifest.face_mappings)
    if isinstance(manifest.source, list):
        return {f"source_{number}": reference for number, reference in enumerate(manifest.source, start=1)}
    return {} if manifest.source is None else {"source": manifest.source}


def is_consented(manifest: Manifest) -> bool:
    """Whether somebody attests that all who are shown agree, or nobody need: faces are only looked for."""
    return manifest.process_type == "detect-faces" or (
        manifest.consent is not None and manifest.consent.attested
    )


def read_manifest(raw: bytes | str | Mapping[str, Any]) -> Manifest:
    """Read a manifest in any accepted spelling; raises InvalidManifest with a sentence for its sender."""
    document = _parse(raw)
    _refuse_half_characters(document)
    try:
        return Manifest.model_validate(_normalise(document))
    except ValidationError as error:
        raise InvalidManifest(_explain(error)) from None


def named_job_id(raw: bytes) -> str | None:
    """The valid job id that a manifest names, also when the rest of it is wrong; else None."""
    try:
        job_id = _normalise(_parse(raw)).get("job_id")
    except InvalidManifest:
        return None
    return job_id if isinstance(job_id, str) and keys.is_job_id(job_id) else None


def _refuse_half_characters(document: Mapping[str, Any]) -> None:
    r"""Refuse text that no record could hold: JSON may write half a character (`\ud800`), UTF-8 may not.

    Raises InvalidManifest naming where it is.
    """
    left: list[tuple[tuple[str, ...], object]] = [((), document)]
    while left:
        path, value = left.pop()
        if isinstance(value, str) and not _is_whole(value):
            where = _shown(_where(path))
            raise InvalidManifest(f"{where} holds half a character (such as `\\ud800`); write it anew.")
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not _is_whole(str(key)):
                    raise InvalidManifest(
                        f"The key {_shown(key)} holds half a character (such as `\\ud800`); write it anew."
                    )
                left.append(((*path, str(key)), inner))
        elif isinstance(value, list | tuple):
            left += ((path, inner) for inner in value)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse(raw: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(raw, bytes | str):
        if len(raw) > MAX_MANIFEST_BYTES:
            raise InvalidManifest(f"The manifest is larger than {MAX_MANIFEST_BYTES // 2**20} MiB.")
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise InvalidManifest("The manifest is not valid JSON.") from error
    if not isinstance(raw, Mapping):
        raise InvalidManifest("The manifest must be a JSON object.")
    return raw


def _normalise(document: Mapping[str, Any]) -> dict[str, Any]:
    """Map every accepted spelling to the contract's names; leaves unknown keys for validation to name."""
    if isinstance(document.get("input"), Mapping):
        envelope = {key: value for key, value in document.items() if key not in {"input", "id"}}
        job = {"job_id": document["id"]} if "id" in document else {}
        document = {**envelope, **job, **document["input"]}
    fields = _rename(document, _FIELD_ALIASES)
    process_type = fields.get("process_type")
    if isinstance(process_type, str):
        name = process_type.strip().lower().replace("_", "-")
        fields["process_type"] = _PROCESS_ALIASES.get(name, name)
    if isinstance(fields.get("options"), Mapping):
        fields["options"] = _rename(fields["options"], {})
    return fields


def _rename(document: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for key, value in document.items():
        snake = str(key).replace("-", "_")
        name = aliases.get(snake, snake)
        if name in renamed and renamed[name] != value:
            raise InvalidManifest(
                f"{_shown(spelled[name])} and {_shown(key)} say the same thing differently; keep one."
            )
        renamed[name] = value
        spelled[name] = str(key)
    return renamed


def _explain(error: ValidationError) -> str:
    """Turn a validation error into sentences that name each key and what it may be."""
    details = error.errors(include_url=False)
    unknown = [_where(e["loc"]) for e in details if e["type"] == "extra_forbidden"]
    in_options = [name for name in unknown if name.startswith("options.")]
    at_top = [name for name in unknown if name not in in_options]
    sentences = [_unknown(at_top, Manifest), _unknown(in_options, Options)]
    sentences += [_sentence(e["loc"], e["type"], e["msg"], e["input"]) for e in details]
    told = [sentence for sentence in sentences if sentence]
    more = len(told) - _MAX_SENTENCES
    return " ".join([*told[:_MAX_SENTENCES], *([f"And {more} more of this kind."] if more > 0 else [])])


def _unknown(names: list[str], model: type[BaseModel]) -> str:
    if not names:
        return ""
    quoted = ", ".join(_shown(name) for name in names[:_MAX_SENTENCES])
    more = f" and {len(names) - _MAX_SENTENCES} more" if len(names) > _MAX_SENTENCES else ""
    known = sorted(model.model_fields.keys() - OF_CONSUMERS)
    return f"Unknown key {quoted}{more}; known are {', '.join(known)}."


def _sentence(location: tuple[int | str, ...], kind: str, message: str, given: object) -> str:
    where = _where(location)
    if kind == "extra_forbidden":
        return ""
    if kind == "missing":
        hint = f" (one of {', '.join(PROCESS_TYPES)})" if where == "process_type" else ""
        return f"{_shown(where)} is missing{hint}."
    reason = message.removeprefix("Value error, ")
    if not where:
        return f"{reason}."
    may_show = location[0] not in _NOT_REPEATED and isinstance(given, str | int | float | bool)
    shown = f" (given: {str(given)[:40]!r})" if may_show else ""
    return f"{_shown(where)}: {reason[:1].lower()}{reason[1:]}{shown}."


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part != "[key]")


def _shown(key: object) -> str:
    """A key as a message may show it: short, and writable also where it holds half a character."""
    text = str(key).encode(errors="backslashreplace").decode()
    return f"`{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '…'}`"
