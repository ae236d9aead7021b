"""The cases that the Worker is held to are what the consumer understands."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.media.sniff import MEDIA_TYPES, SNIFF_BYTES, sniff
from storage import keys
from storage.errors import InputForbidden, InvalidManifest
from storage.inputs.references import BucketKey, ParsedReference, parse_reference
from storage.records.detection import Detection, read_detection
from storage.records.manifest import PROCESS_TYPES, Manifest, read_manifest, source_pictures
from storage.records.status import Status
from tests.contract.cases import cases, content
from tests.contract.document import document

PREFIXES = (keys.UPLOADS, keys.RESULTS)
KEYS = content("keys.json")
SCHEMAS = document()["components"]["schemas"]

Case = dict[str, Any]


def files(manifest: Manifest) -> Iterator[tuple[str, ParsedReference]]:
    """What a job reads, by what it is for; raises as `parse_reference`."""
    references = {**source_pictures(manifest), "target": manifest.target}
    if manifest.detection is not None:
        references["detection"] = manifest.detection
    for name, reference in references.items():
        yield name, parse_reference(reference, allowed_prefixes=PREFIXES)


def understood(document: Case) -> tuple[Case, dict[str, ParsedReference]]:
    """What a job is to the consumer: everything but its files, and its files."""
    manifest = read_manifest(document)
    if manifest.process_type not in PROCESS_TYPES:
        raise InvalidManifest(f"known are {', '.join(PROCESS_TYPES)}")
    rest = manifest.model_dump(exclude={"source", "target", "face_mappings", "detection"})
    return rest, dict(files(manifest))


def as_sent(case: Case) -> Case:
    """A request as it would be a manifest if nobody looked at it; a wrapped one says its type within."""
    asked, body = case["request"], case["request"]["body"]
    return {"process_type": asked["type"], **body}


@pytest.mark.parametrize("case", cases("manifests.json"))
def test_the_manifest_of_a_request_is_in_the_contracts_own_words(case: Case) -> None:
    manifest = read_manifest(case["manifest"])
    assert manifest.model_dump(mode="json", exclude_unset=True) == case["manifest"]
    assert all(not isinstance(file, BucketKey) or "/" in file.key for _, file in files(manifest))


@pytest.mark.parametrize("case", cases("manifests.json"))
def test_the_manifest_of_a_request_says_what_the_request_says(case: Case) -> None:
    if not case.get("earlier"):
        assert understood(case["manifest"]) == understood(as_sent(case))
        return
    try:  # what an earlier client means is not what it says
        said = understood(as_sent(case))
    except InvalidManifest:
        return
    assert said != understood(case["manifest"])


@pytest.mark.parametrize("case", cases("bad_manifests.json"))
def test_what_the_worker_refuses_the_consumer_would_refuse_or_only_the_worker_can(case: Case) -> None:
    if case.get("consumer") == "takes it":
        understood(as_sent(case))
        return
    with pytest.raises((InvalidManifest, InputForbidden)) as caught:
        understood(as_sent(case))
    if isinstance(caught.value, InvalidManifest):
        assert case["says"] in str(caught.value)


@pytest.mark.parametrize("case", cases("views.json"))
def test_a_record_is_one_that_the_consumer_writes(case: Case) -> None:
    if case["record"] is not None:
        record = Status.model_validate(case["record"])
        assert Status.from_bytes(record.to_bytes()) == record
        assert record.model_dump(mode="json") == case["record"]


@pytest.mark.parametrize("case", cases("views.json"))
def test_a_view_is_its_record_without_lease_and_manifest_and_with_what_earlier_clients_read(
    case: Case,
) -> None:
    record, view = case["record"], case["view"]
    own = {"id", "type", "progress", "progress_detail", "error_message", "queue"}
    own |= {"result_url", "poster_url", "preview_url", "sidecar_url"}
    assert set(view) - {"queue"} == (set(Status.model_fields) - {"lease", "manifest"}) | (own - {"queue"})
    assert ("queue" in view) == (record is None)
    assert view["id"] == view["job_id"]
    assert view["progress"] == view["progress_detail"]["percent"]
    if record is not None:
        assert {name: view[name] for name in set(view) - own} == {
            name: record[name] for name in set(record) - {"lease", "manifest", "progress"}
        }
        assert view["progress_detail"] == record["progress"]


def test_the_views_show_every_state_and_more_than_one_attempt() -> None:
    views = [case["view"] for case in content("views.json")]
    assert {view["status"] for view in views} == {"pending", "processing", "completed", "failed", "cancelled"}
    assert {view["attempt"] for view in views} == {0, 1, 2}
    assert {view["type"] for view in views} >= {"single-image", "single-video", "detect-faces", None}


@pytest.mark.parametrize("case", cases("detections.json"))
def test_a_detection_is_one_that_the_consumer_writes_and_its_view_identifies_nobody(case: Case) -> None:
    detection = Detection.model_validate(case["detection"])
    assert read_detection(detection.to_bytes()) == detection
    assert detection.model_dump(mode="json", exclude_none=True) == case["detection"]
    assert keys.is_secret_result(case["key"])
    assert not {"embedding", "identity_model"} & {
        *case["view"],
        *(n for f in case["view"]["faces"] for n in f),
    }
    assert [face["id"] for face in case["view"]["faces"]] == [face.face_id for face in detection.faces]


def first_bytes(case: Case) -> bytes:
    """A file's beginning: where the case says `every`, it stands again after so many bytes."""
    beginning: bytes = case["beginning"].encode("latin-1")
    if every := case.get("every"):
        beginning = beginning.ljust(every, b"\0") * case.get("times", 20)
    return beginning.ljust(SNIFF_BYTES, b"\x55")


