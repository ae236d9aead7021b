"""Restoring a swapped face with a network such as GFPGAN or CodeFormer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from models.catalogue import EngineSpec
from models.devices import GpuOptions, Provider
from models.errors import ModelUnavailable
from models.session import Session, Tensor, open_session
from pipeline.align import similarity_fit, warp_crop
from pipeline.blend.masks import Mask, face_oval, mouth_left_out
from pipeline.blend.neighbours import neighbours_left_out
from pipeline.blend.occlusion import Occluder
from pipeline.blend.paste import paste
from pipeline.errors import OutputInvalid
from pipeline.face import Bgr, Face

_SHARE: Final = 0.8  # of the restored face in the result at full strength: more looks like wax
# CodeFormer's second input: 0 looks best, 1 stays closest to what it is given.
_WEIGHT: Final = 0.7


class Enhancer(Protocol):
    """Restores one face of a frame."""

    @property
    def name(self) -> str:
        """What the status record calls it."""
        ...

    def enhance(
        self,
        frame: Bgr,
        face: Face,
        *,
        others: Sequence[Face] = (),
        keep_mouth: bool = False,
        strength: float = 1.0,
    ) -> bool:
        """Restore `face` in `frame` (BGR uint8 (h, w, 3), changed in place), and none of `others`.

        With `keep_mouth` its mouth, which was not swapped, stays as it is. `strength`, 0 to 1, is how much of
        the restored face shows. Returns False if nothing changed.
        """
        ...


class OnnxEnhancer:
    """Restores with an enhancer of the catalogue."""

    def __init__(self, session: Session, spec: EngineSpec, *, occluder: Occluder | None = None) -> None:
        crop, *others = session.inputs
        if crop.shape[1:] != (3, spec.input_size, spec.input_size):
            raise ModelUnavailable(f"The model file {session.name} is not an enhancer.")
        self.name = spec.name
        self._crop, self._weights = crop, others  # CodeFormer has one weight, GFPGAN has none
        self._session = session
        self._occluder = occluder
        self._spec = spec
        self._template = np.array(spec.template.at(spec.input_size))
        self._mask = face_oval(self._template, spec.input_size) * np.float32(_SHARE)

    def enhance(
        self,
        frame: Bgr,
        face: Face,
        *,
        others: Sequence[Face] = (),
        keep_mouth: bool = False,
        strength: float = 1.0,
    ) -> bool:
        """Restore `face` in `frame` (BGR uint8 (h, w, 3), changed in place); False if it lies outside.

        At `strength` 1 four fifths of the restored face show, at 0 nothing does.
        Nothing beyond the oval of the face changes, nor any of `others`, nor with `keep_mouth` its mouth, nor
        what covers the face where there is an occluder.

        Raises:
            OutputInvalid: the network gave no picture; nothing was changed.
            DeviceOutOfMemory: the device's memory does not suffice.
            DeviceLost: the device no longer works.
        """
        matrix = similarity_fit(face.kps, self._template)
        crop = warp_crop(frame, matrix, self._spec.input_size)
        shown = self._mask * np.float32(strength)
        masks = [Mask(values=shown, matrix=matrix), *neighbours_left_out(face, others)]
        if keep_mouth:
            masks.append(Mask(values=mouth_left_out(face, matrix, self._spec.input_size), matrix=matrix))
        if self._occluder is not None:
            masks.append(self._occluder.uncovered(frame, face))
        return paste(frame, self._restore(crop), matrix, masks=masks, edge="fast")

    def _restore(self, crop: Bgr) -> Bgr:
        spec = self._spec
        rgb = crop[..., ::-1].astype(np.float32) / 255
        rgb = (rgb - np.array(spec.input_mean, np.float32)) / np.array(spec.input_std, np.float32)
        feed: dict[str, Tensor] = {self._crop.name: rgb.transpose(2, 0, 1)[None].astype(self._crop.dtype)}
        feed |= {weight.name: np.full(1, _WEIGHT, weight.dtype) for weight in self._weights}
        output = np.asarray(self._session.run(feed)[0][0], np.float32).transpose(1, 2, 0)
        if not np.isfinite(output).all():
            raise OutputInvalid
        restored = output * np.array(spec.output_std, np.float32) + np.array(spec.output_mean, np.float32)
        return np.ascontiguousarray(np.clip(np.rint(restored * 255), 0, 255).astype(np.uint8)[..., ::-1])


def open_enhancer(
    files: Mapping[str, Path],
    spec: EngineSpec,
    *,
    provider: Provider,
    threads: int,
    gpu: GpuOptions | None = None,
    occluder: Occluder | None = None,
) -> OnnxEnhancer:
    """Open the file of role `enhancer`; with an `occluder`, what covers a face stays as it is.

    Raises:
        ModelUnavailable: the file is missing, damaged or no enhancer.
        ProviderUnavailable: the provider did not start.
    """
    session = open_session(files["enhancer"], provider=provider, threads=threads, gpu=gpu)
    if provider != "cpu":
        session.warm_up()
    return OnnxEnhancer(session, spec, occluder=occluder)
