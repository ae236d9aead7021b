"""A catalogue of an operator's own whose files are stand-ins, and putting these files into place."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.standins.enhancer import build_enhancer
from tests.support.standins.occluder import build_occluder

SWAPPER = "inswapper_128_fp16.onnx"
DETECTOR = "det_10g.onnx"
RECOGNISER = "w600k_r50.onnx"
ENHANCER = "gfpgan_1.4.onnx"
OCCLUDER = "xseg_3.onnx"
ENGINE = (SWAPPER, DETECTOR, RECOGNISER)


class OwnModels:
    """Stand-ins under the real files' names, and the catalogue file that gives their figures.

    `models_dir` is where they count once `bring` has put them there; the fp32 swapper has the fp16 one's
    content.
    """

    def __init__(self, folder: Path, built: Mapping[str, Path], *, licence: str = "apache-2") -> None:
        self.models_dir = folder / "models"
        self.models_dir.mkdir()
        self.cache_dir = folder / "cache"
        self.catalogue = folder / "own.toml"
        self.paths = {
            SWAPPER: built["swapper"],
            "inswapper_128.onnx": built["swapper"],
            DETECTOR: built["detector"],
            RECOGNISER: built["recogniser"],
            ENHANCER: build_enhancer(folder / ENHANCER),
            OCCLUDER: build_occluder(folder / OCCLUDER),
        }
        entries = [entry(name, path, licence) for name, path in self.paths.items()]
        self.catalogue.write_text("\n".join(entries))

    @property
    def settings(self) -> dict[str, object]:
        """The settings of a consumer that works with them and never looks beyond this machine."""
        return {
            "catalogue": self.catalogue,
            "models_dir": self.models_dir,
            "cache_dir": self.cache_dir,
            "offline": True,
        }

    def bring(self, names: Iterable[str] = ENGINE) -> None:
        """Put files into the models folder, each at once and whole."""
        for name in names:
            part = self.models_dir / f"{name}.part"
            shutil.copyfile(self.paths[name], part)
            part.rename(self.models_dir / name)

    def sha256(self, name: str) -> str:
        """What the status record says of a file."""
        return f"sha256:{_digest(self.paths[name])}"


def entry(name: str, path: Path, licence: str) -> str:
    """A file's entry in a catalogue, with the figures that it has."""
    version = (
        f'revision = "stand-in", bytes = {path.stat().st_size}, sha256 = "{_digest(path)}", '
        f'mirrors = ["https://models.invalid/{name}"]'
    )
    return f"[files.{json.dumps(name)}]\nlicence = {json.dumps(licence)}\nversions = [{{ {version} }}]"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
