"""Stand-ins for the networks that hide 32 bits and find them: each bit makes a block brighter on one side."""

from functools import partial
from pathlib import Path

import numpy as np

from models.session import open_session
from pipeline.face import Bgr
from pipeline.watermark.embed import Watermarker
from pipeline.watermark.ids import to_id
from pipeline.watermark.network import Decoder, Encoder, shrunk
from tests.support.standins.graphs import Graph

ROWS, COLUMNS = 4, 8
LEVELS = 6
_SHAPE = (1, 1, 1, ROWS, 180 // ROWS, COLUMNS, 320 // COLUMNS)


def _sides() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """-1 in the left half of a block, 1 in the right one."""
    width = 320 // COLUMNS
    half = np.where(np.arange(width) < width // 2, -1, 1).astype(np.float32)
    return np.tile(half, (180 // ROWS, 1)).reshape(1, 1, 1, 1, 180 // ROWS, 1, width)


def build_encoder(path: Path) -> Path:
    """Write the one that hides, with the inputs and the output of RivaGAN's."""
    graph = Graph()
    signs = graph.add("Sub", graph.add("Mul", "data", graph.number(2)), graph.number(1))
    blocks = graph.add("Reshape", signs, graph.integers(1, 1, 1, ROWS, 1, COLUMNS, 1))
    change = graph.add("Mul", blocks, graph.weight(_sides() * np.float32(LEVELS / 127.5)))
    graph.add("Add", "frame", graph.add("Reshape", change, graph.integers(1, 1, 1, 180, 320)), named="output")
    frame: list[int | str] = ["N", 3, 1, 180, 320]
    return graph.save(path, {"frame": frame, "data": ["N", 32]}, {"output": frame})


def build_decoder(path: Path) -> Path:
    """Write the one that finds: 20 for a bit that was hidden in what is all alike."""
    graph = Graph()
    grey = graph.add("ReduceMean", "frame", axes=[1, 2], keepdims=0)
    blocks = graph.add("Reshape", grey, graph.integers(*_SHAPE))
    sides = graph.add("Mul", blocks, graph.weight(_sides() * np.float32(20 * 127.5 / LEVELS)))
    means = graph.add("ReduceMean", sides, axes=[4, 6], keepdims=0)
    graph.add("Reshape", means, graph.integers(-1, 32), named="output")
    return graph.save(path, {"frame": ["N", 3, 1, 180, 320]}, {"output": ["N", 32]})


def open_encoder(path: Path) -> Encoder:
    """Open the one that hides; a function that another process can be sent."""
    return Encoder(open_session(path))


def watermarker(folder: Path) -> Watermarker:
    """What hides ids by the stand-in, which is written into a folder."""
    return Watermarker(partial(open_encoder, build_encoder(folder / "encoder.onnx")), model="sha256:stand-in")


def decoder(folder: Path) -> Decoder:
    """What finds them again."""
    return Decoder(open_session(build_decoder(folder / "decoder.onnx")))


def hidden(bgr: Bgr, folder: Path) -> str:
    """The id in a picture, but for its first four bits, where the face's edges are: 7 digits."""
    return to_id(decoder(folder).read(shrunk(bgr)))[1:]
