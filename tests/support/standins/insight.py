"""What insightface's own classes make of a picture, to compare ours with."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from pipeline.align import Matrix
from pipeline.face import Array, Bgr


class KnownSwapper:
    """`INSwapper.get` with everything of insightface's but the network, whose output is `crop`.

    `crop` is BGR uint8 (128, 128, 3).
    """

    def __init__(self, crop: Bgr) -> None:
        from insightface.model_zoo.inswapper import INSwapper  # noqa: PLC0415 -- takes 2 s to import

        rgb = crop[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None]
        self._output: Array = (rgb + np.float32(0.5)) / np.float32(255)
        swapper = INSwapper.__new__(INSwapper)  # its __init__ wants a file
        swapper.input_mean, swapper.input_std, swapper.input_size = 0.0, 255.0, (128, 128)
        swapper.input_names, swapper.output_names = ["target", "source"], ["output"]
        swapper.emap, swapper.session = np.eye(512, dtype=np.float32), self
        self._swapper = swapper

    def run(self, _outputs: Sequence[str], _feed: dict[str, Array]) -> list[Array]:
        """The session's part."""
        return [self._output]

    def get(self, frame: Bgr, kps: Array) -> Bgr | None:
        """The frame with the crop in it; None where insightface fails for want of a visible pixel."""
        from insightface.app.common import Face  # noqa: PLC0415 -- as above

        source = Face(embedding=np.ones(512, np.float32))
        try:
            with quiet():
                pasted: Any = self._swapper.get(frame, Face(kps=kps), source)
        except ValueError:  # the maximum of nothing
            return None
        return np.asarray(pasted, np.uint8)


def matrix_by_insightface(kps: Array) -> Matrix:
    """The (2, 3) matrix that takes five points to insightface's crop of 128 pixels.

    It is fitted in single precision; ours differs by some 1e-6, which noise turns into one more level.
    """
    from insightface.utils.face_align import estimate_norm  # noqa: PLC0415 -- as above

    with quiet():
        return np.asarray(estimate_norm(kps, 128), np.float64)


def swapped_by_insightface(model: Path, frame: Bgr, kps: Array, embedding: Array) -> Bgr:
    """The frame with the face at `kps` swapped for `embedding` (512,) by `INSwapper` on the file `model`."""
    from insightface.app.common import Face  # noqa: PLC0415 -- as above
    from insightface.model_zoo.inswapper import INSwapper  # noqa: PLC0415 -- as above

    with quiet():
        swapper = INSwapper(str(model), ort.InferenceSession(model, providers=["CPUExecutionProvider"]))
        return np.asarray(swapper.get(frame, Face(kps=kps), Face(embedding=embedding)), np.uint8)


def embedding_by_insightface(model: Path, frame: Bgr, kps: Array) -> Array:
    """The embedding (512,) of the face at `kps` by `ArcFaceONNX` on the file `model`."""
    from insightface.app.common import Face  # noqa: PLC0415 -- as above
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX  # noqa: PLC0415 -- as above

    with quiet():
        recogniser = ArcFaceONNX(str(model), ort.InferenceSession(model, providers=["CPUExecutionProvider"]))
        return np.asarray(recogniser.get(frame, Face(kps=kps)), np.float32)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep insightface's prints, and scikit-image's warning about the function it calls, to ourselves."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", FutureWarning)
        yield
