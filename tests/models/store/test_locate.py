"""Looking for files: only verified ones count, and every folder says why it has none."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from models.catalogue import CatalogueError
from models.errors import ModelMissing
from models.store.model_store import Found, Missing, ModelStore
from models.store.places import search_path
from tests.support.mirrors import DETECTOR, FLAT_ZIP, MODEL, SIZE, store


def put(path: Path, body: bytes, *, age_s: float = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def only_reason(looked: Found | Missing) -> str:
    assert isinstance(looked, Missing)
    (candidate,) = looked.candidates
    return candidate.reason


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty (0 bytes)"),
        (MODEL[:-1], f"{SIZE - 1} bytes long instead of {SIZE}"),
        (MODEL + b"x", f"{SIZE + 1} bytes long instead of {SIZE}"),
        (MODEL[:-1] + bytes([MODEL[-1] ^ 1]), "another content than the known one"),
        (b"\n<!DOCTYPE html><html>blob page</html>", "a web page instead of a model"),
        (b"<html>" + MODEL[6:], "a web page instead of a model"),
    ],
)
def test_a_wrong_file_does_not_count_and_says_why(tmp_path: Path, body: bytes, why: str) -> None:
    put(tmp_path / "models/swapper.onnx", body)
    missing = store(tmp_path).locate("swapper.onnx")
    assert only_reason(missing).startswith(why)
    with pytest.raises(
        ModelMissing, match=r"swapper\.onnx is damaged or not the right one.*models pull swapper"
    ):
        store(tmp_path).require("swapper.onnx")


def test_every_folder_says_why_it_has_no_file(tmp_path: Path) -> None:
    absent, empty, other = (tmp_path / name for name in ("absent", "empty", "other"))
    dangling, folder, blocked, good = (tmp_path / name for name in ("dangling", "folder", "blocked", "good"))
    empty.mkdir()
    put(other / "other.onnx", b"x")
    dangling.mkdir()
    (dangling / "swapper.onnx").symlink_to("gone.onnx")
    (folder / "swapper.onnx").mkdir(parents=True)
    blocked.write_bytes(b"a file, not a folder")
    put(good / "swapper.onnx", MODEL)
    looked = store(tmp_path, absent, empty, other, dangling, folder, blocked, good).locate("swapper.onnx")
    assert isinstance(looked, Found)
    assert looked.path == good / "swapper.onnx"
    assert looked.sha256 == hashlib.sha256(MODEL).hexdigest()
    assert [(c.reason, c.bad) for c in looked.candidates] == [
        ("no such folder", False),
        ("the folder is empty", False),
        ("not there", False),
        ("a link to gone.onnx, which is not there", True),
        ("a folder with the file's name", True),
        ("cannot be read: not a folder", True),
    ]


def test_a_link_to_a_good_file_counts(tmp_path: Path) -> None:
    real = put(tmp_path / "elsewhere/blob", MODEL)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/swapper.onnx").symlink_to(real)
    assert isinstance(store(tmp_path).locate("swapper.onnx"), Found)


def test_a_file_without_a_checksum_is_never_used(tmp_path: Path) -> None:
    put(tmp_path / "models/unknown.onnx", b"whatever")
    assert only_reason(store(tmp_path).locate("unknown.onnx")) == "cannot be verified: no checksum is known"
    with pytest.raises(ModelMissing, match="no checksum is known"):
        store(tmp_path).require("unknown.onnx")


@pytest.mark.parametrize(
    "place",
    [
        "buffalo_l/det_10g.onnx",
        "det_10g.onnx",
        "buffalo_l/buffalo_l/det_10g.onnx",
        "models/buffalo_l/det_10g.onnx",
    ],
)
def test_an_archive_unpacked_one_level_off_is_found(tmp_path: Path, place: str) -> None:
    path = put(tmp_path / "models" / place, DETECTOR)
    assert store(tmp_path).require("det_10g.onnx").path == path


def test_an_archive_that_was_not_unpacked_is_named(tmp_path: Path) -> None:
    put(tmp_path / "models/buffalo_l.zip", FLAT_ZIP)
    assert "not unpacked" in only_reason(store(tmp_path).locate("det_10g.onnx"))


def test_a_missing_file_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        store(tmp_path).require("swapper.onnx")
    assert str(caught.value) == (
        "The model file swapper.onnx is missing; `swapdrop models pull swapper.onnx` gets it."
    )
    assert caught.value.where == (f"{tmp_path / 'models'}: no such folder",)
    assert caught.value.code == "model_unavailable"


def test_a_file_that_appears_later_is_seen_by_the_same_store(tmp_path: Path) -> None:
    running = store(tmp_path)
    assert isinstance(running.locate("swapper.onnx"), Missing)
    put(tmp_path / "models/swapper.onnx", MODEL[:100])
    assert isinstance(running.locate("swapper.onnx"), Missing)
    put(tmp_path / "models/swapper.onnx", MODEL)
    assert isinstance(running.locate("swapper.onnx"), Found)
    (tmp_path / "models/swapper.onnx").unlink()
    assert isinstance(running.locate("swapper.onnx"), Missing)


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"swaper\.onnx is not in the catalogue; it knows swapper\.onnx"):
        store(tmp_path).locate("swaper.onnx")


class Hashed:
    """Counts how often a file is really read for its hash."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[Path] = []
        monkeypatch.setattr("models.store.verify.sha256_of", self)

    def __call__(self, path: Path) -> str:
        self.paths.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


