"""A folder is worked through to its end, whatever lies in it, and also when somebody pulls the plug."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from consumer.cli.destination import Destination
from consumer.cli.swap import swap_items
from consumer.cli.swap_plan import Batch, SwapCommand, one_by_one, plan
from consumer.cli.swap_work import DONE, Outcome
from consumer.client.files import keep_whole, write_whole
from consumer.client.fingerprint import ResultFingerprint, is_result
from consumer.client.submission import WrongWords
from consumer.client.targets import NoSuchFile
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Bgr
from pipeline.label.label import label_in
from pipeline.media.pictures.decode import Limits, decode
from storage.lease.outcome import Output
from tests.support.animations import in_every_format
from tests.support.command import Ended, swapdrop
from tests.support.consumers import without_settings
from tests.support.faces import ASTRONAUT_FACE, astronaut, hopper, scaled
from tests.support.pictures import scene

MESH = {
    "engine": "mesh",
    "many_faces": False,
    "mouth_mask": False,
    "color_correction": True,
    "use_face_enhancer": False,
    "output_format": None,
    "image_quality": 95,
}

_opened_once = cache(open_mesh_engine)


def _write(path: Path, picture: Bgr) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


def _side_by_side() -> Bgr:
    """Eileen Collins on the left, Grace Hopper, half as large, on the right."""
    left, right = astronaut(), np.full((512, 300, 3), 120, np.uint8)
    small = scaled(hopper(), 0.5)
    right[: small.shape[0], : small.shape[1]] = small
    return np.hstack([left, right])


@pytest.fixture(autouse=True)
def _one_engine_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """To open it takes as long as all that most of these tests do with it."""
    monkeypatch.setattr("consumer.engines.opening.open_mesh_engine", _opened_once)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _write(tmp_path / "who.png", scaled(astronaut(), 0.5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, one of them without a face and one damaged, and a file that is none."""
    folder = tmp_path / "in"
    person = scaled(hopper(), 0.5)
    _write(folder / "a.jpg", person)
    _write(folder / "b.png", person)
    _write(folder / "day 1" / "a.jpg", person)
    _write(folder / "landscape.png", scene(200, 100))
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:4000])
    (folder / "notes.txt").write_text("sunny")
    return folder


def _swapdrop(*words: object) -> Ended:
    return swapdrop(*words, environment={**without_settings(), "SWAPDROP_LOG_FORMAT": "json"})


def _plan(*words: object, output: Path, **changes: object) -> Batch:
    options = {**MESH, **{name: changes.pop(name) for name in tuple(changes) if name in MESH}}
    place = Destination.read(str(output))
    wanted = {"words": [*map(str, words)], "output": place, "options": options, **changes}
    return plan(SwapCommand(**wanted), Settings())  # type: ignore[arg-type] # the test's own words


def test_each_source_has_a_folder_of_results_and_none_is_taken_for_a_picture_to_change(
    tmp_path: Path, source: Path, folder: Path
) -> None:
    other = _write(tmp_path / "more" / "WHO.png", scaled(hopper(), 0.5))
    command = SwapCommand(
        words=[str(folder)],
        output=Destination(path=folder / "out", is_folder=True),
        options=MESH,
        sources=[str(source), str(other)],
        each=True,
        recursive=True,
        sheet=tmp_path / "sheet.html",
    )
    ones = one_by_one(command)
    assert [(one.output.path, one.sheet) for one in ones] == [
        (folder / "out" / "who", tmp_path / "sheet-who.html"),
        (folder / "out" / "WHO-2", tmp_path / "sheet-WHO-2.html"),
    ]
    _write(folder / "out" / "who" / "a.jpg", scaled(hopper(), 0.5))  # of an earlier run
    targets = [[item.target for item in plan(one, Settings()).items] for one in ones]
    assert targets[0] == targets[1]
    assert folder / "out" / "who" / "a.jpg" not in targets[0]
    (single,) = plan(one_by_one(replace(command, words=[str(folder / "a.jpg")]))[0], Settings()).items
    assert single.output == folder / "out" / "who" / "a.jpg"
    with pytest.raises(WrongWords, match="several times"):
        one_by_one(replace(command, sources=[]))


