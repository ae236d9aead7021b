"""The dashboard and the alert rules speak only of metrics that a consumer has."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from consumer.telemetry.metrics import Metrics
from consumer.triggers.survey import Survey

FOLDER = Path(__file__).parents[2] / "infra" / "monitoring"
METRIC = re.compile(r"\b(?:swapdrop|process)_[a-z_]+")
LABELS = re.compile(r"(?:by \(([a-z, ]+)\)|([a-z]+)\s*(?:=~|!~|!=|=)\s*\")")


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
    return found


def queries() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """The names in the text of a consumer that has seen everything once."""
    metrics = Metrics()
    metrics.watch(in_flight=lambda: 0, device_busy_s=lambda: 0)
    metrics.job_ended(status="completed", code=None, attempt=1, total_s=1, timings_ms={"swap": 1})
    metrics.decided({"content": "passed"})
    metrics.webhook_ended("delivered")
    metrics.signing_until(datetime.now(UTC))
    metrics.store_call("put", "ok", 0.1)
    metrics.inbox_seen(Survey(entries=1, oldest_s=2.0, ignored=3, not_understood=1))
    names = re.findall(r"^([a-z_]+)(?:\{| )", metrics.render().decode(), re.MULTILINE)
    return set(names)


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_every_query_asks_for_metrics_that_exist(query: str, exported: set[str]) -> None:
    assert set(METRIC.findall(query)) <= exported | {"up"}
    assert query.count("(") == query.count(")")
    known = {
        "status",
        "code",
        "stage",
        "op",
        "outcome",
        "check",
        "decision",
        "le",
        "instance",
        "job",
        "namespace",
    }
    asked = {name for pair in LABELS.findall(query) for part in pair for name in part.split(", ") if name}
    assert asked <= known


def test_every_metric_of_ours_is_shown_on_the_dashboard(exported: set[str]) -> None:
    shown = METRIC.findall(json.dumps(dashboard()))
    parts = re.compile(r"_(bucket|sum|count|created|total)$")
    ours = {parts.sub("", name) for name in exported if name.startswith("swapdrop_")}
    assert ours - {parts.sub("", name) for name in shown} <= {"swapdrop_info"}


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_numbers_that_only_grow_are_counters_and_long_jobs_have_buckets() -> None:
    metrics = Metrics()
    metrics.watch(in_flight=lambda: 0, device_busy_s=lambda: 2.5)
    metrics.job_ended(status="completed", code=None, attempt=1, total_s=500, timings_ms={})
    text = metrics.render().decode()
    assert "# TYPE swapdrop_device_busy_seconds_total counter" in text
    assert "\nswapdrop_device_busy_seconds_total 2.5\n" in text
    assert 'swapdrop_job_seconds_bucket{le="600.0",status="completed"} 1.0' in text


def test_jobs_that_a_drain_gives_back_are_no_alert() -> None:
    [retries] = [rule for rule in rules() if rule["alert"] == "SwapdropRetries"]
    assert 'status="pending", code!=""' in retries["expr"]


def test_an_inbox_that_was_not_looked_at_is_not_told_as_empty() -> None:
    """A consumer that starts again and again would hide by it how long jobs wait."""
    metrics = Metrics()
    assert b"swapdrop_inbox" not in metrics.render()
    for _ in range(2):
        metrics.inbox_seen(Survey(entries=1, oldest_s=2.5))
    assert b"swapdrop_inbox_oldest_seconds 2.5" in metrics.render()
