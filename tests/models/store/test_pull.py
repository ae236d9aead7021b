"""Downloads over real sockets: whatever the mirror does, the end is a good file or a named reason."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.errors import LicenceNotAccepted, ModelMissing
from models.store import download
from models.store.download import Patience
from models.store.lock import exclusive
from models.store.model_store import Found, ModelStore
from models.store.places import SearchPlace, make_ready
from tests.support.mirrors import (
    DETECTOR,
    FLAT_ZIP,
    MODEL,
    RECOGNISER,
    SIZE,
    LoopbackFetcher,
    Mirror,
    Page,
    Record,
    catalogue,
    mirror,
    store,
    zipped,
)

PATH = "/swapper.onnx"


def pull(running: ModelStore, name: str = "swapper.onnx", **mirrors: Mirror) -> Found:
    ports = {key: served.port for key, served in mirrors.items()}
    return running.pull(name, [LoopbackFetcher(ports)], Record())


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_only_the_good_file(folder: Path) -> None:
    assert (folder / "swapper.onnx").read_bytes() == MODEL
    assert files(folder) == {"swapper.onnx", ".swapper.onnx.lock"}


def assert_no_file_at_all(folder: Path) -> None:
    assert not (folder / "swapper.onnx").exists()


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


def test_a_file_that_changed_at_the_mirror_is_not_glued_to_its_old_half(tmp_path: Path) -> None:
    page = Page(body=MODEL[::-1], cuts=[SIZE // 2, 0, 0, 0])
    with mirror({PATH: page}) as one:
        with pytest.raises(ModelMissing):
            pull(store(tmp_path), one=one)
        one.pages[PATH] = Page(body=MODEL, etag='"v2"')
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


def test_a_wrong_half_under_the_same_etag_is_thrown_away(tmp_path: Path) -> None:
    page = Page(body=MODEL[::-1], cuts=[SIZE // 2, 0, 0, 0])
    with mirror({PATH: page}) as one:
        with pytest.raises(ModelMissing):
            pull(store(tmp_path), one=one)
        one.pages[PATH] = Page(body=MODEL)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


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


@pytest.mark.parametrize("fault", BAD_PAGES)
def test_a_bad_mirror_alone_is_a_named_reason_and_no_file(tmp_path: Path, fault: str) -> None:
    page, why = BAD_PAGES[fault]
    with (
        mirror(
            {
                PATH: Page(
                    body=page.body,
                    statuses=[*page.statuses],
                    content_type=page.content_type,
                    announced=page.announced,
                )
            }
        ) as one,
        pytest.raises(ModelMissing, match=why) as caught,
    ):
        pull(store(tmp_path), one=one)
    assert str(tmp_path) not in str(caught.value)
    assert_no_file_at_all(tmp_path / "models")


@pytest.mark.parametrize("fault", BAD_PAGES)
def test_after_a_bad_mirror_the_next_one_delivers(tmp_path: Path, fault: str) -> None:
    page, _ = BAD_PAGES[fault]
    bad = Page(
        body=page.body, statuses=[*page.statuses], content_type=page.content_type, announced=page.announced
    )
    with mirror({PATH: bad}) as one, mirror({PATH: Page(body=MODEL)}) as two:
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


PULL = """
import sys
import tempfile
from pathlib import Path
from tests.support.mirrors import LoopbackFetcher, Record, store
root, port, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
print(store(root).pull(name, [LoopbackFetcher({"one": port})], Record()).path)
"""


def pull_in_processes(root: Path, port: int, name: str, count: int) -> list[subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-c", PULL, str(root), str(port), name]
    running = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    ended = []
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        out, err = process.communicate(timeout=60)
        ended.append(subprocess.CompletedProcess(command, process.returncode, out, err))
    return ended


@pytest.mark.parametrize(
    ("name", "path"), [("swapper.onnx", "/swapper.onnx"), ("det_10g.onnx", "/buffalo_l.zip")]
)
def test_processes_at_once_end_with_one_good_file_and_one_download(
    tmp_path: Path, name: str, path: str
) -> None:
    body = MODEL if name == "swapper.onnx" else FLAT_ZIP
    with mirror({path: Page(body=body, pause_s=0.02)}) as one:
        ended = pull_in_processes(tmp_path, one.port, name, 2)
    assert [process.stderr for process in ended] == ["", ""]
    assert [asked for asked, _ in one.requests] == [path]
    assert isinstance(store(tmp_path).locate(name, afresh=True), Found)


class Impatient(Record):
    """A progress that breaks the download off, as a consumer does that has to end."""

    def advance(self, name: str, done: int, total: int | None) -> None:
        super().advance(name, done, total)
        raise InterruptedByUser


class InterruptedByUser(Exception):
    """What the progress raises."""


def test_a_download_that_is_broken_off_from_within_can_be_gone_on_with(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL)}) as one:
        with pytest.raises(InterruptedByUser):
            store(tmp_path).pull("swapper.onnx", [LoopbackFetcher({"one": one.port})], Impatient())
        assert_no_file_at_all(tmp_path / "models")
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert all(asked for _, asked in one.requests[1:])


def test_a_wait_for_another_process_can_be_broken_off(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    told = Impatient()
    with (
        exclusive(tmp_path / "models/.swapper.onnx.lock", lambda: None),
        pytest.raises(InterruptedByUser),
    ):
        store(tmp_path).pull("swapper.onnx", [], told)
    assert told.notes == ["swapper.onnx: another process is fetching it; waiting"]


def test_a_process_killed_in_the_middle_holds_nobody_up(tmp_path: Path) -> None:
    with mirror({PATH: Page(body=MODEL, pause_s=0.05)}) as one:
        command = [sys.executable, "-c", PULL, str(tmp_path), str(one.port), "swapper.onnx"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            while not (tmp_path / "models/.swapper.onnx.part").exists():
                assert process.poll() is None
            process.kill()
        one.pages[PATH] = Page(body=MODEL)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """The system refuses bytes beyond `limit` in any file of this process, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_disk_that_fills_up_in_the_middle_is_named_and_given_its_space_back(tmp_path: Path) -> None:
    with (
        mirror({PATH: Page(body=MODEL)}) as one,
        file_size_limit(SIZE // 2),
        pytest.raises(ModelMissing, match=r"no folder of the search path takes it") as caught,
    ):
        pull(store(tmp_path), one=one)
    assert caught.value.where == (f"{tmp_path / 'models'}: the file is larger than this folder allows",)
    assert files(tmp_path / "models") == {".swapper.onnx.lock"}


def test_a_full_disk_is_left_for_the_next_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full, roomy = tmp_path / "full", tmp_path / "roomy"
    original = download.Download._receive

    def receive(self: download.Download, *arguments: object) -> None:
        if full in self._partial.path.parents:
            self._partial.path.write_bytes(MODEL[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(self, *arguments)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(download.Download, "_receive", receive)
    with mirror({PATH: Page(body=MODEL)}) as one:
        found = pull(store(tmp_path, full, roomy), one=one)
    assert found.path == roomy / "swapper.onnx"
    assert files(full) == {".swapper.onnx.lock"}


def test_a_disk_without_room_is_named_before_a_byte_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 95, 5))
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path), one=one)
    assert caught.value.where == (f"{tmp_path / 'models'}: the disk is full: 0 MB are needed, 0 MB are free",)
    assert one.requests == []