def test_pictures_of_one_person_make_one_result_each_that_is_known_again(source: Path, folder: Path) -> None:
    again = _write(source.with_name("again.png"), scaled(astronaut(), 0.45))
    words = {"sources": [str(source), str(again)], "output": folder.parent / "out.png"}
    batch = _plan(folder / "b.png", **words)  # type: ignore[arg-type] # the test's own words
    (outcome,) = _swap(batch)
    assert (outcome.state, outcome.swapped) == (DONE, 1), outcome.message
    assert [face.source for face in outcome.faces if face.swapped] == ["source"]
    fingerprint = ResultFingerprint(batch.request)
    assert fingerprint.has_made(outcome.item.output, folder / "b.png")
    label = label_in("en", "top-left")
    labelled = ResultFingerprint(replace(batch.request, label=label))
    assert not labelled.has_made(outcome.item.output, folder / "b.png")
    alone = _plan(source, folder / "b.png", output=folder.parent / "out.png")
    assert not ResultFingerprint(alone.request).has_made(outcome.item.output, folder / "b.png")


def _swap(batch: Batch) -> list[Outcome]:
    return asyncio.run(swap_items(Settings(), batch, batch.items, lambda _outcome: None))


def _changed(outcome: Outcome, before: Bgr) -> tuple[bool, bool]:
    """Whether the left and the right half of `_side_by_side` differ from before."""
    after = decode(outcome.item.output.read_bytes(), Limits()).bgr
    differs = (before != after).any(axis=(0, 2))
    return bool(differs[:512].any()), bool(differs[512:].any())


def test_a_folder_is_worked_through_and_the_second_run_does_only_what_failed(
    tmp_path: Path, source: Path, folder: Path
) -> None:
    words = ("swap", source, folder, "-r", "-o", tmp_path / "out", "--engine", "mesh")
    first = _swapdrop(*words, "--sheet", tmp_path / "sheet.html")
    assert first.exit_code == 1, first.stderr
    results = {
        path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")
    }
    assert set(results) == {"a.jpg", "b.png", "day 1/a.jpg"}
    for code, name in (("media_corrupt", "cut.png"), ("no_face_in_target", "landscape.png")):
        assert code in first.stderr
        assert name in first.stderr
    assert "Traceback" not in first.stderr
    for line in ("3  done", "1  media_corrupt", "1  no_face_in_target", "1  no picture or video, ignored"):
        assert line in first.stderr
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 5
    assert page.count('class="error"') == 2
    times = {name: path.stat().st_mtime_ns for name, path in results.items()}
    again = _swapdrop(*words)
    assert again.exit_code == 1
    assert "3  there already" in again.stderr
    assert {name: path.stat().st_mtime_ns for name, path in results.items()} == times


def test_whoever_is_killed_leaves_no_half_file_and_the_next_run_finishes(
    tmp_path: Path, source: Path
) -> None:
    person = scaled(hopper(), 0.5)
    names = [f"{number:02}.png" for number in range(16)]
    for name in names:
        _write(tmp_path / "in" / name, person)
    words = ["swap", str(source), str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--engine", "mesh"]
    with subprocess.Popen([sys.executable, "-m", "consumer", *words], stderr=subprocess.DEVNULL) as process:
        while not list((tmp_path / "out").glob("03.png")):
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    there = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("[0-9]*.png")}
    assert 4 <= len(there) < len(names)
    for body in there.values():
        assert decode(body, Limits()).bgr.shape == person.shape
    (tmp_path / "out" / f".{names[-1]}.part").write_bytes(b"half")
    done = _swapdrop(*words)
    assert done.exit_code == 0, done.stderr
    assert f"{len(there)}  there already" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert {name: (tmp_path / "out" / name).read_bytes() for name in there} == there


