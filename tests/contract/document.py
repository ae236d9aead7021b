"""The HTTP contract as one OpenAPI document: routes written by hand, schemas from the consumer's models."""

import json
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.contract.schemas import Schema, bucket_schemas, narrowed

WORKER = Path(__file__).parents[2] / "infra" / "worker"
ROUTES = WORKER / "routes.yaml"
OPENAPI = WORKER / "openapi.json"


def rendered() -> str:
    """The document as it lies in the repository: the same bytes each time."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """routes.yaml with what it says in short written out, and all schemas."""
    routes: dict[str, Any] = _written_out(yaml.safe_load(ROUTES.read_text(encoding="utf-8")))
    schemas = bucket_schemas()
    for name, schema in routes["components"]["schemas"].items():
        schemas[name] = _derived(schema, schemas)
    routes["components"]["schemas"] = dict(sorted(schemas.items()))
    return routes


def _derived(schema: Schema, known: dict[str, Schema]) -> Schema:
    """A schema made of another one where it says so: `x-of` names it, `x-without` what is not taken over."""
    if "x-of" not in schema:
        return schema
    return narrowed(known[schema["x-of"]], without=schema.get("x-without", ()), more=schema)


def _written_out(node: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Write out `x-data: Name` as the content of an answer that holds it in the envelope."""
    if isinstance(node, list):
        return [_written_out(each) for each in node]
    if not isinstance(node, dict):
        return node
    written = {str(key): _written_out(value) for key, value in node.items() if key != "x-data"}
    if "x-data" in node:
        schema = {
            "type": "object",
            "properties": {
                "success": {"type": "boolean", "const": True},
                "data": {"$ref": f"#/components/schemas/{node['x-data']}"},
            },
            "required": ["success", "data"],
        }
        written["content"] = {"application/json": {"schema": schema}}
    return written
