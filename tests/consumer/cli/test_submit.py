"""However often the same is submitted, each job is done once and each file uploaded once."""

import base64
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from consumer.cli.submit import run_submit
from consumer.cli.submit_plan import SubmitCommand, plan
from consumer.client.send import Sender, Sent
from consumer.client.submission import Submission, SubmittedFiles, WrongWords
from consumer.client.targets import NoSuchFile
from storage import keys
from storage.errors import InvalidManifest
from storage.records.manifest import read_manifest
from storage.records.status import State, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.upkeep.queries import follow
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.command import swapdrop
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.faces import astronaut, hopper, scaled
from tests.support.pictures import save, scene, to_image
from tests.support.stores import CountingStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people, a landscape, and one of the people again under another name."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "me.png").write_bytes(save(to_image(scaled(astronaut(), 0.5)), "PNG"))
    (folder / "her.jpg").write_bytes(save(to_image(scaled(hopper(), 0.5)), "JPEG"))
    (folder / "copy.jpg").write_bytes((folder / "her.jpg").read_bytes())
    (folder / "hill.png").write_bytes(save(to_image(scene(120, 80)), "PNG"))
    return folder


def _plan(files: SubmittedFiles, *words: object, **changes: object) -> list[Submission]:
    fields = {"words": [*map(str, words)], "options": {}, **changes}
    return plan(SubmitCommand(**fields), files)  # type: ignore[arg-type] # the test's own words


async def _send(store: ObjectStore, *words: object, retry: bool = False, **changes: object) -> list[Sent]:
    files = SubmittedFiles()
    jobs = _plan(files, *words, **changes)
    sender = Sender(store, files, retry=retry)
    return [await sender.send(job) for job in jobs]


async def _end(store: ObjectStore, job_id: str, state: State) -> None:
    """What a consumer leaves behind."""
    record = Status(job_id=job_id, status=state, created_at=NOW, updated_at=NOW)
    await store.put(keys.status(job_id), record.to_bytes(), content_type="application/json")
    await store.delete([keys.manifest(job_id)])


async def test_files_of_one_content_are_uploaded_once(folder: Path) -> None:
    store = CountingStore(MemoryStore())
    sent = await _send(store, folder / "me.png", folder / "her.jpg", folder / "copy.jpg")
    assert len({job.job_id for job in sent}) == 2
    uploads = [key for op, key in store.calls if op == "put" and key.startswith(keys.UPLOADS)]
    assert len(uploads) == 2
    manifests = [
        read_manifest((await store.get(keys.manifest(job.job_id), max_bytes=9999)).body) for job in sent
    ]
    assert len({manifest.target for manifest in manifests}) == 1
    stored = await store.get(manifests[0].target, max_bytes=1 << 20)
    assert stored.body == (folder / "her.jpg").read_bytes()
    assert stored.info.content_type == "image/jpeg"


async def test_the_same_again_sends_nothing_also_after_the_job_has_ended(folder: Path) -> None:
    store = CountingStore(MemoryStore())
    words = (folder / "me.png", folder / "her.jpg")
    (first,) = await _send(store, *words)
    assert first.fresh
    assert re.fullmatch(r"her-[0-9a-f]{12}", first.job_id)
    writes = store.writes
    (waiting,) = await _send(store, *words)
    await _end(store, first.job_id, "completed")
    (ended,) = await _send(store, *words, retry=True)
    assert [job.job_id for job in (waiting, ended)] == [first.job_id] * 2
    assert not waiting.fresh
    assert not ended.fresh
    assert ended.before is not None
    assert store.writes == writes + 2  # those of _end


async def test_an_interrupted_run_is_gone_on_with(folder: Path) -> None:
    store = MemoryStore()
    words = [folder / name for name in ("me.png", "her.jpg", "hill.png")]
    files = SubmittedFiles()
    begun = await Sender(store, files).send(_plan(files, *words)[0])
    again = await _send(store, *words)
    assert [job.fresh for job in again] == [False, True]
    assert again[0].job_id == begun.job_id


def test_a_job_is_its_content(folder: Path) -> None:
    me, her = folder / "me.png", folder / "her.jpg"

    def job_id(*words: object, **changes: object) -> str:
        (job,) = _plan(SubmittedFiles(), *words, **changes)
        return job.job_id()

    plain = job_id(me, her)
    assert job_id(me, her, options={"image_quality": 95, "engine": "auto"}) == plain
    assert job_id(folder / ".." / "pictures" / "me.png", her) == plain
    different = [
        job_id(her, me),
        job_id(me, folder / "copy.jpg"),
        job_id(me, her, options={"many_faces": True}),
        job_id(me, her, faces=["0"]),
        job_id(me, her, faces=["1"]),
        job_id(her, detect=True),
        job_id(me, her, faces=["0"], detection="results/one/1.json"),
    ]
    assert len({plain, *different}) == 1 + len(different)
    me.write_bytes(me.read_bytes() + b"\0")
    assert job_id(me, her) != plain


