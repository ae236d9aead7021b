"""Downloads over real sockets: whatever the mirror does, the end is a good file or a named reason."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import ModelMissing
from models.store.download import Patience
from tests.support.mirrors import MODEL, SIZE, LoopbackFetcher, Page, Record, mirror, store
from tests.support.pulls import PATH, assert_no_file_at_all, assert_only_the_good_file, pull

BAD_PAGES = {
    "nothing": (Page(body=b""), "its file is 0 bytes long"),
    "wrong content": (Page(body=MODEL[::-1]), "another content than the known one"),
    "too long": (Page(body=MODEL + b"x"), f"its file is {SIZE + 1} bytes long instead of {SIZE}"),
    "too long, unannounced": (Page(body=MODEL + b"x", announced=False), "more than it announced"),
    "too short": (Page(body=MODEL[:-1]), f"its file is {SIZE - 1} bytes long instead of {SIZE}"),
    "too short, unannounced": (
        Page(body=MODEL[:-1], announced=False),
        r"broke off after|does not go on where",
    ),
    "a page": (Page(body=b"<html>", content_type="text/html; charset=utf-8"), "a web page instead"),
    "a page of the right size": (Page(body=b"<!doctype html>".ljust(SIZE)), "a web page instead"),
    "gone": (Page(body=MODEL, statuses=[404] * 9), "error 404"),
    "forbidden": (Page(body=MODEL, statuses=[403] * 9), "error 403"),
    "sick": (Page(body=MODEL, statuses=[500] * 9), "error 500"),
    "busy": (Page(body=MODEL, statuses=[429] * 9), "error 429"),
}


def unused(page: Page) -> Page:
    """The same page with all its answers, which a mirror uses up."""
    return replace(page, statuses=[*page.statuses])


@pytest.mark.parametrize("fault", BAD_PAGES)
def test_a_bad_mirror_alone_is_a_named_reason_and_no_file(tmp_path: Path, fault: str) -> None:
    page, why = BAD_PAGES[fault]
    with (
        mirror({PATH: unused(page)}) as one,
        pytest.raises(ModelMissing, match=why) as caught,
    ):
        pull(store(tmp_path), one=one)
    assert str(tmp_path) not in str(caught.value)
    assert_no_file_at_all(tmp_path / "models")


@pytest.mark.parametrize("fault", BAD_PAGES)
def test_after_a_bad_mirror_the_next_one_delivers(tmp_path: Path, fault: str) -> None:
    page, _ = BAD_PAGES[fault]
    with mirror({PATH: unused(page)}) as one, mirror({PATH: Page(body=MODEL)}) as two:
        pull(store(tmp_path), one=one, two=two)
    assert_only_the_good_file(tmp_path / "models")


def test_a_mirror_that_recovers_is_asked_again(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, statuses=[500, 503])}) as one:
        pull(store(tmp_path), one=one)
    assert len(one.requests) == 3
    assert_only_the_good_file(tmp_path / "models")


def test_a_mirror_that_falls_silent_is_left_for_the_next(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, pause_s=3.0)}) as one, mirror({PATH: Page(body=MODEL)}) as two:
        fetcher = LoopbackFetcher({"one": one.port, "two": two.port}, read_timeout_s=0.3)
        running = store(tmp_path, patience=Patience(tries=1, first_wait_s=0.0))
        running.pull("swapper.onnx", [fetcher], Record())
    assert_only_the_good_file(tmp_path / "models")


def test_a_mirror_that_trickles_for_ever_is_left_for_the_next(tmp_path: Path) -> None:
    impatient = Patience(tries=1, first_wait_s=0.0, min_bytes_per_s=1e9, window_s=0.0)
    with (
        mirror({PATH: Page(body=MODEL)}) as one,
        pytest.raises(ModelMissing, match=r"it sends only \d+ bytes a second"),
    ):
        pull(store(tmp_path, patience=impatient), one=one)
    assert_no_file_at_all(tmp_path / "models")


def test_a_mirror_that_is_not_there_is_named(tmp_path: Path) -> None:
    with mirror({}) as one:
        port = one.port
    with pytest.raises(ModelMissing, match=f"127.0.0.1:{port}: the connection failed"):
        store(tmp_path).pull("swapper.onnx", [LoopbackFetcher({"one": port})], Record())
