"""The local stack comes up whole and leaves nothing behind."""

from pathlib import Path

import pytest
import requests

from tests.support.local_stack import LocalStack, local_stack


def test_health_tells_the_limits_and_that_consent_is_asked(stack: LocalStack) -> None:
    health = requests.get(f"{stack.url}/health", timeout=10).json()
    assert health["status"] == "healthy"
    assert health["limits"] == {"upload": 50_000_000, "video": 2_000_000_000}
    assert health["require_consent"] is True


def processes_of(data: Path) -> list[str]:
    """Commands of all processes that name this folder, or run a consumer on a bucket that lies in it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
        except OSError:
            continue  # it has ended
        if str(data) in command:
            found.append(command.replace("\0", " "))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.usefixtures("stack")  # it has built the page
def test_told_to_end_it_leaves_no_process(tmp_path: Path) -> None:
    with local_stack(tmp_path / "data", "--built") as started:
        assert processes_of(started.data)
        assert started.terminate() == 0
        assert processes_of(started.data) == []
    assert "drained" in (started.data / "consumer.log").read_text()
