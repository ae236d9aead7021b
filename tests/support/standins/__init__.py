"""ONNX files with the shapes of the licensed models whose results are known in closed form."""

from pathlib import Path

from tests.support.standins.detector import build_detector
from tests.support.standins.recogniser import build_recogniser
from tests.support.standins.swapper import build_swapper


def build_inswapper_files(folder: Path) -> dict[str, Path]:
    """The three files of the inswapper engine by role, under the names of the real ones."""
    return {
        "swapper": build_swapper(folder / "inswapper_128.onnx"),
        "detector": build_detector(folder / "det_10g.onnx"),
        "recogniser": build_recogniser(folder / "w600k_r50.onnx"),
    }
