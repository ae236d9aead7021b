"""Manifests in the inbox: each is a job, under its own id or that of its content."""

import json

import pytest

from storage import keys
from storage.errors import ObjectNotFound
from storage.records.kept import kept
from storage.records.manifest import read_manifest
from storage.records.status import JobError, Status
from tests.support.clock import EPOCH
from tests.support.inboxes import MANIFEST, Drop, error_of


async def test_a_manifest_is_ready_at_once_and_costs_one_list_and_one_get(drop: Drop) -> None:
    await drop.manifest({**MANIFEST, "job_id": "j"})
    [entry] = await drop.entries()
    assert (entry.form, entry.ready_in_s, entry.keys) == ("manifest", 0, ("inbox/j.json",))
    announced = await drop.inbox.open(entry)
    assert announced.job_id == "j"
    assert announced.manifest == read_manifest({**MANIFEST, "job_id": "j"})
    assert announced.error is None
    assert drop.store.calls == [("list", "inbox/"), ("get", "inbox/j.json")]


async def test_the_document_of_a_manifest_is_its_normal_form(drop: Drop) -> None:
    await drop.manifest({"type": "single_image", "face": "uploads/a.png", "media": "uploads/b.png"})
    announced = await drop.announced()
    assert announced.document is not None
    assert read_manifest(announced.document) == read_manifest(MANIFEST)
    assert "face" not in announced.document


async def test_the_job_id_inside_wins_over_the_name(drop: Drop) -> None:
    await drop.manifest({**MANIFEST, "job_id": "inside"}, name="outside")
    announced = await drop.announced()
    assert announced.job_id == "inside"
    await drop.inbox.retire(await drop.entry(), announced.job_id)
    assert await drop.left() == []


async def test_a_manifest_without_a_job_id_is_named_by_its_content(drop: Drop) -> None:
    await drop.manifest(MANIFEST)
    first = (await drop.announced()).job_id
    assert first.startswith("j-")
    await drop.manifest({**MANIFEST, "options": {"many_faces": True}})
    assert (await drop.announced()).job_id != first
    await drop.manifest(MANIFEST)
    assert (await drop.announced()).job_id == first


async def test_a_wrong_manifest_with_a_valid_job_id_keeps_it(drop: Drop) -> None:
    await drop.manifest({**MANIFEST, "job_id": "mine", "versoin": 1})
    announced = await drop.announced()
    assert announced.job_id == "mine"
    assert "`versoin`" in str(announced.error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (b"[1]", "JSON object"),
        (b" " * (10 * 2**20), "larger than 4 MiB"),
        (json.dumps({**MANIFEST, "version": 7}).encode(), "`version`"),
        (json.dumps({**MANIFEST, "job_id": "../../x"}).encode(), "`job_id`"),
    ],
)
async def test_a_manifest_that_cannot_be_understood_is_still_a_job(
    drop: Drop, body: bytes, said: str
) -> None:
    await drop.files({"bad.json": body})
    assert said in await error_of(drop)


async def test_a_manifest_that_has_gone_is_told_so(drop: Drop) -> None:
    await drop.manifest(MANIFEST)
    entry = await drop.entry()
    await drop.memory.delete(entry.keys)
    with pytest.raises(ObjectNotFound):
        await drop.inbox.open(entry)


async def test_the_same_manifest_is_the_same_job_however_it_is_written(drop: Drop) -> None:
    await drop.manifest({**MANIFEST, "job_id": "j"})
    first = await drop.announced()
    record = Status(job_id="j", created_at=EPOCH, updated_at=EPOCH, manifest=first.document)
    await drop.manifest(
        {"type": "single_image", "face": "uploads/a.png", "media": "uploads/b.png", "job_id": "j"}
    )
    assert (await drop.announced()).is_of(record)
    older = record.model_copy(update={"manifest": MANIFEST})  # of a version without options
    assert (await drop.announced()).is_of(older)


@pytest.mark.parametrize(
    "other",
    [
        {**MANIFEST, "target": "uploads/c.png"},
        {**MANIFEST, "options": {"many_faces": True}},
        {**MANIFEST, "source": "B" * 5000},
        {**MANIFEST, "nonsense": 1},
    ],
)
async def test_another_manifest_under_a_used_id_is_another_job(drop: Drop, other: dict[str, object]) -> None:
    inline = {**MANIFEST, "source": "A" * 5000, "job_id": "j"}
    for document in ({**MANIFEST, "job_id": "j"}, inline):
        await drop.manifest(document)
        first = await drop.announced()
        assert first.document is not None
        record = Status(job_id="j", created_at=EPOCH, updated_at=EPOCH, manifest=kept(first.document))
        await drop.manifest({**other, "job_id": "j"})
        announced = await drop.announced()
        assert not announced.is_of(record)
        assert keys.is_job_id(announced.other_id)
        assert announced.other_id.startswith("j-")


async def test_a_corrected_manifest_is_not_the_one_that_was_refused(drop: Drop) -> None:
    await drop.manifest({**MANIFEST, "job_id": "j", "nonsense": 1})
    refused = await drop.announced()
    error = JobError(code="invalid_manifest", message=str(refused.error), retryable=False)
    record = Status(job_id="j", created_at=EPOCH, updated_at=EPOCH, error=error)
    assert refused.is_of(record)
    await drop.manifest({**MANIFEST, "job_id": "j"})
    assert not (await drop.announced()).is_of(record)


async def test_a_manifest_that_breaks_its_reader_is_a_failed_job(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_document: object) -> None:
        raise RecursionError

    monkeypatch.setattr("storage.inbox.opening.read_manifest", broken)
    await drop.manifest(MANIFEST)
    assert "could not be read" in await error_of(drop)
