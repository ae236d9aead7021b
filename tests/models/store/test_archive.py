"""Zip files from anywhere: nothing lands outside its place, beyond its size, or unverified."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from models.store.archive import unpack
from models.store.verify import BadFile, Digests
from tests.support.mirrors import DETECTOR, RECOGNISER, catalogue, zipped

NAMES = ("det_10g.onnx", "w600k_r50.onnx")


def unpacked(tmp_path: Path, archive: bytes) -> set[str]:
    """Unpack both members below tmp_path/in and name every file that is there afterwards."""
    path = tmp_path / "buffalo_l.zip"
    path.write_bytes(archive)
    known = catalogue()
    try:
        unpack(
            path, [known.files[name] for name in NAMES], tmp_path / "in", Digests(tmp_path / "verified.json")
        )
    finally:
        path.unlink()
        (tmp_path / "verified.json").unlink(missing_ok=True)
    return {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}


def with_info(info: zipfile.ZipInfo, body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, body)
    return out.getvalue()


def test_only_what_is_wanted_comes_out(tmp_path: Path) -> None:
    archive = zipped(
        {"buffalo_l/det_10g.onnx": DETECTOR, "w600k_r50.onnx": RECOGNISER, "genderage.onnx": b"x"}
    )
    assert unpacked(tmp_path, archive) == {"in/buffalo_l/det_10g.onnx", "in/buffalo_l/w600k_r50.onnx"}


@pytest.mark.parametrize(
    "name", ["../../det_10g.onnx", "../det_10g.onnx", "/det_10g.onnx", "..\\det_10g.onnx"]
)
def test_a_name_that_leads_elsewhere_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "a/b"
    outside.mkdir(parents=True)
    try:
        written = unpacked(outside, zipped({name: DETECTOR, "w600k_r50.onnx": RECOGNISER}))
    except BadFile:
        written = set()
    assert written <= {"in/buffalo_l/det_10g.onnx", "in/buffalo_l/w600k_r50.onnx"}
    assert {path for path in tmp_path.rglob("*.onnx") if outside not in path.parents} == set()
    assert not Path("/det_10g.onnx").exists()


def test_a_link_instead_of_a_file_is_not_followed(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("det_10g.onnx")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BadFile, match=r"no det_10g\.onnx"):
        unpacked(tmp_path, with_info(info, b"/etc/passwd"))


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (b"", "not a zip file"),
        (b"<html>not found</html>", "not a zip file"),
        (zipped({}), "no det_10g"),
        (zipped({"a/b/c/det_10g.onnx": DETECTOR}), "no det_10g"),
        (zipped({"det_10g.onnx/": b""}), "no det_10g"),
        (zipped({"det_10g.onnx": DETECTOR, "b/det_10g.onnx": RECOGNISER}), "2 det_10g"),
        (zipped({"det_10g.onnx": RECOGNISER}), "another content"),
        (zipped({"det_10g.onnx": b""}), "0 bytes long"),
        (zipped({"det_10g.onnx": DETECTOR})[:-30], "not a zip file"),
    ],
)
def test_an_archive_that_is_not_the_right_one_says_why_and_leaves_nothing(
    tmp_path: Path, archive: bytes, why: str
) -> None:
    with pytest.raises(BadFile, match=why):
        unpacked(tmp_path, archive)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_damaged_data_inside_is_found(tmp_path: Path) -> None:
    archive = bytearray(zipped({"det_10g.onnx": DETECTOR}))
    archive[len(archive) // 2] ^= 0xFF
    with pytest.raises(BadFile):
        unpacked(tmp_path, bytes(archive))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_member_that_unpacks_to_more_than_its_limit_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.archive._MAX_BYTES", 2**20)
    bomb = zipped({"det_10g.onnx": bytes(2**24)})
    with pytest.raises(BadFile):
        unpacked(tmp_path, bomb)
    lying = bytearray(bomb)
    at = lying.rindex(b"PK\x01\x02")  # the directory's entry claims that it is small
    lying[at + 24 : at + 28] = struct.pack("<I", 1000)
    with pytest.raises(BadFile):
        unpacked(tmp_path, bytes(lying))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_encrypted_member_is_a_reason_and_not_a_crash(tmp_path: Path) -> None:
    archive = bytearray(zipped({"det_10g.onnx": DETECTOR}))
    archive[6] |= 1
    archive[archive.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadFile, match=r"not a zip file that can be read"):
        unpacked(tmp_path, bytes(archive))
