"""The swap network: aligned crops and latents in, swapped crops out, in batches where it can."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from models.catalogue import EngineSpec
from models.devices import GpuOptions, Provider
from models.errors import DeviceOutOfMemory, ModelError, ModelUnavailable
from models.session import Session, Tensor, open_session
from models.tensorrt import FreeSides
from pipeline.engines.inswapper.graph import with_dynamic_batch
from pipeline.errors import OutputInvalid
from pipeline.face import Array, Bgr

_log = logging.getLogger(__name__)

_FLAT: Final = 1e-3  # deviation of an output of 0..1 in which there is no face
_NOT_FLAT: Final = 0.02  # deviation of a crop in which there is one
_LATENT_SIDE: Final = 512
# How far the same face may differ alone and in a batch: fp16 sums in another order, of values 0..1.
_BATCH_TOLERANCE: Final = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Swapped:
    """What the network made of one crop: BGR uint8 (s, s, 3), and where it is face, (s, s) 0..1, or None."""

    crop: Bgr
    mask: Array | None


class SwapNetwork:
    """One opened swap network.

    `batch_size` is the most crops that go in at once; `open_precise` opens the fp32 file of the same
    network, None where there is none. It is called at the first unusable output, and what it opened is kept.
    """

    def __init__(
        self,
        session: Session,
        spec: EngineSpec,
        *,
        batch_size: int = 1,
        open_precise: Callable[[], Session] | None = None,
    ) -> None:
        _check_inputs(session, spec)
        self.batch_size = batch_size
        self.provider = session.provider
        self._session = session
        self._spec = spec
        self._open_precise = open_precise
        self._precise: Session | None = None

    def swap(self, crops: Sequence[Bgr], latents: Sequence[Array]) -> list[Swapped]:
        """Put each latent (1, n) on its crop, BGR uint8 (s, s, 3).

        A batch that does not fit into the device's memory is done again crop by crop, and so is everything
        after it: what fills the memory rarely goes away.

        Raises:
            OutputInvalid: the network gave no picture, not in fp32 either.
            DeviceOutOfMemory: even one crop does not fit into the device's memory.
            DeviceLost: the device no longer works.
        """
        swapped: list[Swapped] = []
        while len(swapped) < len(crops):
            batch = slice(len(swapped), len(swapped) + self.batch_size)
            try:
                swapped += self._swap_batch(self._pixels(crops[batch]), np.concatenate(latents[batch]))
            except DeviceOutOfMemory:
                if self.batch_size == 1:
                    raise
                _log.warning("%d faces at once do not fit into the device's memory", self.batch_size)
                self.batch_size = 1
        return swapped

    def takes_batches(self) -> bool:
        """Whether two different faces in one run come out as each does alone."""
        shape = (2, 3, self._spec.input_size, self._spec.input_size)
        pixels = np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        pixels[1] = pixels[1, :, :, ::-1]
        latents = np.cos(np.arange(2 * _LATENT_SIDE, dtype=np.float32)).reshape(2, -1)
        latents /= np.linalg.norm(latents, axis=1, keepdims=True)
        try:
            both = _run(self._session, pixels, latents)[0]
            alone = [_run(self._session, pixels[[i]], latents[[i]])[0] for i in range(2)]
        except ModelError:
            raise
        except Exception:  # noqa: BLE001 -- ONNX Runtime has many types for a layer that refuses a shape
            _log.info("the graph refuses batches", exc_info=True)
            return False
        return both.shape[0] == 2 and bool(  # noqa: PLR2004 -- as many as went in
            np.allclose(both, np.concatenate(alone), atol=_BATCH_TOLERANCE, equal_nan=True)
        )

    def _swap_batch(self, pixels: Array, latents: Array) -> Iterator[Swapped]:
        outputs = _run(self._session, pixels, latents)
        broken = [
            i for i, (out, into) in enumerate(zip(outputs[0], pixels, strict=True)) if _is_broken(out, into)
        ]
        if broken:
            outputs = self._again(outputs, broken, pixels, latents)
        return self._pictures(outputs)

    def _again(
        self, outputs: Sequence[Array], broken: Sequence[int], pixels: Array, latents: Array
    ) -> list[Array]:
        """Replace the broken outputs by what fp32 gives."""
        if self._precise is None:
            if self._open_precise is None:
                raise OutputInvalid
            self._precise = self._open_precise()
        mended = [output.copy() for output in outputs]
        for i in broken:
            again = _run(self._precise, pixels[[i]], latents[[i]])
            if _is_broken(again[0][0], pixels[i]):
                raise OutputInvalid
            for output, new in zip(mended, again, strict=True):
                output[i] = new[0]
        return mended

    def _pixels(self, crops: Sequence[Bgr]) -> Array:
        """Crops as the network's input, (n, 3, s, s) RGB float32."""
        rgb = np.stack(crops)[..., ::-1].astype(np.float32)
        rgb /= 255
        rgb -= np.array(self._spec.input_mean, np.float32)
        rgb /= np.array(self._spec.input_std, np.float32)
        return np.ascontiguousarray(rgb.transpose(0, 3, 1, 2))

    def _pictures(self, outputs: Sequence[Array]) -> Iterator[Swapped]:
        rgb = outputs[0].transpose(0, 2, 3, 1) * np.array(self._spec.output_std, np.float32)
        rgb += np.array(self._spec.output_mean, np.float32)
        bgr = np.clip(rgb * 255, 0, 255).astype(np.uint8)[..., ::-1]
        for i, crop in enumerate(bgr):
            mask = np.clip(outputs[1][i, 0], 0, 1) if self._spec.output_mask else None
            yield Swapped(crop=np.ascontiguousarray(crop), mask=mask)


