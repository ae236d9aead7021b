"""JSON schemas of what lies in the bucket, from the models that read and write it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from storage.records.detection import Detection
from storage.records.manifest import PROCESS_TYPES, Manifest, OutputFormat, VideoEncoder
from storage.records.status import ErrorCode, Stage, State, Status, WarningCode

Schema = dict[str, Any]

_REF = "#/components/schemas/"
_NULL: Schema = {"type": "null"}
# Vocabularies that stand in a schema under a name of their own, so that a page can list their words.
_WORDS: dict[str, Any] = {
    "ErrorCode": ErrorCode,
    "JobState": State,
    "OutputFormat": OutputFormat,
    "Stage": Stage,
    "VideoEncoder": VideoEncoder,
    "WarningCode": WarningCode,
}


def bucket_schemas() -> dict[str, Schema]:
    """The schemas by name: of the manifest as it may lie in the inbox, of records and of detections.

    A record's fields are all required, since a record is written whole; what a detection does not know is
    left out of it, so it is optional there and never null.
    """
    manifest = _of(Manifest, "validation")
    manifest["Manifest"]["properties"]["process_type"] = {"$ref": f"{_REF}ProcessType"}
    status = {name: _whole(schema) for name, schema in _of(Status, "serialization").items()}
    detection = {name: _never_null(schema) for name, schema in _of(Detection, "validation").items()}
    return {
        "ProcessType": {"type": "string", "enum": list(PROCESS_TYPES)},
        **{name: TypeAdapter(words).json_schema() for name, words in _WORDS.items()},
        **manifest,
        **status,
        **detection,
    }


def narrowed(schema: Mapping[str, Any], *, without: Iterable[str], more: Mapping[str, Any]) -> Schema:
    """An object's schema less some properties, with others added or in their place."""
    gone = frozenset(without)
    if strange := gone - schema["properties"].keys():
        raise ValueError(f"there is no {', '.join(sorted(strange))} to leave out")
    properties = {name: one for name, one in schema["properties"].items() if name not in gone}
    required = [name for name in schema.get("required", []) if name not in gone]
    return {
        "type": "object",
        **({"description": more["description"]} if "description" in more else {}),
        "properties": {**properties, **more.get("properties", {})},
        "required": list(dict.fromkeys([*required, *more.get("required", [])])),
    }


def _of(model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Schema]:
    _, made = models_json_schema([(model, mode)], ref_template=f"{_REF}{{model}}")
    schemas: dict[str, Schema] = made["$defs"]
    return {name: _plain(schema) for name, schema in schemas.items()}


def _plain(schema: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Without what only pydantic's readers want, and vocabularies by name.

    A default is told in words: readers of OpenAPI that make types take a field with a default for one that
    is always there, which holds for answers and not for requests.
    """
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    for name, words in _WORDS.items():
        if schema.get("enum") == list(get_args(words)):
            return {"$ref": f"{_REF}{name}", **_described(schema)}
    kept = {name: value for name, value in schema.items() if name not in {"title", "default"}}
    if "properties" in kept:
        kept["properties"] = {name: _plain(one) for name, one in kept["properties"].items()}
    kept.update({name: _plain(kept[name]) for name in ("anyOf", "items", "prefixItems") if name in kept})
    if "patternProperties" in kept:
        # Names that fit no pattern would pass as anything.
        [(pattern, values)] = kept.pop("patternProperties").items()
        kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
    return {**kept, **_described(schema)}


def _described(schema: Mapping[str, Any]) -> Schema:
    said = [schema["description"]] if "description" in schema else []
    if isinstance(default := schema.get("default"), str | int):
        said.append(f"Default: {json.dumps(default)}.")
    return {"description": " ".join(said)} if said else {}


def _whole(schema: Schema) -> Schema:
    return {**schema, "required": list(schema["properties"])} if "properties" in schema else schema


def _never_null(schema: Schema) -> Schema:
    properties = {}
    for name, one in schema["properties"].items():
        kinds = [kind for kind in one.get("anyOf", []) if kind != _NULL]
        properties[name] = {**kinds[0], **_described(one)} if len(kinds) == 1 else one
    return {**schema, "properties": properties}
