"""What people are told to type for an extra that is not installed."""

import re
import shlex

import pytest

from consumer.config.extras import how_to_add
from infra.local.programs import ROOT

SENTENCES = [
    *(path for room in ("consumer", "models", "pipeline", "storage") for path in (ROOT / room).rglob("*.py")),
    *(path for room in ("docs", "infra") for path in (ROOT / room).glob("*.md")),
    ROOT / "README.md",
]


@pytest.mark.parametrize(
    ("extra", "package"),
    [("c2pa", "c2pa-python"), ("demo", "moto[s3]"), ("otel", "opentelemetry-sdk"), ("ray", "ray")],
)
def test_the_packages_of_an_extra_are_named_for_this_environment(extra: str, package: str) -> None:
    command = shlex.split(how_to_add(extra))
    assert command[:4] == ["uv", "pip", "install", "--python"]
    assert package in {re.split("[<>=]", word)[0] for word in command[5:]}


@pytest.mark.parametrize("extra", ["c2pa", "demo", "otel", "ray", "runpod"])
def test_nothing_is_named_that_would_bring_ourselves_or_a_second_opencv(extra: str) -> None:
    packages = " ".join(shlex.split(how_to_add(extra))[5:])
    assert packages
    assert not re.search("swapdrop|opencv|insightface|onnxruntime", packages)


def test_nobody_is_told_to_install_us_by_a_name_that_anybody_may_register() -> None:
    said = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SENTENCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"swapdrop\[\w|pip install swapdrop", line)
    ]
    assert said == []