def test_a_file_that_could_not_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "a.png"
    write_whole(path, b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space") as told:
        write_whole(path, b"new one")
    assert told.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_fault_of_a_file_is_told_by_the_name_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by its hidden name, nor by that of the file it is a copy of, unless that one cannot be read."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "made"
    made.write_bytes(b"result")
    output = Output(path=made, extension="png", content_type="image/png")

    def full(_source: Path, part: Path) -> None:
        raise OSError(28, "No space left on device", str(made), None, str(part))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space") as told:
        keep_whole(Path("a.png"), output)
    assert (told.value.filename, told.value.filename2) == (str(tmp_path / "a.png"), None)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    made.unlink()
    with pytest.raises(FileNotFoundError) as gone:
        keep_whole(Path("a.png"), output)
    assert gone.value.filename == str(made)
    Path("a.png").mkdir()
    with pytest.raises(IsADirectoryError) as taken:
        write_whole(Path("a.png"), b"result")
    assert taken.value.filename == str(tmp_path / "a.png")


def test_a_full_disk_is_told_with_the_folder_where_the_work_is_done(
    tmp_path: Path, source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_context: JobContext) -> Output:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JobContext, "run", full)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "small"))
    (outcome,) = _swap(_plan(source, folder / "a.jpg", output=tmp_path / "out.jpg"))
    assert outcome.message == f"{tmp_path}/small/swapdrop: No space left on device."


def test_a_source_without_a_face_is_told_once_and_nothing_is_made(tmp_path: Path, folder: Path) -> None:
    words = ("swap", folder / "landscape.png", folder, "-o", tmp_path / "out", "--engine", "mesh")
    done = _swapdrop(*words)
    assert done.exit_code == 1
    assert done.stderr.count("no_face_in_source") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("word", ["in", "in/a.jpg", "in/*.jpg"])
def test_no_input_is_ever_overwritten(tmp_path: Path, source: Path, folder: Path, word: str) -> None:
    (tmp_path / "link").symlink_to(folder)
    for output in (folder, tmp_path / "link", tmp_path / "in" / ".." / "in"):
        with pytest.raises(WrongWords, match="overwrite"):
            _plan(source, tmp_path / word, output=output)
    with pytest.raises(WrongWords, match="overwrite"):
        _plan(source, folder / "a.jpg", output=source)


def test_neither_reference_nor_sheet_nor_result_takes_the_place_of_another_file(
    tmp_path: Path, source: Path, folder: Path
) -> None:
    target = folder / "a.jpg"
    for changes in (
        {"output": tmp_path / "her.png", "reference": _write(tmp_path / "her.png", hopper())},
        {"output": tmp_path / "out.jpg", "sheet": target},
        {"output": tmp_path / "out.jpg", "sheet": tmp_path / "out.jpg"},
    ):
        with pytest.raises(WrongWords, match="overwrite"):
            _plan(source, target, **changes)
    twins = [_write(folder / name, scene(60, 40)) for name in ("c.jpg", "c.png", "c.jpg.webp")]
    with pytest.raises(WrongWords, match="overwrite"):
        _plan(source, *twins, output=tmp_path / "out", output_format="webp")


@pytest.mark.parametrize(
    ("name", "output_format", "better"),
    [("out.png", "webp", "out.webp"), ("out.gif", None, "out.jpg"), ("out.JPG", "png", "out.png")],
)
def test_a_result_is_not_named_like_another_format(
    tmp_path: Path, source: Path, folder: Path, name: str, output_format: str | None, better: str
) -> None:
    with pytest.raises(WrongWords, match=better):
        _plan(source, folder / "a.jpg", output=tmp_path / name, output_format=output_format)
    _plan(source, folder / "a.jpg", output=tmp_path / "out", output_format=output_format)


def test_what_another_command_has_made_is_neither_passed_off_nor_replaced(
    tmp_path: Path, source: Path, folder: Path
) -> None:
    words = ("swap", source, folder / "b.png", folder / "day 1" / "a.jpg", "-o", tmp_path / "out")
    assert _swapdrop(*words, "--engine", "mesh").exit_code == 0
    foreign = _write(tmp_path / "out" / "day 1" / "a.jpg", scene(60, 40)).read_bytes()
    other = _swapdrop(*words, "--engine", "mesh", "--mouth-mask")
    assert other.exit_code == 1
    assert "2  file_exists" in other.stderr
    same = _swapdrop(*words, "--engine", "mesh")
    assert same.exit_code == 1
    for line in ("1  there already", "1  file_exists"):
        assert line in same.stderr
    assert (tmp_path / "out" / "day 1" / "a.jpg").read_bytes() == foreign
    assert _swapdrop(*words, "--engine", "mesh", "--force").exit_code == 0
    assert (tmp_path / "out" / "day 1" / "a.jpg").read_bytes() != foreign
    assert "2  there already" in _swapdrop(*words, "--engine", "mesh").stderr