def test_a_folder_that_cannot_be_written_is_left_for_the_next(tmp_path: Path) -> None:
    """Below /proc/1 and below a file nothing can be made, not even by root."""
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file")
    with mirror({PATH: Page(body=MODEL)}) as one:
        found = pull(store(tmp_path, Path("/proc/1/models"), blocked / "models", tmp_path / "good"), one=one)
    assert found.path == tmp_path / "good/swapper.onnx"
    assert [candidate.reason for candidate in found.candidates][1] == "cannot be read: not a folder"


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Root may write anywhere, so as root be nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_folder_is_left_for_the_next_and_said_so_if_there_is_none() -> None:
    with tempfile.TemporaryDirectory() as name, mirror({PATH: Page(body=MODEL)}) as one:
        root = Path(name)
        for folder, mode in ((root / "good", 0o777), (root / "read-only", 0o555), (root, 0o755)):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        with bound_by_permissions():
            with pytest.raises(ModelMissing) as caught:
                pull(store(root, root / "read-only", root / "read-only/below"), one=one)
            found = pull(store(root, root / "read-only", root / "good"), one=one)
        assert caught.value.where == (
            f"{root / 'read-only'}: not allowed for this user",
            f"{root / 'read-only/below'}: not allowed for this user",
        )
        assert found.path == root / "good/swapper.onnx"
        assert files(root) == {"good/swapper.onnx", "good/.swapper.onnx.lock"}


def test_a_file_that_may_not_be_read_says_so() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "swapper.onnx").write_bytes(MODEL)
        (root / "swapper.onnx").chmod(0)
        with bound_by_permissions():
            looked = store(root, root).locate("swapper.onnx")
        assert [candidate.reason for candidate in looked.candidates] == [
            "cannot be read: not allowed for this user"
        ]


def test_if_no_folder_takes_it_each_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file")
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path, Path("/proc/1/models"), blocked), one=one)
    assert caught.value.where == ("/proc/1/models: no such folder", f"{blocked}: not a folder")
    assert one.requests == []


