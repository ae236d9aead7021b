"""What docs/web.md says of the HTTP interface is what its contract says."""

import json
import re

from infra.local.programs import ROOT, WORKER

TEXT = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
CONTRACT = json.loads((WORKER / "openapi.json").read_text(encoding="utf-8"))


def test_every_route_of_the_contract_is_described_and_no_other() -> None:
    described = {
        (method, path)
        for path, methods in CONTRACT["paths"].items()
        for method in map(str.upper, methods)
        if method != "PARAMETERS"
    }
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)`(?:, `([A-Z]+)`)? \|", TEXT, re.MULTILINE)
    told = {(method, path) for *methods, path in ((*row[::2], row[1]) for row in rows) for method in methods}
    in_passing = set(re.findall(r"`([A-Z]+) (/api/[\w-]+)`", TEXT))
    assert {(method, path) for method, path in told if method} | in_passing == described


def test_every_code_of_a_refusal_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| [\d, ]+ \| ([^|]+) \|", TEXT, re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert told == set(CONTRACT["components"]["schemas"]["RefusalCode"]["enum"])
