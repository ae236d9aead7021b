"""Downloads that break off go on where they were, and never glue two files together."""

from pathlib import Path

import pytest

from models.errors import ModelMissing
from tests.support.mirrors import MODEL, SIZE, Page, mirror, store
from tests.support.pulls import PATH, assert_no_file_at_all, assert_only_the_good_file, pull


@pytest.mark.parametrize("tenth", range(10))
def test_a_connection_cut_at_any_tenth_is_resumed_from_there(tmp_path: Path, tenth: int) -> None:
    cut = SIZE * tenth // 10
    with mirror({PATH: Page(body=MODEL, cuts=[cut])}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    resumed = f"bytes={cut}-" if cut else None
    assert [asked for _, asked in one.requests] == [None, resumed]


def test_a_connection_cut_at_every_tenth_ends_with_a_good_file(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, cuts=[SIZE // 10] * 9)}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert len(one.requests) == 10


@pytest.mark.parametrize("tenth", range(10))
def test_a_mirror_that_always_breaks_off_leaves_no_file(tmp_path: Path, tenth: int) -> None:
    page = Page(body=MODEL, cuts=[SIZE * tenth // 10] + [0] * 50)
    with (
        mirror({PATH: page}) as one,
        pytest.raises(ModelMissing, match=r"swapper\.onnx could not be had: 127"),
    ):
        pull(store(tmp_path), one=one)
    assert_no_file_at_all(tmp_path / "models")


def test_the_next_process_goes_on_where_the_last_one_was_killed(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, cuts=[SIZE // 2, 0, 0, 0])}) as one:
        with pytest.raises(ModelMissing, match=r"broke off|connection failed"):
            pull(store(tmp_path), one=one)
        before = len(one.requests)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert [asked for _, asked in one.requests[before:]] == [f"bytes={SIZE // 2}-"]


def test_a_download_that_was_whole_when_the_process_was_killed_is_used(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/.swapper.onnx.part").write_bytes(MODEL)
    with mirror({PATH: Page(body=MODEL)}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert one.requests == []


@pytest.mark.parametrize(("etag", "ranges"), [(None, True), ('W/"weak"', True), ('"v1"', False)])
def test_without_a_way_to_resume_it_starts_again(tmp_path: Path, etag: str | None, *, ranges: bool) -> None:
    with mirror({PATH: Page(body=MODEL, cuts=[SIZE // 2], etag=etag, ranges=ranges)}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


def pull_beyond_a_wrong_half(root: Path, page: Page) -> None:
    """Pull the half of another file, and then what the mirror has instead of that one."""
    with mirror({PATH: Page(body=MODEL[::-1], cuts=[SIZE // 2, 0, 0, 0])}) as one:
        with pytest.raises(ModelMissing):
            pull(store(root), one=one)
        one.pages[PATH] = page
        pull(store(root), one=one)


def test_a_file_that_changed_at_the_mirror_is_not_glued_to_its_old_half(tmp_path: Path) -> None:
    pull_beyond_a_wrong_half(tmp_path, Page(body=MODEL, etag='"v2"'))
    assert_only_the_good_file(tmp_path / "models")


def test_a_wrong_half_under_the_same_etag_is_thrown_away(tmp_path: Path) -> None:
    pull_beyond_a_wrong_half(tmp_path, Page(body=MODEL))
    assert_only_the_good_file(tmp_path / "models")