@pytest.mark.parametrize("case", cases("media.json"))
def test_both_sides_take_the_same_files_for_the_same_media(case: Case) -> None:
    told = sniff(first_bytes(case))
    if case["type"] is None:
        assert told.kind == "other"
    else:
        assert (told.content_type, told.extension) == (case["type"], case["extension"])


def test_the_worker_is_held_to_every_kind_of_picture_and_video_that_is_read() -> None:
    read = {media.content_type for media in MEDIA_TYPES.values() if media.kind != "other"}
    read.remove("application/ogg")  # told apart only to be refused by its name
    assert {case["type"] for case in content("media.json")} - {None} == read


@pytest.mark.parametrize(
    "case", [(name, pair) for name in ("manifest", "status", "cancel") for pair in KEYS[name]]
)
def test_both_sides_spell_the_keys_of_a_job_alike(case: tuple[str, Case]) -> None:
    name, pair = case
    assert getattr(keys, name)(pair["id"]) == pair["key"]


@pytest.mark.parametrize("pair", KEYS["upload"])
def test_the_id_of_an_upload_is_read_as_its_key(pair: Case) -> None:
    assert parse_reference(pair["id"], allowed_prefixes=PREFIXES) == BucketKey(pair["key"])


def test_the_consumers_own_uploads_have_ids_as_the_workers_have() -> None:
    assert re.fullmatch(SCHEMAS["FileId"]["pattern"], keys.new_upload("png").removeprefix(keys.UPLOADS))


@pytest.mark.parametrize(
    ("schema", "texts", "expected"),
    [
        (schema, texts, name == "valid")
        for schema, both in (("JobId", KEYS["job_ids"]), ("FileId", KEYS["file_ids"]))
        for name, texts in both.items()
    ],
)
def test_the_document_takes_the_same_ids(schema: str, texts: list[str], *, expected: bool) -> None:
    for text in texts:
        assert (re.fullmatch(SCHEMAS[schema]["pattern"], text) is not None) is expected, text


@pytest.mark.parametrize("pair", KEYS["idempotency"])
def test_no_job_reads_what_the_worker_remembers_of_requests(pair: Case) -> None:
    with pytest.raises(InputForbidden):
        parse_reference(pair["key"], allowed_prefixes=PREFIXES)


@pytest.mark.parametrize("text", KEYS["job_ids"]["valid"])
def test_a_jobs_id_is_one_on_both_sides(text: str) -> None:
    assert keys.is_job_id(text)


@pytest.mark.parametrize("text", KEYS["job_ids"]["invalid"])
def test_what_is_no_jobs_id_is_none_on_both_sides(text: str) -> None:
    assert not keys.is_job_id(text)


@pytest.mark.parametrize("key", KEYS["secret_results"]["valid"])
def test_a_result_that_nobody_can_guess_is_one_on_both_sides(key: str) -> None:
    assert keys.is_secret_result(key)


@pytest.mark.parametrize("key", KEYS["secret_results"]["invalid"])
def test_a_result_that_could_be_guessed_is_none_on_both_sides(key: str) -> None:
    assert not keys.is_secret_result(key)