async def test_what_failed_is_sent_again_only_if_asked_and_then_once(folder: Path) -> None:
    store = MemoryStore()
    words = (folder / "me.png", folder / "her.jpg")
    (first,) = await _send(store, *words)
    await _end(store, first.job_id, "failed")
    (told,) = await _send(store, *words)
    assert told.before is not None
    assert (told.job_id, told.before.status) == (first.job_id, "failed")
    (second,) = await _send(store, *words, retry=True)
    assert second.fresh
    assert second.job_id != first.job_id
    for retry in (True, False):
        (waiting,) = await _send(store, *words, retry=retry)
        assert (waiting.job_id, waiting.fresh) == (second.job_id, False)
    await _end(store, second.job_id, "completed")
    (done,) = await _send(store, *words)
    assert done.before is not None
    assert (done.job_id, done.before.status) == (second.job_id, "completed")


def test_faces_become_the_mappings_of_the_contract(folder: Path) -> None:
    me, her, hill = (folder / name for name in ("me.png", "her.jpg", "hill.png"))
    files = SubmittedFiles()
    (both,) = _plan(files, hill, faces=[f"0={me}", f"face_2={her}"], detection="results/x/1.json")
    assert both.document["process_type"] == "multi-image"
    assert both.document["face_mappings"] == {"face_0": files.refer(str(me)), "face_2": files.refer(str(her))}
    assert both.document["detection"] == "results/x/1.json"
    (mixed,) = _plan(files, me, hill, faces=["1", f"0={her}"])
    assert mixed.document["face_mappings"] == {
        "face_1": files.refer(str(me)),
        "face_0": files.refer(str(her)),
    }
    (found,) = _plan(files, hill, detect=True)
    assert found.document == {"process_type": "detect-faces", "target": files.refer(str(hill))}


async def test_several_pictures_of_one_person_are_one_source_and_uploaded(folder: Path) -> None:
    me, her, hill = (folder / name for name in ("me.png", "her.jpg", "hill.png"))
    store = MemoryStore()
    (sent,) = await _send(store, hill, sources=[str(me), str(her)])
    manifest = read_manifest((await store.get(keys.manifest(sent.job_id), max_bytes=9999)).body)
    assert isinstance(manifest.source, list)
    bodies = [(await store.get(key, max_bytes=1 << 20)).body for key in manifest.source]
    assert bodies == [me.read_bytes(), her.read_bytes()]
    (alone,) = _plan(SubmittedFiles(), hill, sources=[str(me)])
    assert alone.document == _plan(SubmittedFiles(), me, hill)[0].document


def test_each_puts_every_source_onto_every_target_as_a_job_of_its_own(folder: Path) -> None:
    me, her, hill = (folder / name for name in ("me.png", "her.jpg", "hill.png"))
    files = SubmittedFiles()
    jobs = _plan(files, hill, folder / "copy.jpg", sources=[str(me), str(her), str(me)], each=True)
    pairs = [(job.document["source"], job.name) for job in jobs]
    assert pairs == [
        (files.refer(str(source)), str(target))
        for target in (hill, folder / "copy.jpg")
        for source in (me, her)
    ]
    assert len({job.job_id() for job in jobs}) == 4
    mapped = _plan(files, hill, sources=[str(me), str(her)], each=True, faces=["1"])
    assert [job.document["face_mappings"] for job in mapped] == [
        {"face_1": files.refer(str(source))} for source in (me, her)
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": ["hill.png", "her.jpg"], "each": True},
        {"sources": ["me.png"]},
        {"words": ["hill.png"], "sources": ["me.png", "her.jpg"], "faces": ["0"]},
        {"words": ["hill.png"], "sources": ["me.png"], "faces": ["0=her.jpg"]},
        {"words": ["hill.png"], "sources": ["me.png"], "detect": True},
        {"words": ["hill.png"], "each": True, "detect": True},
        {"sources": ["me.png"], "table": Path("jobs.csv")},
    ],
    ids=range(7),
)
def test_sources_that_do_not_go_with_the_rest_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(WrongWords, match=r"^.*\.$"):
        plan(SubmitCommand(**{"words": [], "options": {}, **wrong}), SubmittedFiles())


