"""openapi.json is what the consumer's models and routes.yaml say, and says all of it."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from storage.records.detection import Detection
from storage.records.manifest import OF_CONSUMERS, Manifest, Options
from storage.records.status import ErrorCode, Stage, State, Status, WarningCode
from tests.contract.document import OPENAPI, document, rendered
from tests.contract.schemas import narrowed

SCHEMAS: dict[str, Any] = document()["components"]["schemas"]


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def shorthands(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (name for name in node if name.startswith("x-"))
        for each in node.values():
            yield from shorthands(each)
    elif isinstance(node, list):
        for each in node:
            yield from shorthands(each)


def test_the_committed_document_is_what_the_code_says_today() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == rendered(), "run `make contract`"


def test_every_reference_in_it_leads_somewhere() -> None:
    whole = json.loads(rendered())
    for reference in set(references(whole)):
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


def test_nothing_is_left_in_short() -> None:
    assert not list(shorthands(json.loads(rendered())))


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [
        operation["operationId"]
        for path in document()["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ErrorCode", ErrorCode), ("WarningCode", WarningCode), ("Stage", Stage), ("JobState", State)],
)
def test_a_page_can_list_every_word_of_a_vocabulary(name: str, words: object) -> None:
    assert SCHEMAS[name]["enum"] == list(get_args(words))


def test_the_vocabularies_stand_where_records_use_them() -> None:
    assert SCHEMAS["JobError"]["properties"]["code"] == {"$ref": "#/components/schemas/ErrorCode"}
    assert SCHEMAS["JobWarning"]["properties"]["code"] == {"$ref": "#/components/schemas/WarningCode"}
    assert SCHEMAS["Status"]["properties"]["stage"]["$ref"] == "#/components/schemas/Stage"


def test_no_schema_leaves_a_value_unsaid() -> None:
    def unsaid(node: object, path: str) -> Iterator[str]:
        if isinstance(node, list):
            for place, each in enumerate(node):
                yield from unsaid(each, f"{path}.{place}")
        elif isinstance(node, dict):
            if not node.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
                yield path
            for name in ("properties",):
                for inner, each in node.get(name, {}).items():
                    yield from unsaid(each, f"{path}.{inner}")
            for name in ("anyOf", "items", "prefixItems"):
                yield from unsaid(node.get(name, []) or [], f"{path}.{name}")

    assert not [found for name, schema in SCHEMAS.items() for found in unsaid(schema, name)]


def test_a_record_is_written_whole_and_a_manifest_is_not() -> None:
    assert SCHEMAS["Status"]["required"] == list(Status.model_fields)
    assert SCHEMAS["Manifest"]["required"] == ["process_type", "target"]
    assert SCHEMAS["Manifest"]["properties"].keys() == Manifest.model_fields.keys() - OF_CONSUMERS
    assert SCHEMAS["Options"]["properties"].keys() == Options.model_fields.keys()
    assert "required" not in SCHEMAS["Options"]


def test_what_a_detection_does_not_know_is_optional_and_never_null() -> None:
    assert SCHEMAS["Detection"]["properties"].keys() == Detection.model_fields.keys()
    assert "track" not in SCHEMAS["FoundFace"]["required"]
    assert SCHEMAS["FoundFace"]["properties"]["track"] == {"$ref": "#/components/schemas/FaceTrack"}


def test_what_the_worker_shows_holds_no_lease_no_manifest_and_no_identity() -> None:
    assert not {"lease", "manifest"} & SCHEMAS["StatusView"]["properties"].keys()
    assert "embedding" not in SCHEMAS["DetectedFace"]["properties"]
    assert SCHEMAS["DetectionView"]["properties"]["faces"]["items"] == {
        "$ref": "#/components/schemas/DetectedFace"
    }


def test_leaving_out_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no lease to leave out"):
        narrowed({"properties": {}}, without=["lease"], more={})
