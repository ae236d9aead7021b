"""`make contract`: infra/worker/openapi.json, anew."""

from tests.contract.document import OPENAPI, rendered

if __name__ == "__main__":
    OPENAPI.write_text(rendered(), encoding="utf-8")
