"""The inbox: what people drop becomes a job, once it is all there, and goes away once the job has ended."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import keys
from storage.errors import ObjectNotFound, StoreUnavailable
from storage.inbox.inbox import Announced, Inbox, InboxEntry
from storage.records.kept import kept
from storage.records.manifest import MAX_MANIFEST_BYTES, Consent, read_manifest
from storage.records.status import JobError, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import StoredObject
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import CountingStore, Fault, FaultStore

MANIFEST = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}


class Drop:
    """An inbox that files are dropped into."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)
        self.inbox = Inbox(self.store)

    async def files(self, files: Mapping[str, bytes]) -> None:
        for key, body in files.items():
            await self.memory.put(f"inbox/{key}", body, content_type="application/octet-stream")

    async def folder(self, *names: str, folder: str = "pics") -> None:
        await self.files({f"{folder}/{name}": name.encode() for name in names})

    async def manifest(self, document: object, name: str = "j") -> None:
        await self.files({f"{name}.json": json.dumps(document).encode()})

    async def entries(self) -> list[InboxEntry]:
        return list((await self.inbox.scan()).entries)

    async def entry(self) -> InboxEntry:
        self.time.advance(2)
        [entry] = await self.entries()
        assert entry.ready_in_s == 0
        return entry

    async def announced(self) -> Announced:
        return await self.inbox.open(await self.entry())

    async def left(self, prefix: str = "") -> list[str]:
        return [listed.key for listed in (await self.memory.list(prefix)).objects]


@pytest.fixture
def drop() -> Drop:
    return Drop()


async def error_of(drop: Drop) -> str:
    announced = await drop.announced()
    assert keys.is_job_id(announced.job_id)
    assert announced.manifest is None
    assert announced.error is not None
    return str(announced.error)


# Manifests


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


# Folders


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("source.png", "target.jpg"),
            {"process_type": "single-image", "source": "source.png", "target": "target.jpg"},
        ),
        (
            ("face.png", "media.MP4"),
            {"process_type": "single-video", "source": "face.png", "target": "media.MP4"},
        ),
        (
            ("Face.PNG", "Target.JPG"),
            {"process_type": "single-image", "source": "Face.PNG", "target": "Target.JPG"},
        ),
        (
            ("face_0.png", "face_12.png", "target.webp"),
            {
                "process_type": "multi-image",
                "face_mappings": {"face_0": "face_0.png", "face_12": "face_12.png"},
                "target": "target.webp",
            },
        ),
        (
            ("face_1.png", "target.mov"),
            {
                "process_type": "multi-video",
                "face_mappings": {"face_1": "face_1.png"},
                "target": "target.mov",
            },
        ),
    ],
)
async def test_dropped_files_are_a_job(
    drop: Drop, names: tuple[str, ...], expected: dict[str, object]
) -> None:
    await drop.folder(*names)
    drop.store.calls.clear()
    announced = await drop.announced()
    assert announced.manifest is not None
    document = json.loads(json.dumps(expected).replace(': "', ': "inbox/pics/'))
    document["process_type"] = expected["process_type"]
    assert announced.manifest == read_manifest(document)
    assert announced.job_id.startswith("pics-")
    assert drop.store.calls == [("list", "inbox/")]


@pytest.mark.parametrize(
    "names",
    [
        ("target.png",),
        ("source.png",),
        ("target.png", "options.json"),
        ("face_0.png", "source.png"),
        ("a.png",),
    ],
)
async def test_a_folder_that_is_not_complete_waits_for_ever(drop: Drop, names: tuple[str, ...]) -> None:
    await drop.folder(*names)
    drop.time.advance(7200)
    assert await drop.entries() == []
    assert len(await drop.left()) == len(names)


