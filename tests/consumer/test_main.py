"""What ends a command that nobody foresaw: a sentence that names the file, the folder or standard output."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import as_anybody, swapdrop_process
from tests.support.consumers import without_settings
from tests.support.faces import astronaut, scaled
from tests.support.pictures import save, to_image

FULL = Path("/dev/full")


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    path.write_bytes(save(to_image(scaled(astronaut(), 0.5)), "PNG"))
    return path


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder into which nobody may look."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    ("words", "named", "exit_code"),
    [
        (("detect", "closed/x.jpg"), "closed/x.jpg", 1),
        (("probe", "closed/x.mp4"), "closed/x.mp4", 1),
        (("verify", "closed/x.jpg"), "closed/x.jpg", 2),
        (("result", "job", "-o", "closed/x.jpg"), "closed/x.jpg", 1),
        (("swap", "me.png", "me.png", "-o", "closed/x.jpg"), "closed/x.jpg", 1),
        (("swap", "me.png", "closed", "-o", "out/"), "closed", 1),
    ],
)
def test_a_folder_that_one_may_not_enter_is_a_sentence(
    portrait: Path, closed: Path, words: tuple[str, ...], named: str, exit_code: int
) -> None:
    assert closed.parent == portrait.parent
    done = swapdrop_process(*words, environment=without_settings(), cwd=portrait.parent, prefix=as_anybody())
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert f"{named}: Permission denied." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_goes_on_where_a_folder_is_closed(closed: Path) -> None:
    environment = {
        **without_settings(),
        "SWAPDROP_CACHE_DIR": str(closed / "cache"),
        "SWAPDROP_MODELS_DIR": str(closed / "models"),
    }
    done = swapdrop_process("doctor", "--json", environment=environment, prefix=as_anybody())
    assert done.exit_code == 1, done.stderr
    assert f"{closed}/models (not allowed for this user)" in done.stdout
    assert f"{closed}/cache: Permission denied." in done.stdout
    assert '"engine"' in done.stdout


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("swap", "me.png", "me.png", "-o", "-"), "standard output: "),
        (("detect", "me.png"), "standard output: "),
        (("detect", "me.png", "--json"), "standard output: "),
        (("config", "--json"), ""),
    ],
)
def test_a_standard_output_that_is_full_is_a_sentence(
    portrait: Path, words: tuple[str, ...], named: str
) -> None:
    with FULL.open("wb") as full:
        done = swapdrop_process(*words, environment=without_settings(), cwd=portrait.parent, stdout=full)
    assert done.exit_code == 1
    assert done.stderr.endswith(f"{named}No space left on device.\n")
    assert "Traceback" not in done.stderr


def test_whoever_reads_no_further_is_no_fault(portrait: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = swapdrop_process(
            "detect", "me.png", "--json", environment=without_settings(), cwd=portrait.parent, stdout=pipe
        )
    assert done.exit_code == 1
    assert "Broken" not in done.stderr
    assert "Traceback" not in done.stderr
