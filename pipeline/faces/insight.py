"""SCRFD and ArcFace through insightface's own classes, on sessions and files that we chose and verified.

insightface is imported when a model is opened: it takes 2 s and 110 MB that the embedded engine need not
pay. Its `FaceAnalysis` is not used: it runs five networks on every face, where a target needs one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from models.session import Session, Tensor
from pipeline.align import similarity_fit, warp_crop
from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.faces.match import in_place
from pipeline.faces.select import MOST_FACES, IdentityScale, largest_of, reading_order
from pipeline.steps import Steps, at_once

# Cosine distances of w600k_r50. insightface's own demonstration calls two faces one person from a cosine of
# 0.28, and surely two below 0.2. For small faces, of which it says nothing, the limit is lower in the same
# proportion as in `pipeline.faces.identity`, from which the sizes and the margin come.
SCALE: Final = IdentityScale(accept=0.72, accept_small=0.6, small_px=60, margin=0.06, blind_px=40)

# Sides of the detector's input. The first two are insightface's own: the larger one sees faces down to
# about a sixtieth of the picture, the smaller one those that fill it. A large photograph is also looked at
# in more detail, or people 60 px wide in it would be missed.
_DETECTION_SIDES: Final = (128, 640)
_LARGE_SIDE: Final = 1280
DETECTION_SIDES: Final = (*_DETECTION_SIDES, _LARGE_SIDE)  # all there are, for whoever opens the model
_LARGE_PICTURE: Final = 2560  # pixels of its longer side
GLANCE_PX: Final = 640
# Where it is known where a face was, it is looked at amid so much of its surroundings, in times its size; in
# the smallest input it is then as large as a face of a third of the picture's height is in the usual one.
_REFINE_STRETCH: Final = 2.0
_REFINE_SIDE: Final = 128
_THRESHOLD: Final = 0.5
_RECOGNITION_SIDE: Final = 112
# insightface utils/face_align.py, `arcface_dst`.
_TEMPLATE: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class ScrfdFinder:
    """Finds faces with an SCRFD model that gives five points a face, such as det_10g."""

    def __init__(self, session: Session) -> None:
        from insightface.model_zoo.scrfd import SCRFD  # noqa: PLC0415 -- slow: see the module's docstring

        # Left to itself the class opens sessions of its own, on a provider of its own, for each size.
        self._model: Any = SCRFD(session=_ZooSession(session), static_shape_sessions=False)

    def find(self, picture: Bgr) -> list[Face]:
        """As `find_in_steps`, all at once, and only the faces."""
        return at_once(self.find_in_steps(picture)).faces

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, in one step: the network sees all at once."""
        found = self._find(picture)
        faces = largest_of(found, MOST_FACES, lambda face: face.area)
        # In order anew: one that is left out must not join two rows.
        return FoundFaces(faces=reading_order(faces), left_out=len(found) - len(faces))
        yield

    def _find(self, picture: Bgr) -> list[Face]:
        longer, shorter = max(picture.shape[:2]), min(picture.shape[:2])
        sides = (*_DETECTION_SIDES, _LARGE_SIDE) if longer > _LARGE_PICTURE else _DETECTION_SIDES
        # insightface fails on a strip so thin that nothing of it is left at a size.
        sizes = [(side, side) for side in sides if side * shorter >= 2 * longer]
        if not sizes:
            return []
        return self._detect(picture, sizes)

    def glance(self, picture: Bgr) -> Array:
        """Look once at a BGR uint8 (h, w, 3) picture; (n, 5) float32 rows of box and score."""
        faces = self._detect(picture, [(GLANCE_PX, GLANCE_PX)])
        return np.array([(*face.bbox, face.score) for face in faces], np.float32).reshape(-1, 5)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        """Find a face of the frame before where it is in this BGR uint8 (h, w, 3) picture; see the port."""
        half = _REFINE_STRETCH * max(face.size) / 2
        low = np.maximum(np.array(face.center) - half, 0).astype(int)
        high = np.minimum(np.array(face.center) + half, picture.shape[1::-1]).astype(int)
        if (high - low).min() < 2:  # noqa: PLR2004 -- pixels, of which something must be left at the input's size
            return None
        part = picture[low[1] : high[1], low[0] : high[0]]
        before = face.moved(*-low)
        found = in_place(self._detect(part, [(_REFINE_SIDE, _REFINE_SIDE)]), before.bbox)
        return None if found is None else found.moved(*low)

    def _detect(self, picture: Bgr, sizes: Sequence[tuple[int, int]]) -> list[Face]:
        boxes, points = self._model.detect(picture, input_size=sizes, det_thresh=_THRESHOLD)
        return reading_order(
            Face(
                bbox=box[:4].astype(np.float32),
                score=min(1.0, float(box[4])),
                kps=kps.astype(np.float32),
            )
            for box, kps in zip(boxes, points, strict=True)
            if np.isfinite(box).all() and np.isfinite(kps).all() and np.ptp(kps) > 0
        )

    def warm_up(self) -> None:
        """Run once on black at every size, so that the first job does not pay for first runs."""
        self.find(np.zeros((_LARGE_PICTURE + 1, _LARGE_SIDE, 3), np.uint8))


class ArcFace:
    """Identity embeddings with an ArcFace model, such as w600k_r50."""

    def __init__(self, path: Path, session: Session) -> None:
        from insightface.model_zoo.arcface_onnx import (  # noqa: PLC0415 -- slow: see the module's docstring
            ArcFaceONNX,
        )

        self._model: Any = ArcFaceONNX(model_file=str(path), session=_ZooSession(session))

    def embed(self, picture: Bgr, face: Face) -> Array:
        """The embedding as the model gives it, (512,) float32, of a face in a BGR uint8 (h, w, 3) picture."""
        matrix = similarity_fit(face.kps, _TEMPLATE)
        crop = warp_crop(picture, matrix, _RECOGNITION_SIDE, border=cv2.BORDER_CONSTANT, antialias=False)
        return np.asarray(self._model.get_feat(crop), np.float32).ravel()


class _ZooSession:
    """Our session as insightface's classes want to see one: ours tells a full or lost device apart."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_inputs(self) -> Sequence[Any]:
        return self._session.inputs

    def get_outputs(self) -> Sequence[Any]:
        return self._session.outputs

    def get_providers(self) -> list[str]:
        return [self._session.provider]

    def run(self, _outputs: Sequence[str], feed: Mapping[str, Tensor]) -> Sequence[Tensor]:
        return self._session.run(feed)
