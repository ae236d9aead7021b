"""Pulls: who is asked for what, what is asked for only with leave, and what nobody is asked for."""

from pathlib import Path

import pytest

from models.errors import LicenceNotAccepted, ModelMissing
from tests.support.mirrors import MODEL, SIZE, LoopbackFetcher, Page, Record, mirror, store
from tests.support.pulls import PATH, assert_only_the_good_file, pull


def test_the_first_source_that_has_it_is_the_only_one_asked(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL)}) as one, mirror({PATH: Page(body=MODEL)}) as two:
        first, second = LoopbackFetcher({"two": two.port}), LoopbackFetcher({"one": one.port})
        store(tmp_path).pull("swapper.onnx", [first, second], Record())
    assert (len(two.requests), len(one.requests)) == (1, 0)


def test_what_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL)}) as one:
        pull(store(tmp_path), one=one)
        pull(store(tmp_path), one=one)
    assert len(one.requests) == 1


def test_progress_tells_every_step_up_to_the_last_byte(tmp_path: Path) -> None:
    told = Record()
    with mirror({PATH: Page(body=MODEL, cuts=[7_000])}) as one:
        store(tmp_path).pull("swapper.onnx", [LoopbackFetcher({"one": one.port})], told)
    assert told.notes == [f"swapper.onnx: from 127.0.0.1:{one.port}"]
    assert told.done[-1] == ("swapper.onnx", SIZE, SIZE)
    assert [done for _, done, _ in told.done] == sorted(done for _, done, _ in told.done)


def test_offline_nothing_is_asked_for_and_the_file_is_named(tmp_path: Path) -> None:
    with (
        mirror({PATH: Page(body=MODEL)}) as one,
        pytest.raises(ModelMissing, match=r"offline mode is on; put swapper\.onnx"),
    ):
        pull(store(tmp_path, offline=True), one=one)
    assert one.requests == []


def test_a_licence_has_to_be_accepted_once(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL)}) as one:
        with pytest.raises(
            LicenceNotAccepted, match=r"nc \(Not for sale, https://nc\.test/\).*--accept-license"
        ):
            pull(store(tmp_path, accepted=()), one=one)
        assert one.requests == []
        asking = store(tmp_path, accepted=())
        asking.licences.accept([asking.catalogue.licences["nc"]])
        pull(store(tmp_path, accepted=()), one=one)
    assert_only_the_good_file(tmp_path / "models")


@pytest.mark.parametrize("content", [b"", b"[", b'"nc"', b"[1]", b"7", b"null"])
def test_a_damaged_record_of_licences_accepts_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/licences.json").write_bytes(content)
    asking = store(tmp_path, accepted=())
    assert not asking.licences.allows(asking.catalogue.licences["nc"])


def test_a_file_that_cannot_be_verified_is_not_even_fetched(tmp_path: Path) -> None:
    with mirror({"/unknown.onnx": Page(body=b"x")}) as one, pytest.raises(ModelMissing, match="no checksum"):
        pull(store(tmp_path), "unknown.onnx", one=one)
    assert one.requests == []


def test_a_file_without_any_mirror_is_to_be_put_into_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"It has no mirror, so put swapper\.onnx into a folder"):
        store(tmp_path).pull("swapper.onnx", [], Record())
