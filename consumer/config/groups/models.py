"""Which networks run, where they run, and where their files come from."""

import os
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from consumer.config.catalogue import load_catalogue
from consumer.config.group import SettingsGroup

AUTO: Final = "auto"
MESH: Final = "mesh"
INSWAPPER: Final = "inswapper"

_MIB: Final = 2**20


class ModelSettings(SettingsGroup):
    """The engine, its device and the files of models."""

    title: ClassVar = "Engines and their files"

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

    @field_validator("accept_licenses", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

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

    @property
    def cache_folder(self) -> Path:
        """Where to keep what can be made again; it need not exist, and may be read-only."""
        if self.cache_dir is not None:
            return self.cache_dir
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.expanduser raises without a home
        return Path(base) / "swapdrop"
