"""Logs: one JSON object a line, no local variables in tracebacks, libraries only when they warn."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from consumer.telemetry.logs import configure_logging
from tests.support.jobs import quick_settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], _ = before
    root.setLevel(before[1])
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(password: str) -> None:
    raise ValueError(f"{len(password)} letters")


def test_away_from_a_terminal_each_event_is_one_json_object() -> None:
    stream = io.StringIO()
    configure_logging(quick_settings(), stream)
    structlog.get_logger().info("job", job_id="abc", status="completed")
    [line] = lines(stream)
    assert (line["event"], line["job_id"], line["level"]) == ("job", "abc", "info")
    assert str(line["timestamp"]).endswith("Z")


def test_libraries_go_through_the_same_lines_from_warning_on() -> None:
    stream = io.StringIO()
    configure_logging(quick_settings(), stream)
    logging.getLogger("botocore").info("chatter")
    logging.getLogger("botocore").warning("trouble with %s", "something")
    [line] = lines(stream)
    assert (line["event"], line["logger"]) == ("trouble with something", "botocore")


@pytest.mark.parametrize("log_format", ["json", "pretty"])
def test_a_traceback_is_there_and_shows_no_local_variables(log_format: str) -> None:
    stream = io.StringIO()
    configure_logging(quick_settings(log_format=log_format), stream)
    try:
        fail("-".join(["hush"] * 2))
    except ValueError:
        structlog.get_logger().exception("unforeseen_error")
    assert "ValueError: 9 letters" in stream.getvalue()
    assert "hush-hush" not in stream.getvalue()


def test_events_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging(quick_settings(log_level="warning"), stream)
    structlog.get_logger().info("job")
    structlog.get_logger().warning("inbox_unreachable")
    assert [line["event"] for line in lines(stream)] == ["inbox_unreachable"]
