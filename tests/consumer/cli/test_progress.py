"""On a terminal the bar, log lines and results each have lines of their own."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.cli.progress import print_warnings, print_warnings_of
from storage.records.status import JobWarning

_RESULTS = [f"results/job-{number}/1.png" for number in range(5)]
_WORK = f"""
import time
import structlog
from consumer.cli.progress import reporting
from consumer.config.settings import Settings

with reporting(Settings()) as reporter:
    for number, result in enumerate({_RESULTS}):
        reporter.move("working", done=number, total=5)
        time.sleep(0.15)
        structlog.get_logger().warning("something", number=number)
        reporter.result(result)
        reporter.fault("picture", "It is damaged.", "media_corrupt")
"""
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _on_terminal(stdout: Path | None) -> str:
    """Run the work with a terminal as standard error; and as standard output, unless that is a file."""
    ours, theirs = pty.openpty()
    with (stdout or Path(os.devnull)).open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", _WORK],
            stdin=subprocess.DEVNULL,
            stdout=file if stdout else theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "60"},
        )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how a terminal ends on Linux
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(30) == 0, shown.decode()
    return shown.decode()


def _lines(shown: str) -> list[str]:
    """What stays on a screen, roughly: of each line what was written after it was last erased."""
    lines = []
    for line in shown.replace("\r\n", "\n").split("\n"):
        kept = line.rpartition("\x1b[2K")[2].rpartition("\r")[2]
        lines.append(_CODES.sub("", kept).rstrip())
    return [line for line in lines if line]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_bar_shares_no_line_with_results_logs_or_faults() -> None:
    shown = _on_terminal(None)
    assert "working" in shown
    lines = _lines(shown)
    for result in _RESULTS:
        assert result in lines
    assert sum("something" in line for line in lines) == 5
    assert not [line for line in lines if "working" in line and ("something" in line or "results" in line)]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_results_reach_standard_output_while_a_bar_is_shown(tmp_path: Path) -> None:
    shown = _on_terminal(tmp_path / "out")
    assert (tmp_path / "out").read_text().splitlines() == _RESULTS
    assert "working" in shown
    assert not [result for result in _RESULTS if result in shown]


def test_a_warning_of_a_batch_names_what_it_is_about_and_of_many_the_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    changed, basic = (
        JobWarning(code="container_changed", message="It is MP4 now."),
        JobWarning(code="basic_engine", message="It is a sketch."),
    )
    everywhere = [(f"{name}.png", basic) for name in "abcde"]
    print_warnings_of([("film.webm", changed), *everywhere])
    print_warnings([basic, basic])
    assert capsys.readouterr().err.splitlines() == [
        "container_changed (film.webm) It is MP4 now.",
        "basic_engine (a.png, b.png, c.png and 2 more) It is a sketch.",
        "basic_engine It is a sketch.",
    ]
