"""ONNX Runtime reports to its makers where it is not told otherwise in time: nothing of ours may let it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# With `CI` set, ONNX Runtime is silent of itself.
_ITS_OWN_REASONS = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
_OPEN = """
from models.embedded import DETECTION_BACK, embedded_path
from models.session import open_session
open_session(embedded_path(DETECTION_BACK))
"""


def left_behind(program: str, folder: Path) -> list[str]:
    """The files that a program leaves where ONNX Runtime keeps its device id and what it has yet to send."""
    environ = {name: value for name, value in os.environ.items() if name not in _ITS_OWN_REASONS}
    places = {"HOME": folder, "XDG_CACHE_HOME": folder / "cache", "TMPDIR": folder}
    environ |= {name: str(place) for name, place in places.items()}
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]


@pytest.mark.parametrize(
    "module", ["models.session", "models.devices", "consumer.app", "pipeline.faces.insight"]
)
def test_no_telemetry_is_begun_whatever_of_ours_is_imported_first(module: str, tmp_path: Path) -> None:
    assert left_behind(f"import {module}\n{_OPEN}", tmp_path) == []


def test_a_process_that_we_start_inherits_the_silence(tmp_path: Path) -> None:
    child = "import onnxruntime as ort; ort.SessionOptions(); ort.get_available_providers()"
    program = f"import models, subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}], check=True)"
    assert left_behind(program, tmp_path) == []
