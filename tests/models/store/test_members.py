"""Files that mirrors have only in an archive."""

from pathlib import Path

import pytest

from models.errors import ModelMissing
from tests.support.mirrors import (
    DETECTOR,
    FLAT_ZIP,
    RECOGNISER,
    LoopbackFetcher,
    Page,
    Record,
    catalogue,
    mirror,
    store,
    zipped,
)
from tests.support.pulls import files, pull


@pytest.mark.parametrize("folder", ["", "buffalo_l/"])
def test_members_come_out_of_a_flat_zip_and_one_a_level_deeper(tmp_path: Path, folder: str) -> None:
    archive = zipped({f"{folder}det_10g.onnx": DETECTOR, f"{folder}w600k_r50.onnx": RECOGNISER, "x": b"x"})
    with mirror({"/buffalo_l.zip": Page(body=archive, cuts=[1000])}) as one:
        running = store(tmp_path, known=catalogue(archive))
        pull(running, "det_10g.onnx", one=one)
        pull(running, "w600k_r50.onnx", one=one)
    assert len(one.requests) == 2
    assert (tmp_path / "models/buffalo_l/det_10g.onnx").read_bytes() == DETECTOR
    assert (tmp_path / "models/buffalo_l/w600k_r50.onnx").read_bytes() == RECOGNISER
    assert files(tmp_path / "models") == {
        "buffalo_l/det_10g.onnx",
        "buffalo_l/w600k_r50.onnx",
        ".buffalo_l.zip.lock",
    }


def test_an_archive_that_lies_there_is_unpacked_without_a_download(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/buffalo_l.zip").write_bytes(FLAT_ZIP)
    found = store(tmp_path, offline=True).pull("det_10g.onnx", [], Record())
    assert found.path.read_bytes() == DETECTOR


def test_an_archive_without_the_member_is_named_and_not_kept(tmp_path: Path) -> None:
    archive = zipped({"w600k_r50.onnx": RECOGNISER})
    with mirror({"/buffalo_l.zip": Page(body=archive)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path, known=catalogue(archive)), "det_10g.onnx", one=one)
    assert str(caught.value) == (
        "det_10g.onnx could not be taken out of buffalo_l.zip: it has no det_10g.onnx."
    )
    assert files(tmp_path / "models") == {".buffalo_l.zip.lock"}


def test_a_source_with_the_single_member_spares_the_archive(tmp_path: Path) -> None:
    class Bucket(LoopbackFetcher):
        def addresses(self, file: object) -> list[str]:
            return [f"http://127.0.0.1:{one.port}/models/{file.path}"]  # type: ignore[attr-defined] # a ModelFile

    with mirror(
        {"/models/buffalo_l/det_10g.onnx": Page(body=DETECTOR), "/buffalo_l.zip": Page(body=FLAT_ZIP)}
    ) as one:
        both = [Bucket({}), LoopbackFetcher({"one": one.port})]
        store(tmp_path).pull("det_10g.onnx", both, Record())
        assert [path for path, _ in one.requests] == ["/models/buffalo_l/det_10g.onnx"]
        store(tmp_path).pull("w600k_r50.onnx", both, Record())
    assert [path for path, _ in one.requests][1:] == [
        "/models/buffalo_l/w600k_r50.onnx",
        "/models/buffalo_l.zip",
        "/buffalo_l.zip",
    ]
