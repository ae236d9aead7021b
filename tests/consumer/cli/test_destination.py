"""What --output names is understood, and what cannot be is refused before any work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from consumer.cli.destination import Destination
from consumer.cli.tables import print_table
from consumer.client.submission import WrongWords
from pipeline.media.pictures.decode import Limits, decode
from tests.support.command import Ended, swapdrop
from tests.support.consumers import without_settings
from tests.support.faces import astronaut, hopper, scaled
from tests.support.pictures import save, scene, to_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "me.png").write_bytes(save(to_image(scaled(astronaut(), 0.5)), "PNG"))
    (tmp_path / "her.png").write_bytes(save(to_image(scaled(hopper(), 0.5)), "PNG"))
    (tmp_path / "hill.png").write_bytes(save(to_image(scene(120, 80)), "PNG"))
    return tmp_path


def run(*words: object) -> Ended:
    return swapdrop(*words, environment={**without_settings(), "SWAPDROP_ENGINE": "mesh"})


def test_a_slash_or_a_folder_that_is_there_makes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for word in (f"{tmp_path}/new/", f"{tmp_path}/there"):
        place = Destination.read(word)
        assert place.is_folder
        assert place.folder() == Path(word)
        assert place.file("a.png") == Path(word) / "a.png"
    assert Destination.read("-").path is None
    assert Destination.read("a.png").file("other.png") == Path("a.png")
    assert Destination.read("results").folder() == Path("results")  # where several results need one


@pytest.mark.parametrize("word", ["-", "out.png", "OUT.JPEG", "old", "old.txt"])
def test_several_results_are_not_put_into_one_file(tmp_path: Path, word: str) -> None:
    for name in ("old", "old.txt"):
        (tmp_path / name).write_text("mine")
    place = Destination.read(word if word == "-" else str(tmp_path / word))
    with pytest.raises(WrongWords, match=r"folder"):
        place.folder()


def test_a_file_with_a_slash_is_told(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("mine")
    with pytest.raises(WrongWords, match="is a file"):
        Destination.read(f"{tmp_path}/old/")


def test_one_result_goes_into_the_folder_under_its_name(folder: Path) -> None:
    done = run("swap", folder / "me.png", folder / "her.png", "-o", f"{folder}/new/")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{folder}/new/her.png\n"
    assert (folder / "new" / "her.png").is_file()


@pytest.mark.parametrize("word", ["out.png", "old", "-"])
def test_several_targets_are_refused_before_any_work(folder: Path, word: str) -> None:
    (folder / "old").write_text("mine")
    before = sorted(folder.iterdir())
    done = run(
        "swap",
        folder / "me.png",
        folder / "her.png",
        folder / "hill.png",
        "-o",
        word if word == "-" else folder / word,
    )
    assert done.exit_code == 1
    assert "folder" in done.stderr
    assert not done.stdout
    assert sorted(folder.iterdir()) == before


def test_a_result_goes_to_standard_output_and_talk_does_not(folder: Path) -> None:
    """In a process of its own: what a library prints would be seen there, too."""
    command: list[str | Path] = [
        Path(sys.executable).with_name("swapdrop"),
        "swap",
        folder / "me.png",
        folder / "her.png",
        "-o",
        "-",
        "--format",
        "webp",
    ]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **without_settings()})
    assert done.returncode == 0, done.stderr
    assert decode(done.stdout, Limits()).media.name == "webp"
    assert b"1 of 1 faces swapped" in done.stderr
    assert b"basic_engine" in done.stderr


def test_what_fails_leaves_standard_output_empty(folder: Path) -> None:
    done = run("swap", folder / "me.png", folder / "hill.png", "-o", "-")
    assert done.exit_code == 1
    assert not done.stdout
    assert "no_face_in_target" in done.stderr


def test_process_writes_where_it_is_told(folder: Path) -> None:
    job = {"process_type": "single-image", "source": "me.png", "target": "her.png"}
    (folder / "job.json").write_text(json.dumps(job))
    done = run("process", folder / "job.json", "-o", f"{folder}/out/")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{folder}/out/job.png\n"
    assert decode((folder / "out" / "job.png").read_bytes(), Limits()).media.name == "png"


@pytest.fixture
def jobs(folder: Path) -> Path:
    """Manifests beside the pictures, and a file that is somebody's own."""
    job = {"process_type": "single-image", "source": "me.png", "target": "her.png"}
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "find.json").write_text(json.dumps({"process_type": "detect-faces", "target": "her.png"}))
    (folder / "notes").write_text("sunny")
    return folder