def test_patterns_folders_keys_and_links_may_be_mixed(folder: Path) -> None:
    words = (folder / "me.png", "uploads/abc.jpg", folder / "h*.*", "https://example.org/a%20b.jpg?x=1")
    jobs = _plan(SubmittedFiles(), *words)
    names = [job.job_id()[:-13] for job in jobs]
    assert names == ["abc", "a-20b", "her", "hill"]
    assert len(_plan(SubmittedFiles(), folder / "me.png", folder)) == 4


@pytest.mark.parametrize(
    ("words", "changes", "error"),
    [
        (["me.png"], {}, WrongWords),
        (["me.png", "her.jpg"], {"table": Path("jobs.csv")}, WrongWords),
        ([], {"detect": True}, WrongWords),
        (["her.jpg"], {"detect": True, "faces": ["0"]}, WrongWords),
        (["me.png", "him.jpg"], {}, NoSuchFile),
        (["me.png", "her.jpg"], {"options": {"output_format": "bmp"}}, InvalidManifest),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    folder: Path, words: list[str], changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _plan(SubmittedFiles(), *(folder / word for word in words), **changes)


@pytest.mark.parametrize("sheet", ["her.jpg", "sub/../her.jpg", "jobs.csv"])
def test_the_page_takes_the_place_of_no_file_that_is_sent(
    folder: Path, sheet: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sub").mkdir()
    (folder / "jobs.csv").write_text("source,target\nme.png,her.jpg\n", encoding="utf-8")
    wanted = SubmitCommand(words=(), options={}, table=folder / "jobs.csv")
    with pytest.raises(typer.Exit):
        run_submit(wanted, watch=False, retry=False, output=None, sheet=folder / sheet)
    assert "would overwrite" in capsys.readouterr().err


async def test_many_jobs_are_followed_each_to_its_end() -> None:
    store = MemoryStore()
    ids = [f"job-{number}" for number in range(40)]
    for job_id in ids:
        await _end(store, job_id, "completed")
    ended = [status.job_id async for status in follow(store, *ids, poll_s=0.01)]
    assert sorted(ended) == sorted(ids)


async def test_a_batch_is_sent_watched_saved_shown_and_found_again(
    moto_s3: S3Settings, folder: Path, tmp_path: Path
) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings, engine="mesh")
        table = folder / "jobs.csv"
        table.write_text("source,target,output_format\nme.png,her.jpg,png\nme.png,hill.png,\n")
        words = ("submit", "--csv", table, "-o", tmp_path / "out", "--sheet", tmp_path / "sheet.html")
        with run_consumer(environment, tmp_path / "log"):
            first = swapdrop(*words, environment=environment)
        written = await keys_below(store, "")
        again = swapdrop(*words, environment=environment)
        for run in (first, again):
            assert run.exit_code == 1, run.stderr
            assert "no_face_in_target" in run.stderr
            assert "1  done" in run.stderr
            assert run.stderr.count("basic_engine") == 1  # a warning of the jobs' records
            assert re.search(r"basic_engine \((her\.jpg, hill\.png|hill\.png, her\.jpg)\)", run.stderr)
            assert "basic_engine" not in run.stdout
            assert "doctor" not in run.stderr
        assert await keys_below(store, "") == written
    (saved,) = (tmp_path / "out").iterdir()
    assert re.fullmatch(r"her-[0-9a-f]{12}\.png", saved.name)
    assert str(saved) in first.stdout.splitlines()
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 2
    assert page.count('class="error"') == 1
    pictures = re.findall(r"base64,([^\"]+)", page)
    assert len(pictures) == 3
    assert all(base64.b64decode(picture).startswith(b"\xff\xd8\xff") for picture in pictures)


async def test_a_table_with_one_wrong_row_sends_nothing(moto_s3: S3Settings, folder: Path) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        table = folder / "jobs.csv"
        table.write_text("source,target\nme.png,her.jpg\nme.png,him.jpg\n")
        done = swapdrop("submit", "--csv", table, environment=consumer_environment(settings))
        assert done.exit_code == 1
        assert "Row 3, column target: him.jpg is not a file" in done.stderr
        assert "doctor" not in done.stderr
        assert not await keys_below(store, "")


def test_a_bucket_that_does_not_answer_leads_to_the_doctor(folder: Path) -> None:
    nowhere = S3Settings(
        bucket="none",
        endpoint_url="http://127.0.0.1:9",
        access_key_id="a",
        secret_access_key="b",  # noqa: S106 - of nothing
    )
    done = swapdrop(
        "submit", folder / "me.png", folder / "her.jpg", environment=consumer_environment(nowhere)
    )
    assert done.exit_code == 1
    assert "swapdrop doctor" in done.stderr
