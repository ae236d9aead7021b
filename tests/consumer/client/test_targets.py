"""Words on the command line lead to the right pictures, and each result to a place of its own."""

import os
from pathlib import Path, PurePath

import pytest

from consumer.client.targets import NoSuchFile, find_targets, result_names
from tests.support.pictures import save, scene, to_image

PICTURE = save(to_image(scene(16, 12)), "PNG")


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """A folder as people have them."""
    folder = tmp_path / "holiday"
    for name in ("b.png", "a.png", "day 1/a.png", "day 1/deep/c.png", ".hidden/x.png", ".y.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    (folder / "notes.txt").write_text("sunny")
    (folder / "really-a-picture.txt").write_bytes(PICTURE)
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    return folder


def _names(*words: object, recursive: bool = False, leave_out: Path | None = None) -> list[str]:
    found = find_targets([str(word) for word in words], recursive=recursive, leave_out=leave_out)
    return [target.name.as_posix() for target in found.files]


def test_a_folder_yields_its_pictures_by_content_and_counts_the_rest(holiday: Path) -> None:
    found = find_targets([str(holiday)])
    assert [target.name.as_posix() for target in found.files] == ["a.png", "b.png", "really-a-picture.txt"]
    assert found.ignored == 1


def test_folders_within_are_kept_apart_and_hidden_ones_unseen(holiday: Path) -> None:
    names = ["a.png", "b.png", "really-a-picture.txt", "day 1/a.png", "day 1/deep/c.png"]
    assert _names(holiday, recursive=True) == names


def test_results_that_lie_in_the_folder_are_not_taken_for_pictures(holiday: Path) -> None:
    assert "day 1/a.png" not in _names(holiday, recursive=True, leave_out=holiday / "day 1")


def test_results_that_a_pattern_matches_are_not_taken_for_pictures(holiday: Path) -> None:
    names = _names(holiday / "**/*.png", leave_out=holiday / "day 1")
    assert names == ["a.png", "b.png"]


def test_a_way_through_the_folder_above_does_not_lead_out_of_the_results(
    holiday: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(holiday / "day 1")
    assert _names("../a.png", "deep/c.png") == ["a.png", "day 1/deep/c.png"]
    assert _names("../day 1/a.png", "a.png") == ["a.png"]


@pytest.mark.parametrize("pattern", ["*.png", "**/*.png", "[ab].png"])
def test_a_pattern_that_the_shell_left_alone_is_expanded(holiday: Path, pattern: str) -> None:
    assert {"a.png", "b.png"} <= set(_names(holiday / pattern))


def test_files_of_one_name_from_two_folders_keep_their_folders(holiday: Path) -> None:
    assert _names(holiday / "a.png", holiday / "day 1/a.png") == ["a.png", "day 1/a.png"]


def test_a_file_named_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].png").write_bytes(PICTURE)
    (tmp_path / "a1.png").write_bytes(PICTURE)
    assert _names(tmp_path / "a[1].png") == ["a[1].png"]


def test_a_file_given_twice_comes_once(holiday: Path) -> None:
    assert _names(holiday / "a.png", holiday / "*.png") == ["a.png", "b.png"]


@pytest.mark.parametrize("word", ["missing.png", "*.jpeg"])
def test_a_word_that_leads_to_nothing_is_named(tmp_path: Path, word: str) -> None:
    with pytest.raises(NoSuchFile, match=word.replace("*", r"\*")):
        find_targets([str(tmp_path / word)])


def test_a_result_keeps_its_name_where_the_format_allows() -> None:
    given = [("a.JPEG", "jpg"), ("b.jpg", "jpg"), ("c.heic", "jpg"), ("d.png", "webp"), ("sub/d.png", "webp")]
    names = result_names((PurePath(name), extension) for name, extension in given)
    assert [name.as_posix() for name in names] == ["a.JPEG", "b.jpg", "c.jpg", "d.webp", "sub/d.webp"]


def test_no_two_results_have_one_name_not_even_where_case_does_not_count() -> None:
    given = [("a.jpg", "webp"), ("A.png", "webp"), ("b.webp", "webp"), ("b.png", "webp"), ("c.png", "webp")]
    names = result_names((PurePath(name), extension) for name, extension in given)
    assert [str(name) for name in names] == ["a.jpg.webp", "A.png.webp", "b.webp", "b.png.webp", "c.webp"]


@pytest.mark.parametrize("closed", ["", "day 1"])
def test_a_folder_that_cannot_be_read_is_not_passed_over(
    holiday: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """By `scandir`, since no folder is closed to the user that tests may run as."""
    scandir = os.scandir

    def look(path: str) -> object:
        if Path(path) == holiday / closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", look)
    with pytest.raises(PermissionError) as told:
        find_targets([str(holiday)], recursive=True)
    assert Path(told.value.filename) == holiday / closed