async def test_a_folder_is_left_until_nothing_in_it_has_changed_for_two_seconds(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    assert [entry.ready_in_s for entry in await drop.entries()] == [2]
    drop.time.advance(1)
    await drop.folder("options.json")
    assert [entry.ready_in_s for entry in await drop.entries()] == [2]
    drop.time.advance(1)
    assert [entry.ready_in_s for entry in await drop.entries()] == [1]
    drop.time.advance(1)
    assert [entry.ready_in_s for entry in await drop.entries()] == [0]


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (("target.png", "target.jpg", "source.png"), ("target.png", "target.jpg")),
        (("target.png", "media.mp4", "source.png"), ("target.png", "media.mp4")),
        (("target.png", "source.png", "face.jpg"), ("source.png", "face.jpg")),
        (("target.png", "face_1.png", "face_01.png"), ("face_1.png", "face_01.png")),
        (("target.png", "source.png", "face_0.png"), ("source.png",)),
        (("target.png", "source_1.png", "face_0.png"), ("source_1.png",)),
        (("target.png", "source_1.png", "source_01.png"), ("source_1.png", "source_01.png")),
    ],
)
async def test_files_that_contradict_each_other_are_named(
    drop: Drop, names: tuple[str, ...], named: tuple[str, ...]
) -> None:
    await drop.folder(*names)
    error = await error_of(drop)
    assert all(f"`{name}`" in error for name in named)
    assert "inbox/" not in error


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (
            ("source_10.png", "Source_2.JPG", "target.png", "source_01.png"),
            ("source_01.png", "Source_2.JPG", "source_10.png"),
        ),
        (("source_3.png", "target.png"), "source_3.png"),
        (("source_1.png", "source.png", "target.png"), ("source.png", "source_1.png")),
    ],
)
async def test_several_pictures_of_one_person_are_the_source(
    drop: Drop, names: tuple[str, ...], sources: tuple[str, ...] | str
) -> None:
    await drop.folder(*names)
    announced = await drop.announced()
    assert announced.manifest is not None, announced.error
    expected = (
        f"inbox/pics/{sources}" if isinstance(sources, str) else [f"inbox/pics/{name}" for name in sources]
    )
    assert announced.manifest.source == expected


async def test_options_dropped_beside_the_pictures_are_read(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    await drop.files({"pics/options.json": b'{"many-faces": true, "output_format": "webp"}'})
    announced = await drop.announced()
    assert announced.manifest is not None
    assert announced.manifest.options.many_faces
    assert announced.manifest.options.output_format == "webp"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "`options.json` is not valid JSON"),
        (b"\xff", "`options.json` is not valid JSON"),
        (b"[" * 100_000, "`options.json` is not valid JSON"),
        (b"[]", "`options.json` must hold the options themselves"),
        (b'{"options": {"many_faces": true}}', "`options.json` must hold the options themselves"),
        (b'{"manny_faces": true}', "`options.manny_faces`"),
        (b" " * (MAX_MANIFEST_BYTES + 1), "`options.json` is not valid JSON"),
    ],
)
async def test_wrong_options_are_named(drop: Drop, body: bytes, said: str) -> None:
    await drop.folder("target.png", "source.png")
    await drop.files({"pics/options.json": body})
    assert said in await error_of(drop)


