"""The weights shipped with the code (origin and licences: NOTICE beside this file)."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from models.errors import ModelUnavailable

DETECTION_BACK: Final = "face_detection_back.onnx"
DETECTION_FULL_RANGE: Final = "face_detection_full_range.onnx"
LANDMARKS: Final = "face_landmarks_with_attention.onnx"
ATTENTION_INDICES: Final = "attention_indices.json"
EMBEDDING: Final = "face_embedding.onnx"
AGE: Final = "face_age.onnx"
PALMS: Final = "palm_detection.onnx"
HANDS: Final = "hand_landmarks.onnx"
TOPOLOGY: Final = "mesh_topology.npz"

_SHA256: Final[Mapping[str, str]] = {
    DETECTION_BACK: "fb28fd36f4fd44540ce84195fddeb05c197e83d04a2a40121e9d42ed3fbd4e48",
    DETECTION_FULL_RANGE: "e1c7f6e22356d00b7c5a126404e760f1de7bf6b4e71fcf128cf4fdf1f3e5afd4",
    LANDMARKS: "4a423ecfcc66c764b21b1abed973cf492dd2ae9a14bc145b2ffd36329e4d50df",
    ATTENTION_INDICES: "6512579c815e62c1eb39dc323a8189b8eb8eb38ec298c1b72b99036eda7ec2c2",
    EMBEDDING: "ef4b2eb134cc63f4319cadd928af5233212858665b55543ec10dd764bf48e56e",
    AGE: "b1bc9faa72275ccdc9cb403a1ff2a09ecb0309eef56b52e449e3f91d0d1f0a8f",
    PALMS: "ae2199a5249b49676404e32e198042ad77e0285e319a0cbd4f8ca9a04078c6fc",
    HANDS: "9d9533a6dd6aa5a4d173005006fb30435294e73d546e14d7e7e10efc4a10429a",
    TOPOLOGY: "40c8ce1222407a44011453296cf372c6e5b25630019994770acd7748e0c37942",
}

ENGINE_FILES: Final = (
    DETECTION_BACK,
    DETECTION_FULL_RANGE,
    LANDMARKS,
    ATTENTION_INDICES,
    EMBEDDING,
    TOPOLOGY,
)
"""What the mesh engine is made of."""
HAND_FILES: Final = (PALMS, HANDS)
"""What keeps hands before a face."""


def embedded_weights(names: Iterable[str] = tuple(_SHA256)) -> dict[str, str]:
    """Return `{file name: "sha256:<hex>"}` of shipped files, as the status record states them."""
    return {name: f"sha256:{_SHA256[name]}" for name in names}


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
