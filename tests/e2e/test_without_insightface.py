"""The embedded engine on an installation that lacks what only the other engine needs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

from pipeline.media.pictures.decode import Limits, decode
from tests.support.buckets import HOPPER
from tests.support.model_files import OwnModels

SAMPLES = Path(str(resources.files("consumer.samples")))
# A finder that comes first and refuses: to the program this is a package that is not installed.
WITHOUT = """
import sys

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"insightface", "onnx", "scipy", "skimage"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuses())
"""


def without_insightface(
    *lines: str, words: tuple[object, ...] = (), environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process that cannot import what only inswapper needs."""
    return subprocess.run(
        [sys.executable, "-c", "\n".join([WITHOUT, *lines]), *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["insightface", "onnx.helper", "scipy", "skimage"])
def test_the_process_of_these_tests_really_lacks_the_package(name: str) -> None:
    done = without_insightface(f"import {name}")
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("engine", ["auto", "mesh"])
def test_a_swap_with_the_embedded_engine_needs_no_insightface(engine: str, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    swap = ("swap", SAMPLES / "astronaut.png", SAMPLES / "grace_hopper.jpg", "-o", output, "--engine", engine)
    done = without_insightface("from consumer.__main__ import main", "main()", words=swap)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 faces swapped" in done.stderr
    before, after = decode(HOPPER, Limits()).bgr, decode(output.read_bytes(), Limits()).bgr
    assert 0.01 < (before != after).any(axis=2).mean() < 0.2


def test_inswapper_without_insightface_names_the_package(
    tmp_path: Path, inswapper_files: dict[str, Path]
) -> None:
    own = OwnModels(tmp_path, inswapper_files)
    own.bring()
    swap = ("swap", SAMPLES / "astronaut.png", SAMPLES / "grace_hopper.jpg", "-o", tmp_path / "out.png")
    settings = {f"SWAPDROP_{name.upper()}": str(value) for name, value in own.settings.items()}
    done = without_insightface(
        "from consumer.__main__ import main", "main()", words=swap, environment={**os.environ, **settings}
    )
    assert done.returncode == 1
    assert "needs the package" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_the_whole_consumer_imports_without_insightface() -> None:
    done = without_insightface("import consumer.app, consumer.cli.doctor, consumer.cli.swap")
    assert done.returncode == 0, done.stderr