def fresh_start(tmp_path: Path) -> ModelStore:
    return store(tmp_path)


def test_a_second_start_does_not_hash_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = Hashed(monkeypatch)
    put(tmp_path / "models/swapper.onnx", MODEL)
    for _ in range(3):
        assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Found)
    assert len(hashed.paths) == 1
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx", afresh=True), Found)
    assert len(hashed.paths) == 2


def test_a_changed_file_is_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = Hashed(monkeypatch)
    path = put(tmp_path / "models/swapper.onnx", MODEL)
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Found)
    put(path, MODEL[::-1], age_s=30)
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Missing)
    assert len(hashed.paths) == 2


def test_a_file_changed_a_moment_ago_is_not_trusted_by_its_mtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = Hashed(monkeypatch)
    path = put(tmp_path / "models/swapper.onnx", MODEL, age_s=0)
    stamp = path.stat()
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Found)
    with path.open("r+b") as file:
        file.write(b"changed")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Missing)
    assert len(hashed.paths) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"1:2:3:4": 5}', b"\xff\xfe"])
def test_a_damaged_memory_of_hashes_only_costs_hashing_again(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "cache/verified.json", content)
    put(tmp_path / "models/swapper.onnx", MODEL)
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Found)
    remembered = json.loads((tmp_path / "cache/verified.json").read_text())
    assert list(remembered.values()) == [hashlib.sha256(MODEL).hexdigest()]


def test_a_cache_folder_that_cannot_be_written_breaks_nothing(tmp_path: Path) -> None:
    put(tmp_path / "cache", b"a file where the folder should be: not even root can write below it")
    put(tmp_path / "models/swapper.onnx", MODEL)
    assert isinstance(fresh_start(tmp_path).locate("swapper.onnx"), Found)


def test_the_operators_folder_comes_first_and_the_users_cache_last() -> None:
    folders = [str(place.folder) for place in search_path(Path("/mine"), Path("/homes/me/.cache/swapdrop"))]
    assert folders == [
        "/mine",
        "/runpod-volume/faceswap/models",
        "/runpod-volume/models",
        "/runpod-volume/faceswap",
        "/workspace/faceswap/models",
        "/workspace/models",
        "/workspace/faceswap",
        "/app/models",
        "/homes/me/.cache/swapdrop/models",
    ]