def test_an_enhancer_that_is_not_here_is_an_error_where_it_is_wanted_and_a_warning_where_it_is_welcome(
    tmp_path: Path, source: Path
) -> None:
    words = ("swap", source, _write(tmp_path / "her.png", scaled(hopper(), 0.5)), "--engine", "mesh")
    wanted = _swapdrop(*words, "-o", tmp_path / "out.png", "--enhance")
    assert wanted.exit_code == 1
    assert "gfpgan_1.4.onnx" in wanted.stderr
    welcome = _swapdrop(*words, "-o", tmp_path / "out.png", "--enhance-auto")
    assert welcome.exit_code == 0
    assert "No face was restored" in welcome.stderr
    assert "engine_ready" not in welcome.stderr  # a log is for consumers


def test_a_single_result_replaces_an_earlier_one_but_no_other_file(tmp_path: Path, source: Path) -> None:
    target = _write(tmp_path / "her.png", scaled(hopper(), 0.5))
    photo = _write(tmp_path / "photo.png", scene(60, 40))
    before = photo.read_bytes()
    refused = _swapdrop("swap", source, target, "-o", photo, "--engine", "mesh")
    assert refused.exit_code == 1
    assert "file_exists" in refused.stderr
    assert photo.read_bytes() == before
    for _ in range(2):
        done = _swapdrop("swap", source, target, "-o", tmp_path / "out.png", "--engine", "mesh")
        assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif", "gif"])
def test_a_result_of_every_format_is_known_again(tmp_path: Path, source: Path, form: str) -> None:
    target = tmp_path / "her.png"
    if form == "gif":
        person = scaled(hopper(), 0.5)
        target.write_bytes(in_every_format([person, person[:, ::-1].copy()], [100, 100])["gif"])
    else:
        _write(target, scaled(hopper(), 0.5))
    output = tmp_path / f"out.{form}"
    batch = _plan(source, target, output=output, output_format=None if form == "gif" else form)
    (outcome,) = _swap(batch)
    assert outcome.state == DONE, outcome.message
    assert ResultFingerprint(batch.request).has_made(output, target)
    assert not ResultFingerprint(batch.request).has_made(output, source)
    assert is_result(output)
    assert not is_result(target)


def test_results_in_the_same_folder_are_not_swapped_again(source: Path, folder: Path) -> None:
    _write(folder / "swapped" / "a.jpg", scene(60, 40))
    batch = _plan(source, folder, output=folder / "swapped", recursive=True)
    names = sorted(item.name for item in batch.items)
    assert names == ["a.jpg", "b.png", "cut.png", "day 1/a.jpg", "landscape.png"]


def test_one_picture_goes_where_the_output_says_and_names_its_format(
    tmp_path: Path, source: Path, folder: Path
) -> None:
    single = _plan(source, folder / "a.jpg", output=tmp_path / "out.webp")
    assert single.single
    assert single.items[0].output == tmp_path / "out.webp"
    assert single.request.manifest.options.output_format == "webp"
    (tmp_path / "there").mkdir()
    into = _plan(source, folder / "a.jpg", output=tmp_path / "there")
    assert into.items[0].output == tmp_path / "there" / "a.jpg"
    several = _plan(source, folder / "a.jpg", folder / "b.png", output=tmp_path / "new", output_format="png")
    assert [item.output.name for item in several.items] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({}, (True, False)),
        ({"faces": ["0"]}, (True, False)),
        ({"faces": ["1"]}, (False, True)),
        ({"many_faces": True}, (True, True)),
        ({"min_face_px": 100.0, "many_faces": True}, (False, False)),
    ],
)
def test_the_faces_that_are_meant_are_swapped_and_no_others(
    tmp_path: Path, source: Path, changes: dict[str, object], who: tuple[bool, bool]
) -> None:
    before = _side_by_side()
    target = _write(tmp_path / "both.png", before)
    (outcome,) = _swap(_plan(source, target, output=tmp_path / "out.png", **changes))
    if any(who):
        assert outcome.state == DONE, outcome.message
        assert _changed(outcome, before) == who
    else:
        assert outcome.state == "no_face_in_target"