def open_network(
    path: Path,
    spec: EngineSpec,
    *,
    provider: Provider,
    threads: int,
    batch_size: int,
    gpu: GpuOptions | None = None,
    precise: Path | None = None,
) -> SwapNetwork:
    """Open a swap network for up to `batch_size` crops at once, or for one where its graph refuses more.

    Raises:
        ModelUnavailable: the file is missing, damaged, or no swap network of this catalogue entry.
        ProviderUnavailable: the provider did not start.
    """
    again = partial(open_session, precise, provider=provider, threads=threads, gpu=gpu) if precise else None
    if batch_size > 1:
        graph = with_dynamic_batch(path)
        free = FreeSides(batch=batch_size)
        session = open_session(graph, name=path.name, provider=provider, threads=threads, gpu=gpu, free=free)
        del graph
        network = SwapNetwork(session, spec, batch_size=batch_size, open_precise=again)
        if network.takes_batches():
            return network
    session = open_session(path, provider=provider, threads=threads, gpu=gpu)
    if provider != "cpu":
        session.warm_up()
    return SwapNetwork(session, spec, open_precise=again)


def _check_inputs(session: Session, spec: EngineSpec) -> None:
    sides = {tensor.name: tensor.shape for tensor in session.inputs}
    wanted = 1 + spec.output_mask
    if set(sides) != {"source", "target"} or len(session.outputs) < wanted:
        raise ModelUnavailable(f"The model file {session.name} is not a swap network.")
    if sides["target"][1:] not in {(3, spec.input_size, spec.input_size), (3, None, None)}:
        raise ModelUnavailable(
            f"The model file {session.name} does not take crops of {spec.input_size} pixels."
        )


def _run(session: Session, pixels: Array, latents: Array) -> list[Array]:
    """The outputs as float32: the picture (n, 3, s, s) first, then the mask (n, 1, s, s) if there is one."""
    given: dict[str, Tensor] = {"target": pixels, "source": latents}
    feed = {tensor.name: given[tensor.name].astype(tensor.dtype, copy=False) for tensor in session.inputs}
    outputs = [np.asarray(output, np.float32) for output in session.run(feed)]
    return sorted(outputs, key=lambda output: -output.shape[1])


def _is_broken(output: Array, pixels: Array) -> bool:
    """Whether an output (3, s, s) is no picture: not finite, or flat where its input was not."""
    if not np.isfinite(output).all():
        return True
    return float(output.std()) < _FLAT and float(pixels.std()) > _NOT_FLAT
