"""The local S3 server must never outlive whoever started it."""

import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from consumer.cli.local_s3 import LocalS3Unavailable, run_local_s3

_PARENT = """
import time
from consumer.cli.local_s3 import run_local_s3
with run_local_s3() as server:
    print(server.endpoint_url, flush=True)
    time.sleep(60)
"""


def test_the_server_ends_with_its_block() -> None:
    with run_local_s3() as server:
        assert _answers(server.endpoint_url)
    assert not _answers(server.endpoint_url)


def test_the_server_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", _PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert _answers(url)
        parent.kill()
    for _ in range(100):
        if not _answers(url):
            return
        time.sleep(0.1)
    pytest.fail("the server lives on without its parent")


def test_missing_packages_are_named_by_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.cli.local_s3.find_spec", lambda _name: None)
    with pytest.raises(LocalS3Unavailable, match=r"`demo`: uv pip install .* 'moto\[s3\]"), run_local_s3():
        pass


def _answers(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5).close()
    except OSError:
        return False
    return True
