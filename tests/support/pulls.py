"""Pulling the small catalogue's swapper from mirrors, and what lies in the folder then."""

from pathlib import Path

from models.store.model_store import Found, ModelStore
from tests.support.mirrors import MODEL, LoopbackFetcher, Mirror, Record

PATH = "/swapper.onnx"


def pull(running: ModelStore, name: str = "swapper.onnx", **mirrors: Mirror) -> Found:
    """Pull a file as a command does, from mirrors by the names that the catalogue has for them."""
    ports = {key: served.port for key, served in mirrors.items()}
    return running.pull(name, [LoopbackFetcher(ports)], Record())


def files(folder: Path) -> set[str]:
    """What lies below a folder, by its path from there."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_only_the_good_file(folder: Path) -> None:
    """The swapper is there, whole, and nothing of how it came."""
    assert (folder / "swapper.onnx").read_bytes() == MODEL
    assert files(folder) == {"swapper.onnx", ".swapper.onnx.lock"}


def assert_no_file_at_all(folder: Path) -> None:
    """No swapper is there, whatever else was left for the next try."""
    assert not (folder / "swapper.onnx").exists()
