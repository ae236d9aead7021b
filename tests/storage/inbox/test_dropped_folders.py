"""Dropped files become a job once they are all there, and what contradicts itself is named."""

import json

import pytest

from storage.records.manifest import MAX_MANIFEST_BYTES, Consent, read_manifest
from tests.support.inboxes import MANIFEST, Drop, error_of


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