@pytest.mark.parametrize(
    ("job", "output", "words", "said"),
    [
        ("job.json", "me.png", (), "That would overwrite"),
        ("job.json", "her.png", ("--force",), "That would overwrite"),
        ("job.json", "job.json", ("--force",), "That would overwrite"),
        ("job.json", "out.json", ("--force",), "The result is no .json file; name it"),
        ("find.json", "", ("--force",), "That would overwrite"),
        ("job.json", "hill.png", (), "(file_exists)"),
        ("job.json", "notes", (), "(file_exists)"),
        ("find.json", "notes", (), "(file_exists)"),
        ("job.json", "out.jpg", (), "The result is no .jpg file; name it"),
        ("find.json", "out.png", (), "The result is no .png file; name it"),
    ],
)
def test_process_refuses_a_place_that_is_taken_before_any_work(
    jobs: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    output: str,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setattr("consumer.cli.process._process", None)
    before = {path.name: path.read_bytes() for path in jobs.iterdir()}
    done = run("process", jobs / job, "-o", f"{jobs}/{output}", *words)
    assert done.exit_code == 1
    assert said in done.stderr
    assert {path.name: path.read_bytes() for path in jobs.iterdir()} == before


@pytest.mark.parametrize(("job", "output"), [("job.json", "out.png"), ("find.json", "out.json")])
def test_process_replaces_an_earlier_result_and_by_force_anything(jobs: Path, job: str, output: str) -> None:
    assert run("process", jobs / job, "-o", jobs / output).exit_code == 0
    (jobs / output).rename(jobs / "first")
    (jobs / output).write_bytes((jobs / "first").read_bytes())
    assert run("process", jobs / job, "-o", jobs / output).exit_code == 0
    assert (jobs / output).stat().st_ino != (jobs / "first").stat().st_ino
    assert run("process", jobs / job, "-o", jobs / "notes", "--force").exit_code == 0
    assert (jobs / "notes").read_bytes() != b"sunny"


def test_process_tells_of_a_target_that_is_not_there_or_is_no_picture(jobs: Path) -> None:
    (jobs / "her.png").write_text("<html>")
    assert "unsupported_media" in run("process", jobs / "job.json", "-o", jobs / "out.png").stderr
    (jobs / "her.png").unlink()
    assert "her.png is not a file" in run("process", jobs / "job.json", "-o", jobs / "out.png").stderr


def test_many_results_are_listed_on_standard_output_and_told_on_standard_error(folder: Path) -> None:
    (folder / "in").mkdir()
    for name in ("her.png", "hill.png"):
        (folder / name).rename(folder / "in" / name)
    done = run("swap", folder / "me.png", folder / "in", "-o", folder / "out")
    assert done.exit_code == 1
    assert done.stdout == f"{folder}/out/her.png\n"
    assert "no_face_in_target" in done.stderr
    assert "basic_engine" in done.stderr


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_detect_says_that_there_is_no_face(folder: Path, words: list[str]) -> None:
    done = run("detect", folder / "hill.png", *words)
    assert done.exit_code == 1
    assert f"No face was found in {folder}/hill.png." in done.stderr
    assert (json.loads(done.stdout)["faces"] == []) if words else not done.stdout


def test_detections_as_json_are_all_that_is_on_standard_output(folder: Path) -> None:
    done = run("detect", folder / "her.png", "--json")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["faces"]) == 1


@pytest.mark.parametrize("columns", ["80", "60", "20"])
def test_a_tables_words_stay_whole_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "code", "last written"):
        table.add_column(heading, no_wrap=True)
    job_id = "a-very-long-name-of-a-holiday-picture-IMG_0001-" + "0" * 17
    table.add_row(job_id, "no_face_in_target", "2026-05-01 10:00:04Z")
    print_table(table)
    for options in ({}, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}):
        for name, value in options.items():
            monkeypatch.setenv(name, value)
        print_table(table)
    shown = capsys.readouterr().out
    assert shown.count(job_id) == 3
    assert shown.count("no_face_in_target") == 3
    assert shown.count("2026-05-01 10:00:04Z") == 3