@pytest.mark.parametrize(("shown", "who"), [(astronaut, (True, False)), (hopper, (False, True))])
def test_the_person_of_the_reference_picture_is_found(
    tmp_path: Path, source: Path, shown: Callable[[], Bgr], who: tuple[bool, bool]
) -> None:
    before = _side_by_side()
    target = _write(tmp_path / "both.png", before)
    reference = _write(tmp_path / "reference.png", shown())
    (outcome,) = _swap(_plan(source, target, output=tmp_path / "out.png", reference=reference))
    assert outcome.state == DONE, outcome.message
    assert _changed(outcome, before) == who


def test_each_face_gets_its_own_person(tmp_path: Path, source: Path) -> None:
    before = _side_by_side()
    target, other = _write(tmp_path / "both.png", before), _write(tmp_path / "hopper.png", hopper())
    batch = _plan(target, output=tmp_path / "out.png", faces=[f"0={other}", f"1={source}"])
    (outcome,) = _swap(batch)
    assert [face.source for face in outcome.faces] == ["face_0", "face_1"]
    assert _changed(outcome, before) == (True, True)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ([], {}),
        (["who.png"], {}),
        (["who.png"], {"faces": ["0"]}),
        (["who.png", "in"], {"faces": ["0"], "many_faces": True}),
        (["who.png", "in"], {"faces": ["one"]}),
        (["who.png", "in"], {"faces": ["0="]}),
        (["who.png", "in"], {"faces": ["1", "1=who.png"]}),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    tmp_path: Path,
    source: Path,
    folder: Path,
    words: list[str],
    changes: dict[str, object],
) -> None:
    assert source.parent == folder.parent == tmp_path
    with pytest.raises(WrongWords):
        _plan(*(tmp_path / word for word in words), output=tmp_path / "out", **changes)


@pytest.mark.parametrize("output", ["out.png", "-"])
def test_a_misspelt_target_is_named_and_not_what_the_result_is_to_be_called(
    tmp_path: Path, source: Path, output: str
) -> None:
    place = output if output == "-" else tmp_path / output
    done = _swapdrop("swap", source, tmp_path / "tpyo.png", "-o", place)
    assert (done.exit_code, done.stderr) == (1, f"{tmp_path}/tpyo.png is not a file.\n")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes no such name")
def test_pictures_whose_names_are_no_text_are_swapped_and_looked_at(tmp_path: Path, source: Path) -> None:
    me, you = (tmp_path / os.fsdecode(name) for name in (b"me\xff.png", b"you\xfe.png"))
    for path in (me, you):
        path.write_bytes(source.read_bytes())
    done = _swapdrop("swap", me, you, "-o", tmp_path / "out.png")
    assert done.exit_code == 0, done.stderr
    assert _swapdrop("detect", you).exit_code == 0


def test_a_folder_without_pictures_is_an_error(tmp_path: Path, source: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoSuchFile, match="no picture"):
        _plan(source, tmp_path / "empty", output=tmp_path / "out")


def test_what_nobody_foresaw_ends_its_own_picture_only(
    tmp_path: Path, source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(path: Path, output: Output) -> None:
        if path == tmp_path / "out" / "a.jpg":
            raise KeyError("odd")
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied")
        keep_whole(path, output)

    monkeypatch.setattr("consumer.cli.swap_work.keep_whole", keep)
    targets = [folder / "a.jpg", folder / "b.png", folder / "day 1" / "a.jpg"]
    outcomes = _swap(_plan(source, *targets, output=tmp_path / "out"))
    assert [outcome.state for outcome in outcomes] == ["internal", "file_error", DONE]
    assert "Permission denied" in outcomes[1].message


def test_the_faces_of_a_picture_are_listed_by_number(tmp_path: Path) -> None:
    target = _write(tmp_path / "both.png", _side_by_side())
    told = _swapdrop("detect", target, "--engine", "mesh")
    assert told.exit_code == 0, told.stderr
    first, second = [line.split() for line in told.stdout.splitlines()[1:3]]
    assert (first[0], second[0]) == ("0", "1")
    assert abs(float(first[-5]) - ASTRONAUT_FACE[0]) < 30
    assert float(second[-5]) > 512
    assert _swapdrop("detect", target, "--engine", "mesh", "--min-face-px", "500").exit_code == 1
    assert (
        _swapdrop("detect", _write(tmp_path / "none.png", scene(64, 64)), "--engine", "mesh").exit_code == 1
    )
