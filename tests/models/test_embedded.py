"""The shipped weights: present, unchanged, and named where they must be."""

from pathlib import Path

import pytest

from models import embedded
from models.errors import ModelUnavailable


def test_every_shipped_weight_is_the_one_the_status_record_names() -> None:
    weights = embedded.embedded_weights()
    for name, digest in weights.items():
        assert embedded.embedded_path(name).name == name
        assert digest.startswith("sha256:")
    folder = Path(embedded.__file__).parent
    data = {path.name for path in folder.iterdir() if path.suffix in {".onnx", ".npz", ".json"}}
    assert set(weights) == data


def test_a_changed_weight_is_refused_by_name(tmp_path: Path) -> None:
    content = bytearray(embedded.embedded_path(embedded.TOPOLOGY).read_bytes())
    content[1000] ^= 1
    (tmp_path / embedded.TOPOLOGY).write_bytes(content)
    with pytest.raises(ModelUnavailable, match=embedded.TOPOLOGY):
        embedded.embedded_path(embedded.TOPOLOGY, tmp_path)


def test_a_missing_weight_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=embedded.EMBEDDING):
        embedded.embedded_path(embedded.EMBEDDING, tmp_path)


def test_the_notice_names_every_shipped_weight() -> None:
    notice = (Path(embedded.__file__).parent / "NOTICE").read_text()
    assert all(name in notice for name in embedded.embedded_weights())
