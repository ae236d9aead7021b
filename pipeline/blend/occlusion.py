"""Finding what covers a face, a hand, hair or a microphone, so that it stays as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from models.catalogue import EngineSpec
from models.devices import GpuOptions, Provider
from models.errors import ModelUnavailable
from models.session import Session, open_session
from pipeline.align import similarity_fit, warp_crop
from pipeline.blend.masks import Mask, smoothstep
from pipeline.errors import OutputInvalid
from pipeline.face import Bgr, Face

_FEATHER: Final = 0.03  # of the crop's side; from what covers the face inwards, so that all of that stays
_HALF: Final = 0.5


class Occluder(Protocol):
    """Tells a face from what covers it."""

    @property
    def models(self) -> Mapping[str, str]:
        """`sha256:<hex>` of each file's name, for the status record."""
        ...

    def uncovered(self, frame: Bgr, face: Face) -> Mask:
        """Where nothing covers `face` in `frame` (BGR uint8 (h, w, 3))."""
        ...


class OnnxOccluder:
    """Asks an occluder of the catalogue, such as xseg_3.

    The network takes one crop (1, s, s, 3) and says for each pixel whether it shows face, (1, s, s, 1) 0..1.
    """

    def __init__(self, session: Session, spec: EngineSpec, *, models: Mapping[str, str]) -> None:
        self._side = spec.input_size
        crop = session.inputs[0]
        if crop.shape[1:] != (self._side, self._side, 3):
            raise ModelUnavailable(f"The model file {session.name} is not an occluder.")
        self.models = models
        self._crop = crop
        self._session = session
        self._template = np.array(spec.template.at(self._side))

    def uncovered(self, frame: Bgr, face: Face) -> Mask:
        """Where nothing covers `face` in `frame` (BGR uint8 (h, w, 3)): 1 there, 0 on all that covers it.

        Raises:
            OutputInvalid: the network gave no mask.
            DeviceOutOfMemory: the device's memory does not suffice.
            DeviceLost: the device no longer works.
        """
        matrix = similarity_fit(face.kps, self._template)
        crop = warp_crop(frame, matrix, self._side)
        pixels = (crop[None] / 255).astype(self._crop.dtype)
        output = np.asarray(self._session.run({self._crop.name: pixels})[0], np.float32)
        if output.size != self._side**2 or not np.isfinite(output).all():
            raise OutputInvalid
        shows_face = (output.reshape(self._side, self._side) > _HALF).astype(np.uint8)
        # One pixel less, as the frame's pixels lie between the mask's; the crop's edge hides nothing.
        depth = cv2.distanceTransform(shows_face, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return Mask(values=smoothstep((depth - 1.5) / (_FEATHER * self._side)), matrix=matrix)


def open_occluder(
    files: Mapping[str, Path],
    spec: EngineSpec,
    *,
    provider: Provider,
    threads: int,
    models: Mapping[str, str],
    gpu: GpuOptions | None = None,
) -> OnnxOccluder:
    """Open the file of role `occluder`; `models` names it for the status record.

    Raises:
        ModelUnavailable: the file is missing, damaged or no occluder.
        ProviderUnavailable: the provider did not start.
    """
    session = open_session(files["occluder"], provider=provider, threads=threads, gpu=gpu)
    if provider != "cpu":
        session.warm_up()
    return OnnxOccluder(session, spec, models=models)
