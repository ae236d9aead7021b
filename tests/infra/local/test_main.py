"""What the local stack says where it cannot start."""

import socket
from pathlib import Path

import pytest

from infra.local import __main__ as local


def test_a_taken_port_is_an_error_that_names_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert local.main(["--port", str(port), "--data", str(tmp_path)]) == 1
    assert f"Port {port} is taken" in (told := capsys.readouterr().err)
    assert "make web PORT=0" in told


def test_missing_packages_are_an_error_that_names_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "MODULES", tmp_path / "node_modules")
    assert local.main(["--port", "0", "--data", str(tmp_path)]) == 1
    assert "`make web`" in capsys.readouterr().err


def test_a_folder_without_a_chain_is_an_error_that_names_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "MODULES", tmp_path)
    assert local.main(["--port", "0", "--data", str(tmp_path), "--signing", str(tmp_path)]) == 1
    assert f"`swapdrop provenance init {tmp_path}`" in capsys.readouterr().err
