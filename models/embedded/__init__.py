"""The weights shipped with the code (origin and licences: NOTICE beside this file)."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from models.errors import ModelUnavailable

DETECTION_BACK: Final = "face_detection_back.onnx"
DETECTION_FULL_RANGE: Final = "face_detection_full_range.onnx"
LANDMARKS: Final = "face_landmarks_with_attention.onnx"
ATTENTION_INDICES: Final = "attention_indices.json"
EMBEDDING: Final = "face_embedding.onnx"
AGE: Final = "face_age.onnx"
TOPOLOGY: Final = "mesh_topology.npz"

_SHA256: Final[Mapping[str, str]] = {
    DETECTION_BACK: "fb28fd36f4fd44540ce84195fddeb05c197e83d04a2a40121e9d42ed3fbd4e48",
    DETECTION_FULL_RANGE: "e1c7f6e22356d00b7c5a126404e760f1de7bf6b4e71fcf128cf4fdf1f3e5afd4",
    LANDMARKS: "4a423ecfcc66c764b21b1abed973cf492dd2ae9a14bc145b2ffd36329e4d50df",
    ATTENTION_INDICES: "6512579c815e62c1eb39dc323a8189b8eb8eb38ec298c1b72b99036eda7ec2c2",
    EMBEDDING: "ef4b2eb134cc63f4319cadd928af5233212858665b55543ec10dd764bf48e56e",
    AGE: "b1bc9faa72275ccdc9cb403a1ff2a09ecb0309eef56b52e449e3f91d0d1f0a8f",
    TOPOLOGY: "40c8ce1222407a44011453296cf372c6e5b25630019994770acd7748e0c37942",
}


def embedded_weights() -> dict[str, str]:
    """Return `{file name: "sha256:<hex>"}` of every shipped file."""
    return {name: f"sha256:{digest}" for name, digest in _SHA256.items()}


def engine_weights() -> dict[str, str]:
    """Return those of the files that make a swap, as the status record states them: all but the age's."""
    return {name: digest for name, digest in embedded_weights().items() if name != AGE}


def embedded_path(name: str, folder: Path = Path(__file__).parent) -> Path:
    """Return where a shipped file lies, once its content has been checked against its sha256.

    Raises:
        ModelUnavailable: the file is missing, or is not the one that was shipped.
    """
    path = folder / name
    if not path.is_file():
        raise ModelUnavailable(f"The model file {name} is missing from this installation; install it again.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _SHA256[name]:
        raise ModelUnavailable(f"The model file {name} is not the one that was shipped; install it again.")
    return path
