"""`swapdrop demo` where it cannot work: a sentence with the next step, no traceback."""

from pathlib import Path

import pytest

from tests.support.command import swapdrop


def test_where_the_local_server_is_not_installed_the_demo_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.cli.local_s3.find_spec", lambda _name: None)
    told = swapdrop("demo", "-o", tmp_path)
    assert told.exit_code == 1
    assert "uv pip install --python" in told.stderr


def test_a_folder_that_cannot_be_made_is_named_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = swapdrop("demo", "-o", tmp_path / "file" / "demo")
    assert (told.exit_code, told.stdout) == (1, "")
    assert f"{tmp_path}/file/demo: Not a directory; name a folder that can be written" in told.stderr


def test_a_folder_that_takes_no_file_is_named_before_anything_starts() -> None:
    told = swapdrop("demo", "-o", "/proc/self")  # where not even root may make a file
    assert (told.exit_code, told.stdout) == (1, "")
    assert "swapdrop demo -o FOLDER" in told.stderr
