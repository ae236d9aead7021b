"""JSON schemas of what lies in the bucket, from the models that read and write it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from storage.records.detection import Detection
from storage.records.manifest import OF_CONSUMERS, PROCESS_TYPES, Manifest, OutputFormat, VideoEncoder
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
    manifest = {name: _asked(schema) for name, schema in _of(Manifest, "validation").items()}
    manifest = {name: schema for name, schema in manifest.items() if name != "Part"}
    for name in OF_CONSUMERS:
        del manifest["Manifest"]["properties"][name]
    manifest["Manifest"]["properties"]["process_type"] = {"$ref": f"{_REF}ProcessType"}
    status = {name: _written_whole(one) for name, one in _of(Status, "serialization").items()}
    detection = {name: _written_as_known(one) for name, one in _of(Detection, "validation").items()}
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
    """Without what only pydantic's readers want, and with vocabularies by name."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name != "title"}
    for name, words in _WORDS.items():
        if kept.get("enum") == list(get_args(words)):
            del kept["enum"], kept["type"]
            kept["$ref"] = f"{_REF}{name}"
    if "properties" in kept:
        kept["properties"] = {name: _plain(one) for name, one in kept["properties"].items()}
    if "patternProperties" in kept:
        # By itself it lets names pass that fit no pattern, with anything in them.
        [(pattern, values)] = kept.pop("patternProperties").items()
        kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
    inner = {name: _plain(kept[name]) for name in ("anyOf", "items", "prefixItems") if name in kept}
    return {**kept, **inner}


def _asked(schema: Schema) -> Schema:
    """What may be left out of a request, its default told in words.

    Makers of types take a field with a default for one that is always there, which requests are not.
    """
    properties = {name: _with_default_in_words(one) for name, one in schema["properties"].items()}
    return {**schema, "properties": properties}


def _with_default_in_words(schema: Schema) -> Schema:
    kept, default = _without_default(schema), schema.get("default")
    known = isinstance(default, str | int | float)
    return {**kept, "description": f"Default: {json.dumps(default)}."} if known else kept


def _without_default(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name != "default"}


def _written_whole(schema: Schema) -> Schema:
    properties = {name: _without_default(one) for name, one in schema["properties"].items()}
    return {**schema, "properties": properties, "required": list(properties)}


def _written_as_known(schema: Schema) -> Schema:
    properties = {}
    for name, one in schema["properties"].items():
        kinds = [kind for kind in one.get("anyOf", ()) if kind != _NULL]
        properties[name] = kinds[0] if len(kinds) == 1 else _without_default(one)
    return {**schema, "properties": properties}
