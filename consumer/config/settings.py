"""Every setting of the consumer: its meaning, unit, default and bounds."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from consumer.config.catalogue import load_catalogue
from consumer.config.queue_address import QueueAddress, parse_queue
from consumer.config.signing_key import KmsAddress, parse_signing_key
from consumer.config.store_address import read_store_address
from consumer.webhooks.signing import read_secret
from pipeline.label.words import Language
from storage.lease.claim import LeasePolicy
from storage.stores.s3_settings import ANY_REGION, S3Settings

if TYPE_CHECKING:
    from pipeline.label.label import Label

AUTO: Final = "auto"
MESH: Final = "mesh"
INSWAPPER: Final = "inswapper"
LOCAL_RAY: Final = "local"

_MIB = 2**20


class SettingsError(ValueError):
    """The environment asks for something that cannot be; the message names the variable."""


class Settings(BaseModel):
    """All settings; `Settings(bucket=…)` takes nothing from the environment, `load_settings` does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{3,255}$",
        description="bucket with the inbox and the results",
    )
    endpoint_url: str | None = Field(
        default=None,
        description="address of the S3-compatible store; not needed for AWS or with R2_ACCOUNT_ID",
    )
    account_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]+(\.(eu|fedramp))?$",
        description="Cloudflare account, with .eu or .fedramp for a jurisdiction; gives the R2 address where "
        "endpoint_url is not set",
    )
    access_key_id: str | None = Field(
        default=None,
        description="access key of the store; if not set, the SDK looks for AWS_*, a profile or a role",
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        description="secret of the access key",
    )
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="where the bucket's name stands in a request: path or host name"
    )
    region: str = Field(
        default=ANY_REGION,
        pattern=r"^[A-Za-z0-9-]+$",
        description="region of the store; auto for R2, and for AWS that of the SDK's own files",
    )
    models_dir: Path | None = Field(
        default=None,
        description="folder of model files that are not shipped; the mesh engine needs none",
    )
    cache_dir: Path | None = Field(
        default=None,
        description="folder for what can be made again; swapdrop in the user's cache folder if not set",
    )
    offline: bool = Field(
        default=False, description="model files are never downloaded; what is missing is named"
    )
    accept_licenses: tuple[str, ...] = Field(
        default=(), description="licences of model files that are accepted, separated by commas"
    )
    operator: str = Field(
        default="swapdrop",
        min_length=1,
        pattern=r"^[\x20-\x7e]+$",
        description="who runs this service, as the mark in every result says",
    )
    catalogue: Path | None = Field(
        default=None,
        description="TOML file with further model files and engines, over the ones that are known",
    )
    models_retry_s: float = Field(
        default=5, ge=0.05, le=3600, description="pause between looks for model files that are missing"
    )
    engine: str = Field(
        default=AUTO,
        min_length=1,
        description="engine that must be ready: auto takes inswapper or else mesh; inswapper, mesh, or a "
        "swapper of the catalogue",
    )
    provider: Literal["cpu", "cuda", "tensorrt", "coreml", "migraphx", "openvino", "directml"] = Field(
        default="cpu", description="where the networks run; never replaced by another in silence"
    )
    openvino_device: str = Field(
        default="GPU",
        pattern=r"^[A-Z0-9._,:]+$",
        description="OpenVINO's name of the device, such as GPU, GPU.1, NPU or CPU",
    )
    gpu_memory_limit_bytes: int | None = Field(
        default=None, ge=256 * _MIB, description="most GPU memory that each network may take; all if not set"
    )
    device: str | None = Field(
        default=None,
        description="name of this process' device in its log; `swapdrop run --devices` sets it",
    )
    model_threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="CPU threads of a large network; 0 takes one a core; mesh uses one",
    )
    paste: Literal["exact", "fast", "oval"] = Field(
        default="exact",
        description="how a swapped crop goes back: exact; fast, which differs at the edge of large faces; or "
        "oval, which leaves hair and background alone; mesh has no crop",
    )
    max_pixel_boost: int = Field(
        default=512,
        ge=0,
        le=1024,
        description="largest pixel_boost of a job, in pixels; 512 is up to 16 runs of inswapper a face",
    )
    minors: Literal["off", "flag", "refuse"] = Field(
        default="flag",
        description="faces to put in or to replace that look like a minor's: off does not look, flag warns, "
        "refuse fails the job; a guess at looks, no proof of age",
    )
    content_filter: Literal["auto", "off", "flag", "block"] = Field(
        default="auto",
        description="what becomes of pictures and videos that seem to show nudity or sexual content: block "
        "fails the job, flag warns, off does not look; auto blocks where open-nsfw.onnx is, and else is off",
    )
    content_block_from: float = Field(
        default=0.8, gt=0, le=1, description="how sure the content filter must be to block, 0 to 1"
    )
    content_flag_from: float = Field(
        default=0.5, gt=0, le=1, description="how sure the content filter must be to warn, 0 to 1"
    )
    audit: bool = Field(
        default=False,
        description="write a line for each job that ended below audit/: hashes and decisions, no media",
    )
    c2pa_chain: Path | None = Field(
        default=None, description="certificates that results are signed with, in PEM, the signer's own first"
    )
    c2pa_key: str | None = Field(
        default=None,
        description="private key of the first of them: a file in PEM, or in AWS KMS, "
        "awskms:///<id, alias or ARN>",
    )
    c2pa_tsa: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="who stamps the time of signatures (RFC 3161); without one they end with the certificate",
    )
    c2pa_trust: Path | None = Field(
        default=None, description="roots by which signers of other files are trusted, in PEM"
    )
    label: Literal["off", "top-left", "top-right", "bottom-left", "bottom-right"] = Field(
        default="off", description="corner of every result in which it visibly says that it is altered"
    )
    label_text: str | None = Field(
        default=None,
        min_length=1,
        description="what it says there; if not set, a few words in label_language",
    )
    label_language: Language = Field(default="en", description="language of the words in the corner")
    label_size: float = Field(
        default=0.05,
        ge=0.02,
        le=0.2,
        description="how high their capitals are, as a share of a result's shorter side",
    )
    watermark: Literal["auto", "off", "on"] = Field(
        default="auto",
        description="whether an id is hidden in the pixels of results; auto does so where "
        "rivagan_encoder.onnx is, and else is off",
    )
    require_consent: bool = Field(
        default=False, description="do only swaps whose sender says that everybody shown agrees"
    )
    occlusion: bool = Field(
        default=False, description="keep hands and hair before a face; needs an occluder's file"
    )
    max_input_bytes: int = Field(
        default=50_000_000, ge=1024, le=2_000_000_000, description="largest input file that is no video"
    )
    max_video_bytes: int = Field(
        default=2_000_000_000, ge=1024, le=1_000_000_000_000, description="largest video file"
    )
    max_video_pixels: int = Field(
        default=7680 * 4320, ge=4096, le=1_000_000_000, description="largest frame of a video, width x height"
    )
    max_video_frames: int = Field(
        default=4 * 3600 * 60, ge=1, le=100_000_000, description="longest video, in frames"
    )
    max_video_seconds: float = Field(
        default=4 * 3600, gt=0, le=1_000_000, description="longest video, in seconds"
    )
    segment_timeout_s: float = Field(
        default=3600,
        gt=0,
        le=86_400,
        description="a segment of a video (about 10 s of it) that takes longer than this is given up",
    )
    executor: Literal["local", "bucket", "ray"] = Field(
        default="local",
        description="who makes the segments of videos: local, the consumer that has the job; bucket, all "
        "consumers of the bucket, as parts that lie in its inbox; ray, the machines of a Ray cluster",
    )
    ray_address: str = Field(
        default=LOCAL_RAY,
        pattern=r"^(local|auto|[^/\s]+:[0-9]{1,5})$",
        description="Ray cluster to join: HOST:PORT, or auto, the one that this machine belongs to; local "
        "starts one on this machine, which ends with us",
    )
    video_processes: int = Field(
        default=0,
        ge=0,
        le=256,
        description="processes that make segments of videos where the engine runs on the CPU; 0: one a core, "
        "1: the consumer's own; with ray the most actors, 0: one a GPU or else a CPU of the cluster",
    )
    work_dir: Path | None = Field(
        default=None,
        description="folder for files of jobs at work; swapdrop in the system's temporary folder if not set",
    )
    disk_budget_bytes: int = Field(
        default=20 * 1024 * _MIB,
        ge=16 * _MIB,
        description="most bytes that the files of all jobs at work may take there",
    )
    max_pixels: int = Field(
        default=64_000_000, ge=4096, le=1_000_000_000, description="largest picture, width x height"
    )
    max_frames: int = Field(default=1000, ge=2, le=100_000, description="longest animation, in frames")
    max_animation_pixels: int = Field(
        default=256_000_000,
        ge=4096,
        le=10_000_000_000,
        description="largest animation, width x height x frames",
    )
    min_face_px: float = Field(
        default=0,
        ge=0,
        le=10_000,
        description="faces of a target with a shorter side below this do not count, in pixels",
    )
    min_face_score: float = Field(
        default=0, ge=0, le=1, description="faces of a target found with less certainty do not count"
    )
    input_timeout_s: float = Field(
        default=120,
        gt=0,
        le=3600,
        description="an input is given up when no more of it has come for this long",
    )
    missing_grace_s: float = Field(
        default=60, ge=0, le=600, description="how long an input that is not there yet is waited for"
    )
    lease_ttl_s: float = Field(
        default=90, ge=1, le=3600, description="a job without a heartbeat for this long is taken over"
    )
    stall_timeout_s: float = Field(
        default=120,
        ge=1,
        le=3600,
        description="work on a job that stands still for this long is given up; a device that does, hangs",
    )
    max_attempts: int = Field(default=3, ge=1, le=100, description="attempts before a job is given up")
    max_in_flight: int = Field(
        default=16, ge=1, le=256, description="most jobs between claim and finish at once"
    )
    decoded_budget_bytes: int = Field(
        default=1024 * _MIB, ge=16 * _MIB, description="most memory for decoded pictures at once"
    )
    memory_limit_bytes: int | None = Field(
        default=None,
        ge=256 * _MIB,
        description="own memory from which on the process ends to be started afresh; "
        "nine tenths of the container's if not set",
    )
    cpu_threads: int = Field(default=4, ge=1, le=64, description="threads that decode and encode pictures")
    drain_grace_s: float = Field(
        default=25, ge=0, le=3600, description="time to finish jobs after SIGTERM before giving them back"
    )
    poll_min_s: float = Field(default=0.25, ge=0.01, le=60, description="pause between looks at a busy inbox")
    poll_max_s: float = Field(default=5, ge=0.01, le=3600, description="pause between looks at an idle inbox")
    queue: str | None = Field(
        default=None,
        description="queue that announces jobs: the URL of an SQS queue, or cloudflare:<account>/<queue id>",
    )
    queue_token: SecretStr | None = Field(
        default=None, description="API token of the Cloudflare queue; SQS takes the SDK's own credentials"
    )
    sweep_s: float = Field(
        default=60,
        ge=0.01,
        le=3600,
        description="pause between looks at the inbox where a queue announces jobs",
    )
    settle_s: float = Field(
        default=2, ge=0, le=60, description="a dropped folder counts once nothing changed for this long"
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="signs the calls to callback_url: whsec_ and base64; without it nobody is called",
    )
    traces: Literal["off", "otlp"] = Field(
        default="off",
        description="otlp sends traces where the OTEL_EXPORTER_OTLP_ variables say; needs the extra otel",
    )
    health_host: str = Field(default="127.0.0.1", description="address of the health endpoints")
    health_port: int = Field(
        default=8080, ge=0, le=65_535, description="port of the health endpoints; 0 takes a free one"
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="auto is pretty on a terminal and json elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least important events to log"
    )
    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _pauses_in_order(self) -> Self:
        if self.poll_min_s > self.poll_max_s:
            raise ValueError("poll_min_s must not be more than poll_max_s")
        return self

    @model_validator(mode="after")
    def _flags_before_it_blocks(self) -> Self:
        if self.content_flag_from > self.content_block_from:
            raise ValueError("content_flag_from must not be more than content_block_from")
        return self

    @model_validator(mode="after")
    def _label_can_be_painted(self) -> Self:
        try:
            self.painted_label()
        except ValueError as error:
            wrong = "SIZE" if self.label_text is None else "TEXT"
            raise ValueError(f"SWAPDROP_LABEL_{wrong}: {error}") from error
        return self

    @model_validator(mode="after")
    def _engine_is_known(self) -> Self:
        if self.engine == MESH and self.provider != "cpu":
            raise ValueError("The mesh engine runs on the CPU only; set SWAPDROP_PROVIDER=cpu")
        if self.catalogue is None and self.engine in {AUTO, MESH, INSWAPPER}:
            return self
        known = load_catalogue(self.catalogue).engines.values()
        names = (AUTO, MESH, INSWAPPER, *(spec.name for spec in known if spec.kind == "swapper"))
        if self.engine not in names:
            raise ValueError(f"SWAPDROP_ENGINE: must be one of {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _memory_can_be_limited(self) -> Self:
        if self.gpu_memory_limit_bytes is not None and self.provider not in {"cpu", "cuda", "tensorrt"}:
            raise ValueError(
                f"SWAPDROP_GPU_MEMORY_LIMIT_BYTES: {self.provider} knows no such limit; unset it"
            )
        return self

    @model_validator(mode="after")
    def _queue_can_be_reached(self) -> Self:
        address = self.queue_address
        if address is not None and address.kind == "cloudflare" and self.queue_token is None:
            raise ValueError("A Cloudflare queue needs a token; set SWAPDROP_QUEUE_TOKEN")
        return self

    @field_validator("endpoint_url")
    @classmethod
    def _leads_to_the_store(cls, value: str | None, info: ValidationInfo) -> str | None:
        return read_store_address(value, info.data.get("bucket")) if value is not None else None

    @field_validator("access_key_id", "secret_access_key")
    @classmethod
    def _has_no_gaps(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if not (text.isascii() and (text == "" or text.isprintable()) and " " not in text):
            raise ValueError("must be one word of letters, digits and signs, without spaces")
        return value

    @field_validator("queue")
    @classmethod
    def _names_a_queue(cls, value: str | None) -> str | None:
        if value is not None:
            parse_queue(value)
        return value

    @field_validator("c2pa_key")
    @classmethod
    def _names_a_key(cls, value: str | None) -> str | None:
        if value is not None:
            parse_signing_key(value)
        return value

    @field_validator("accept_licenses", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_secret(value.get_secret_value())
        return value

    @property
    def sources(self) -> dict[str, str]:
        """The variable that each setting came from, of those that came from one."""
        return self._sources

    @property
    def queue_address(self) -> QueueAddress | None:
        """Where the queue is, if there is one."""
        return parse_queue(self.queue) if self.queue is not None else None

    @property
    def signing_key(self) -> KmsAddress | Path | None:
        """Where the key lies that signs results, if one does."""
        return parse_signing_key(self.c2pa_key) if self.c2pa_key is not None else None

    @property
    def cache_folder(self) -> Path:
        """Where to keep what can be made again; it need not exist, and may be read-only."""
        if self.cache_dir is not None:
            return self.cache_dir
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.expanduser raises without a home
        return Path(base) / "swapdrop"

    @property
    def work_folder(self) -> Path:
        """Where the files of jobs at work are; it need not exist."""
        return self.work_dir or Path(os.environ.get("TMPDIR") or "/tmp") / "swapdrop"  # noqa: S108 - made private there

    @property
    def store_address(self) -> str | None:
        """The store's address, by R2 account where only that is given; None means AWS's own."""
        if self.endpoint_url is None and self.account_id is not None:
            return f"https://{self.account_id}.r2.cloudflarestorage.com"
        return self.endpoint_url

    def s3(self) -> S3Settings:
        """How to reach the bucket; raises SettingsError when none is set, or only half of a key."""
        if self.bucket is None:
            raise SettingsError("No bucket is set; set SWAPDROP_BUCKET or R2_BUCKET.")
        secret = self.secret_access_key
        if (self.access_key_id is None) != (secret is None):
            there, missing = "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"
            if secret is not None:
                there, missing = missing, there
            raise SettingsError(f"{there} is set and {missing} is not; set both, or none for the SDK's own.")
        return S3Settings(
            bucket=self.bucket,
            endpoint_url=self.store_address,
            access_key_id=self.access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
            region=self.region,
            addressing=self.addressing,
        )

    def painted_label(self) -> "Label | None":
        """What is painted onto results, None where nothing is; raises ValueError where that cannot be."""
        if self.label == "off":
            return None
        from pipeline.label.label import label_in  # noqa: PLC0415 -- slow to import, and mostly off

        return label_in(self.label_language, self.label, text=self.label_text, size=self.label_size)

    def lease_policy(self) -> LeasePolicy:
        """The lease's times; with a short `lease_ttl_s` its margins shrink along."""
        usual, ttl_s = LeasePolicy(), self.lease_ttl_s
        return LeasePolicy(
            ttl_s=ttl_s,
            grace_s=min(usual.grace_s, ttl_s / 6),
            margin_s=min(usual.margin_s, ttl_s / 6),
            min_write_gap_s=min(usual.min_write_gap_s, ttl_s / 3),
            cancel_look_s=min(usual.cancel_look_s, ttl_s / 3),
            max_attempts=self.max_attempts,
            stall_timeout_s=self.stall_timeout_s,
        )