async def test_consent_dropped_beside_the_pictures_is_read_and_what_is_none_is_named(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    await drop.files({"pics/consent.json": b'{"attested": true, "by": "u-7"}'})
    announced = await drop.announced()
    assert announced.manifest is not None
    assert announced.manifest.consent == Consent(attested=True, by="u-7")
    await drop.files({"pics/consent.json": b'{"consent": {"attested": true}}'})
    assert "`consent.json` must hold the consent itself" in await error_of(drop)


async def test_what_a_desktop_leaves_behind_does_not_matter(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    job_id = (await drop.inbox.open(entry)).job_id
    await drop.folder("Thumbs.db", ".DS_Store", "desktop.ini", "target", "notes.txt", "face_x.png")
    await drop.files({"pics/": b"", "": b"", "pics/deeper/target.png": b"", "loose.png": b""})
    later = await drop.entry()
    assert later.fingerprint == entry.fingerprint
    announced = await drop.inbox.open(later)
    assert announced.job_id == job_id
    assert announced.error is None


async def test_source_and_target_changing_places_is_another_job(drop: Drop) -> None:
    await drop.files({"pics/source.png": b"one", "pics/target.png": b"other"})
    first = (await drop.announced()).job_id
    await drop.files({"pics/source.png": b"other", "pics/target.png": b"one"})
    assert (await drop.announced()).job_id != first


async def test_the_same_files_dropped_again_are_the_same_job(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    first = await drop.entry()
    job_id = (await drop.inbox.open(first)).job_id
    await drop.inbox.retire(first, job_id)
    await drop.folder("source.png", "target.png")
    assert (await drop.announced()).job_id == job_id


async def test_a_manifest_and_a_folder_of_one_name_are_two_jobs(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", folder="j")
    await drop.manifest(MANIFEST)
    entries = await drop.entries()
    assert [entry.form for entry in entries] == ["manifest", "folder"]
    assert len({entry.fingerprint for entry in entries}) == 2


async def test_folders_whose_names_look_alike_in_a_job_id_are_two_entries(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", folder="a b")
    await drop.folder("target.png", "source.png", folder="a-b")
    assert len({entry.fingerprint for entry in await drop.entries()}) == 2


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, files=st.lists(NAMES, max_size=4))
async def test_whatever_names_people_choose_the_scan_goes_on(name: str, files: list[str]) -> None:
    drop = Drop()
    await drop.folder("target.png", "source.png", *files, folder=name)
    await drop.manifest({**MANIFEST, "job_id": "next"}, name="zzz")
    drop.time.advance(2)
    for entry in await drop.entries():
        announced = await drop.inbox.open(entry)
        assert keys.is_job_id(announced.job_id)
        await drop.inbox.retire(entry, announced.job_id)
    assert await drop.left("inbox/") == []


# Scan


async def test_a_long_inbox_is_read_page_by_page_and_in_order(drop: Drop) -> None:
    for n in range(100):  # what people never finish
        await drop.folder(*(f"{i}.png" for i in range(20)), folder=f"a{n}")
    await drop.folder("source.png", "target.png", folder="b")
    await drop.manifest(MANIFEST, name="c")
    drop.store.calls.clear()
    assert [entry.name for entry in await drop.entries()] == ["b", "c"]
    assert drop.store.counts == {"list": 3}


async def test_a_folder_across_two_pages_is_one_entry(drop: Drop) -> None:
    await drop.files({f"a{n:03}.txt": b"" for n in range(999)})
    await drop.folder("source.png", "target.png", folder="b")
    [entry] = await drop.entries()
    assert entry.keys == ("inbox/b/source.png", "inbox/b/target.png")
    assert drop.store.counts == {"list": 2}


async def test_a_scan_reads_no_more_than_it_can_use(drop: Drop) -> None:
    await drop.files({f"{n:04}.json": b"{}" for n in range(2500)})
    entries = await drop.entries()
    assert drop.store.counts == {"list": 1}
    assert len(entries) == 1000


async def test_a_folder_that_the_last_page_cuts_off_waits_for_the_next_scan(drop: Drop) -> None:
    await drop.files({f"a{n:03}.json": b"{}" for n in range(998)})
    await drop.folder("source.png", "target.jpg", "target.png", folder="b")
    entries = await drop.entries()
    assert drop.store.counts == {"list": 1}
    assert {entry.form for entry in entries} == {"manifest"}


async def test_an_inbox_full_of_rubbish_costs_a_bounded_number_of_calls(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(10_500)})
    assert await drop.entries() == []
    assert drop.store.counts == {"list": 10}


async def test_an_empty_inbox_tells_the_stores_time(drop: Drop) -> None:
    scan = await drop.inbox.scan()
    assert (scan.entries, scan.store_now) == ([], drop.time.store())


# Retire


async def test_retiring_a_manifest_costs_one_delete(drop: Drop) -> None:
    await drop.manifest(MANIFEST)
    await drop.memory.put(keys.cancel("j"), b"", content_type="text/plain")
    entry = await drop.entry()
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j", cancelled=True)
    assert drop.store.calls == [("delete", "inbox/j.json")]
    assert await drop.left() == []


async def test_another_manifest_under_the_same_name_is_not_lost(drop: Drop) -> None:
    await drop.manifest(MANIFEST, "order")
    entry = await drop.entry()
    first = (await drop.inbox.open(entry)).job_id
    await drop.manifest({**MANIFEST, "target": "uploads/c.png"}, "order")
    await drop.inbox.retire(entry, first)
    assert (await drop.announced()).job_id != first
    await drop.inbox.retire(await drop.entry(), "order-12345678")
    assert await drop.left() == []


async def test_a_folder_is_archived_whole_and_removed_in_one_delete(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", "Thumbs.db")
    entry = await drop.entry()
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j")
    assert drop.store.counts == {"list": 1, "copy": 3, "delete": 1}
    assert await drop.left() == ["archive/j/Thumbs.db", "archive/j/source.png", "archive/j/target.png"]
    assert (await drop.memory.get("archive/j/target.png", max_bytes=99)).body == b"target.png"


async def test_retiring_twice_or_by_two_consumers_does_no_harm(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.inbox.retire(entry, "j")
    await drop.inbox.retire(entry, "j")
    assert await drop.left("inbox/") == []
    assert len(await drop.left("archive/")) == 2


@pytest.mark.parametrize("op", ["copy", "delete"])
async def test_a_retirement_broken_off_is_finished_by_the_next(drop: Drop, op: str) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    fault = Fault(op="copy", nth=2) if op == "copy" else Fault(op="delete")
    with pytest.raises(StoreUnavailable):
        await Inbox(FaultStore(drop.store, [fault])).retire(entry, "j")
    assert (await drop.entry()).fingerprint == entry.fingerprint
    await drop.inbox.retire(entry, "j")
    assert await drop.left() == ["archive/j/source.png", "archive/j/target.png"]


async def test_other_pictures_dropped_while_the_job_ran_are_not_lost(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.files({"pics/target.png": b"another"})
    await drop.inbox.retire(entry, "j")
    assert await drop.left() == ["inbox/pics/source.png", "inbox/pics/target.png"]
    assert (await drop.entry()).fingerprint != entry.fingerprint


async def test_a_cleared_folder_costs_no_delete(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    await drop.memory.delete(entry.keys)
    drop.store.calls.clear()
    await drop.inbox.retire(entry, "j")
    assert drop.store.counts == {"list": 1}


async def test_a_copy_that_the_store_refuses_as_not_found_costs_no_file(drop: Drop) -> None:
    await drop.folder("target.png", "source.png")
    entry = await drop.entry()
    refusing = FaultStore(drop.store, [Fault(op="copy", nth=2, error=ObjectNotFound())])
    with pytest.raises(StoreUnavailable, match=r"did not copy `inbox/pics/target\.png`"):
        await Inbox(refusing).retire(entry, "j")
    assert await drop.left("inbox/") == ["inbox/pics/source.png", "inbox/pics/target.png"]


async def test_a_file_that_another_consumer_has_cleared_is_no_reason_to_leave_the_rest(drop: Drop) -> None:
    await drop.folder("target.png", "source.png", "notes.txt")
    entry = await drop.entry()

    class Racing(FaultStore):
        async def copy(self, source: str, destination: str) -> None:
            await drop.memory.delete(["inbox/pics/notes.txt"])
            await super().copy(source, destination)

    await Inbox(Racing(drop.store, [])).retire(entry, "j")
    assert await drop.left() == ["archive/j/source.png", "archive/j/target.png"]


# A long inbox


async def looks(drop: Drop, count: int) -> list[str]:
    """The names of the entries that some looks in a row have found, each going on where the last stopped."""
    found, read_to = list[str](), ""
    for _ in range(count):
        scan = await drop.inbox.scan(go_on_after=read_to)
        found += [entry.name for entry in scan.entries]
        read_to = scan.read_to
    return found


@pytest.mark.parametrize("stray", ["{n:05}.txt", "strays/{n:05}.png", "{n:05}/me.png", "{n:05}/x/target.png"])
async def test_whatever_lies_before_it_a_job_is_seen_at_the_second_look(drop: Drop, stray: str) -> None:
    await drop.files({stray.format(n=n): b"" for n in range(10_050)})
    await drop.manifest(MANIFEST, name="zzz")
    await drop.folder("source.png", "target.png", folder="zz")
    assert await looks(drop, 1) == []
    drop.store.calls.clear()
    assert set(await looks(drop, 2)) == {"zz", "zzz"}
    assert drop.store.counts["list"] <= 20


async def test_a_folder_that_a_look_cuts_off_is_whole_in_the_next(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(9_999)})
    await drop.folder("source.png", "target.png", folder="b")
    await drop.files({f"c{n}.txt": b"" for n in range(3)})
    assert await looks(drop, 2) == ["b"]


async def test_reading_goes_on_past_entries_that_are_of_no_use_now(drop: Drop) -> None:
    await drop.files({f"{n:04}.json": b"{}" for n in range(1500)})
    scan = await drop.inbox.scan(is_fresh=lambda entry: entry.name >= "1400")
    assert len(scan.entries) == 1500
    assert scan.at_end


async def test_what_is_no_job_is_told_of_once_on_a_way_through(drop: Drop) -> None:
    await drop.files({f"{n:05}.txt": b"" for n in range(10_500)})
    first = await drop.inbox.scan()
    second = await drop.inbox.scan(go_on_after=first.read_to)
    assert [len(puzzle.files) for scan in (first, second) for puzzle in scan.puzzles] == [10_000, 500]


# Files that are no job


async def test_what_is_no_job_is_told_by_its_place(drop: Drop) -> None:
    await drop.files({"loose.png": b"", "own/me.png": b"", "own/Thumbs.db": b"", "2026/us/source.png": b""})
    await drop.files({"empty/": b"", "": b"", "junk/.DS_Store": b""})
    await drop.folder("source.png", "target.png")
    scan = await drop.inbox.scan()
    assert {puzzle.place: puzzle.files for puzzle in scan.puzzles} == {
        "": ("loose.png",),
        "own": ("me.png",),
        "2026": ("us/source.png",),
    }
    assert [entry.name for entry in scan.entries] == ["pics"]


async def test_names_as_people_spell_them_make_a_job(drop: Drop) -> None:
    await drop.folder("Source (1).PNG", "target")
    announced = await drop.announced()
    assert announced.manifest is not None
    assert (announced.manifest.source, announced.manifest.target) == (
        "inbox/pics/Source (1).PNG",
        "inbox/pics/target",
    )


async def test_a_picture_is_taken_for_the_source_only_once_nothing_else_comes(drop: Drop) -> None:
    await drop.folder("me.png", "target.jpg")
    drop.time.advance(10)
    assert [entry.ready_in_s for entry in await drop.entries()] == [20]
    await drop.folder("source.png")
    drop.time.advance(2)
    announced = await drop.inbox.open(await drop.entry())
    assert announced.manifest is not None
    assert announced.manifest.source == "inbox/pics/source.png"


# A used id


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

    monkeypatch.setattr("storage.inbox.inbox.read_manifest", broken)
    await drop.manifest(MANIFEST)
    assert "could not be read" in await error_of(drop)


@pytest.mark.parametrize("names_its_id", [True, False])
async def test_a_message_that_comes_twice_is_one_entry(drop: Drop, names_its_id: bool) -> None:  # noqa: FBT001 -- a case
    raw = json.dumps({**MANIFEST, **({"job_id": "j"} if names_its_id else {})}).encode()
    assert await drop.inbox.add(raw) == await drop.inbox.add(raw)
    assert len(await drop.left()) == 1


async def test_another_message_that_names_the_same_job_is_not_lost(drop: Drop) -> None:
    one, other = ({**MANIFEST, "job_id": "j", "options": {"many_faces": many}} for many in (True, False))
    first = await drop.inbox.add(json.dumps(one).encode())
    for _ in range(2):
        second = await drop.inbox.add(json.dumps(other).encode())
    assert first == "inbox/j.json"
    assert await drop.left() == sorted([first, second])


async def test_a_message_whose_entry_goes_in_that_moment_lies_under_its_own_id_again(drop: Drop) -> None:
    raw = json.dumps({**MANIFEST, "job_id": "j"}).encode()
    await drop.inbox.add(raw)

    class Racing(FaultStore):
        async def get(self, key: str, *, max_bytes: int) -> StoredObject:
            await drop.memory.delete([key])
            return await super().get(key, max_bytes=max_bytes)

    assert await Inbox(Racing(drop.store, [])).add(raw) == "inbox/j.json"
    assert await drop.left() == ["inbox/j.json"]
