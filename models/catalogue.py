"""The catalogue: every model file and engine this service knows, read from `catalogue.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

CATALOGUE_FILE: Final = Path(__file__).with_name("catalogue.toml")

Embedding = Literal["none", "emap", "unit", "raw", "converted", "converted_unit"]
T = TypeVar("T")
Rgb = tuple[float, float, float]
Point = tuple[float, float]
# A plain name: what stands here becomes part of a path.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def _downloadable(url: str) -> str:
    if not url.startswith("https://") or "/blob/" in url:
        raise ValueError(
            "a mirror is an https:// link to the file itself, not to a page that shows it (/blob/)"
        )
    return url


MirrorUrl = Annotated[str, AfterValidator(_downloadable)]


class CatalogueError(ValueError):
    """A name is not in the catalogue."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(_Entry):
    """What a file may be used for; a non-commercial one has to be accepted before a download."""

    id: str
    title: str
    url: str
    non_commercial: bool = False


class Version(_Entry):
    """One content a file may have; `checked` says whether we compared its figures with a download."""

    revision: str
    bytes: int | None = Field(default=None, gt=0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    checked: bool = False
    mirrors: tuple[MirrorUrl, ...] = ()


class ModelFile(_Entry):
    """One file; a member of `archive` lies in a folder of the archive's name.

    `note` says of a file that cannot be verified why that is so.
    """

    name: FileName
    licence: Licence
    versions: tuple[Version, ...] = Field(min_length=1)
    archive: FileName | None = None
    note: str | None = Field(default=None, min_length=1)

    @property
    def path(self) -> str:
        """Where it lies below a models folder, and below `models/` in a bucket."""
        return f"{Path(self.archive).stem}/{self.name}" if self.archive else self.name

    @property
    def verifiable(self) -> bool:
        """Whether a checksum is known; without one the file is never used."""
        return any(version.sha256 for version in self.versions)

    @property
    def checked(self) -> bool:
        """Whether all its figures were compared with a download of ours."""
        return all(version.checked for version in self.versions)

    @property
    def largest_bytes(self) -> int | None:
        """Size of its largest version in bytes; None where a size is not known."""
        sizes = [version.bytes for version in self.versions]
        return None if None in sizes else max(size for size in sizes if size)

    def fits(self, size: int) -> bool:
        """Whether a file of `size` bytes can be one of the versions."""
        return size > 0 and any(version.bytes in {None, size} for version in self.versions)

    def version_of(self, sha256: str, size: int) -> Version | None:
        """The version with this content."""
        return next((v for v in self.versions if v.sha256 == sha256 and v.bytes in {None, size}), None)


class Template(_Entry):
    """Where eyes, nose and mouth corners lie in an aligned square crop."""

    name: str
    size: int = Field(gt=0)
    points: tuple[Point, Point, Point, Point, Point]

    def at(self, size: int) -> tuple[Point, ...]:
        """The 5 points (x, y) in pixels of a crop with sides of `size` pixels."""
        scale = size / self.size
        return tuple((x * scale, y * scale) for x, y in self.points)


class EngineSpec(_Entry):
    """One engine: its files by role, and what goes into and comes out of its main network.

    The network takes RGB float32, (pixel / 255 - input_mean) / input_std, `input_size` pixels a side, and
    gives RGB for which value * output_std + output_mean lies in [0, 1]; `output_mask` tells of a further
    output, a mask of one channel in [0, 1]. An occluder is another kind: it takes BGR pixel / 255 with the
    channels last and gives one channel, near 1 where it sees face. `embedding` is what becomes of the raw
    w600k_r50 embedding: `emap` (normalised, multiplied with the graph's map, normalised), `unit`
    (normalised), `raw` (nothing), `converted` (through the file in the role `converter`), `converted_unit`
    (that, normalised).
    """

    name: str
    kind: Literal["swapper", "enhancer", "occluder"]
    files: Mapping[str, ModelFile]
    input_size: int = Field(gt=0)
    template: Template
    input_mean: Rgb = (0.0, 0.0, 0.0)
    input_std: Rgb = (1.0, 1.0, 1.0)
    output_mean: Rgb = (0.0, 0.0, 0.0)
    output_std: Rgb = (1.0, 1.0, 1.0)
    embedding: Embedding = "none"
    output_mask: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed: set[str] = {self.kind}
        if self.kind == "swapper":
            needed |= {"detector", "recogniser"}
        if self.embedding.startswith("converted"):
            needed.add("converter")
        if needed != set(self.files):
            raise ValueError(f"{self.name} needs exactly the files {sorted(needed)}")
        if (self.kind == "swapper") == (self.embedding == "none"):
            raise ValueError(f"{self.name}: a swapper, and nothing else, takes an embedding")
        return self


class Catalogue(_Entry):
    """All files and engines by name; engines of one kind stand in order of preference."""

    files: Mapping[str, ModelFile]
    engines: Mapping[str, EngineSpec]

    @classmethod
    def load(cls, path: Path = CATALOGUE_FILE) -> Self:
        """Read a catalogue; raises ValueError where it contradicts itself."""
        return cls.parse(tomllib.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Build a catalogue from what TOML says, putting entries in the place of their names."""
        licences = {key: {"id": key, **table} for key, table in document["licences"].items()}
        files = {
            key: {"name": key, **table, "licence": _named(licences, table["licence"])}
            for key, table in document["files"].items()
        }
        templates = {key: {"name": key, **table} for key, table in document["templates"].items()}
        engines = {
            key: {
                "name": key,
                **table,
                "files": {role: _named(files, name) for role, name in table["files"].items()},
                **({"template": _named(templates, table["template"])} if "template" in table else {}),
            }
            for key, table in document["engines"].items()
        }
        return cls.model_validate({"files": files, "engines": engines})

    @model_validator(mode="after")
    def _archives_are_files(self) -> Self:
        for file in self.files.values():
            if file.archive is not None:
                self.file(file.archive)
        return self

    @property
    def licences(self) -> dict[str, Licence]:
        """The licences of all files, by id."""
        return {file.licence.id: file.licence for file in self.files.values()}

    def file(self, name: str) -> ModelFile:
        """The file of this name; raises CatalogueError."""
        return _named(self.files, name)

    def members(self, archive: str) -> tuple[ModelFile, ...]:
        """The files that come out of an archive."""
        return tuple(file for file in self.files.values() if file.archive == archive)

    def select(self, names: Iterable[str]) -> tuple[ModelFile, ...]:
        """The files that names of files, archives or engines stand for; raises CatalogueError."""
        chosen: dict[str, ModelFile] = {}
        for name in names:
            if name in self.engines:
                found = tuple(self.engines[name].files.values())
            else:
                _named({**self.files, **self.engines}, name)
                found = self.members(name) or (self.file(name),)
            chosen |= {file.name: file for file in found}
        return tuple(chosen.values())


def _named(table: Mapping[str, T], name: str) -> T:
    if name not in table:
        raise CatalogueError(f"{name} is not in the catalogue; it knows {', '.join(table)}.")
    return table[name]