def test_a_volume_that_is_not_mounted_is_not_made_up(tmp_path: Path) -> None:
    place = SearchPlace(folder=tmp_path / "volume/models", volume=tmp_path / "volume")
    with pytest.raises(FileNotFoundError):
        make_ready(place, 0)
    assert not (tmp_path / "volume").exists()


def test_a_dangling_link_gives_way_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/swapper.onnx").symlink_to(tmp_path / "gone.onnx")
    with mirror({PATH: Page(body=MODEL)}) as one:
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")
    assert not (tmp_path / "models/swapper.onnx").is_symlink()
    assert not (tmp_path / "gone.onnx").exists()


def test_a_damaged_file_gives_way_only_to_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/swapper.onnx").write_bytes(MODEL[:99])
    with mirror({PATH: Page(body=MODEL[::-1])}) as one:
        with pytest.raises(ModelMissing):
            pull(store(tmp_path), one=one)
        assert (tmp_path / "models/swapper.onnx").read_bytes() == MODEL[:99]
        one.pages[PATH] = Page(body=MODEL)
        pull(store(tmp_path), one=one)
    assert_only_the_good_file(tmp_path / "models")


def test_a_folder_in_the_files_place_is_named_before_a_byte_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "models/swapper.onnx").mkdir(parents=True)
    with mirror({PATH: Page(body=MODEL)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path), one=one)
    assert "a folder is in the place of swapper.onnx" in caught.value.where[0]
    assert one.requests == []


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


@pytest.mark.parametrize("folder", ["", "buffalo_l/"])
def test_members_come_out_of_a_flat_zip_and_one_a_level_deeper(tmp_path: Path, folder: str) -> None:
    archive = zipped({f"{folder}det_10g.onnx": DETECTOR, f"{folder}w600k_r50.onnx": RECOGNISER, "x": b"x"})
    with mirror({"/buffalo_l.zip": Page(body=archive, cuts=[1000])}) as one:
        running = store(tmp_path, known=catalogue(archive))
        pull(running, "det_10g.onnx", one=one)
        pull(running, "w600k_r50.onnx", one=one)
    assert len(one.requests) == 2
    assert (tmp_path / "models/buffalo_l/det_10g.onnx").read_bytes() == DETECTOR
    assert (tmp_path / "models/buffalo_l/w600k_r50.onnx").read_bytes() == RECOGNISER
    assert files(tmp_path / "models") == {
        "buffalo_l/det_10g.onnx",
        "buffalo_l/w600k_r50.onnx",
        ".buffalo_l.zip.lock",
    }


def test_an_archive_that_lies_there_is_unpacked_without_a_download(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/buffalo_l.zip").write_bytes(FLAT_ZIP)
    found = store(tmp_path, offline=True).pull("det_10g.onnx", [], Record())
    assert found.path.read_bytes() == DETECTOR


def test_an_archive_without_the_member_is_named_and_not_kept(tmp_path: Path) -> None:
    archive = zipped({"w600k_r50.onnx": RECOGNISER})
    with mirror({"/buffalo_l.zip": Page(body=archive)}) as one, pytest.raises(ModelMissing) as caught:
        pull(store(tmp_path, known=catalogue(archive)), "det_10g.onnx", one=one)
    assert str(caught.value) == (
        "det_10g.onnx could not be taken out of buffalo_l.zip: it has no det_10g.onnx."
    )
    assert files(tmp_path / "models") == {".buffalo_l.zip.lock"}


def test_a_source_with_the_single_member_spares_the_archive(tmp_path: Path) -> None:
    class Bucket(LoopbackFetcher):
        def addresses(self, file: object) -> list[str]:
            return [f"http://127.0.0.1:{one.port}/models/{file.path}"]  # type: ignore[attr-defined] # a ModelFile

    with mirror(
        {"/models/buffalo_l/det_10g.onnx": Page(body=DETECTOR), "/buffalo_l.zip": Page(body=FLAT_ZIP)}
    ) as one:
        both = [Bucket({}), LoopbackFetcher({"one": one.port})]
        store(tmp_path).pull("det_10g.onnx", both, Record())
        assert [path for path, _ in one.requests] == ["/models/buffalo_l/det_10g.onnx"]
        store(tmp_path).pull("w600k_r50.onnx", both, Record())
    assert [path for path, _ in one.requests][1:] == [
        "/models/buffalo_l/w600k_r50.onnx",
        "/models/buffalo_l.zip",
        "/buffalo_l.zip",
    ]


def test_a_file_without_any_mirror_is_to_be_put_into_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"It has no mirror, so put swapper\.onnx into a folder"):
        store(tmp_path).pull("swapper.onnx", [], Record())
