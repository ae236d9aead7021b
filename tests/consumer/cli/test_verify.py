"""`swapdrop verify` tells what a file says of its making, to people and programs, and no more than that."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from consumer.engines.registry import WATERMARK_DECODER
from pipeline.face import Bgr
from pipeline.marks.claims import Claim
from pipeline.marks.provenance import xmp_packet
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE, DIGITAL_SOURCE_TYPES
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.packets import append_xmp
from tests.support.clips.kinds import clip
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe
from tests.support.command import swapdrop
from tests.support.model_files import entry
from tests.support.pictures import save, scene, to_image
from tests.support.requests import MARK
from tests.support.standins.watermark import build_decoder, watermarker

MARKED = replace(
    MARK,
    earlier=(
        Claim(
            digital_source_type=f"{DIGITAL_SOURCE_TYPES}trainedAlgorithmicMedia",
            system="[red]Generator",
            provider="Others",
        ),
    ),
)


def picture(folder: Path) -> Path:
    path = folder / "result.webp"
    path.write_bytes(save(to_image(scene(32, 24)), "WEBP", xmp=xmp_packet(MARKED)))
    return path


def test_people_read_how_a_picture_came_to_be_and_what_that_is_worth(tmp_path: Path) -> None:
    ended = swapdrop("verify", picture(tmp_path))
    assert ended.exit_code == 0
    for words in (
        "a WebP picture",
        "altered: a part was made by a trained model",
        "swapdrop 1",
        "us",
        "2026-01-01T00:00:00Z",
        "job/1",
        '"ProduceID": "job/1"',
        "made by a trained model, by [red]Generator, run by Others",
        "prove nothing",
    ):
        assert words in ended.stdout


def test_programs_read_the_same_as_json(tmp_path: Path) -> None:
    ended = swapdrop("verify", picture(tmp_path), "--json")
    found = json.loads(ended.stdout)
    assert (found["kind"], found["marked"]) == ("webp", True)
    assert found["marks"]["digital_source_type"] == DIGITAL_SOURCE_TYPE
    assert found["marks"]["output_id"] == "job/1"
    assert found["marks"]["earlier"][0]["system"] == "[red]Generator"


def test_a_video_is_verified_without_being_decoded(tmp_path: Path) -> None:
    path = clip(tmp_path, "plain")
    assert swapdrop("verify", path).exit_code == 1
    append_xmp(path, xmp_packet(MARKED))
    ended = swapdrop("verify", path, "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["marks"]["system"] == "swapdrop"


@pytest.fixture
def decoder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for what finds watermarks, in a folder of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    model = build_decoder(folder / WATERMARK_DECODER)
    (tmp_path / "own.toml").write_text(entry(WATERMARK_DECODER, model, "mit"))
    for name, value in {"CATALOGUE": "own.toml", "MODELS_DIR": "models", "CACHE_DIR": "cache"}.items():
        monkeypatch.setenv(f"SWAPDROP_{name}", str(tmp_path / value))


def marked_picture(folder: Path, *, hidden: str | None, named: str | None) -> Path:
    """A grey WebP in which one id is hidden and another one named, or the same."""
    bgr = np.full((180, 320, 3), 120, np.uint8)
    if hidden is not None:
        picture = Picture(bgr=bgr, alpha=None, media=MEDIA_TYPES["webp"])
        watermarker(folder).on_picture(picture, hidden)
    xmp = xmp_packet(replace(MARK, watermark=named))
    path = folder / "marked.webp"
    path.write_bytes(save(to_image(bgr), "WEBP", xmp=xmp, lossless=True))
    return path


@pytest.mark.usefixtures("decoder_here")
@pytest.mark.parametrize(
    ("hidden", "named", "said", "matches"),
    [
        ("9b04e67f", "9b04e67f", "there: 9b04e67f, as the marks say (32 of 32 bits)", True),
        (None, "9b04e67f", "none found, although the marks name 9b04e67f", False),
        ("9b04e67f", "64fb1980", "none found, although the marks name 64fb1980", False),
        (None, None, "none found", False),
    ],
)
def test_a_watermark_is_looked_for_and_held_against_the_marks(
    tmp_path: Path, hidden: str | None, named: str | None, said: str, *, matches: bool
) -> None:
    path = marked_picture(tmp_path, hidden=hidden, named=named)
    assert said in swapdrop("verify", path).stdout
    found = json.loads(swapdrop("verify", path, "--json").stdout)
    assert found["watermarks_looked_for"] is True
    assert found["watermark"]["named_by_marks"] == named
    assert (found["watermark"]["matches"], found["watermark"]["is_there"]) == (matches, matches)
    if hidden is not None:
        assert found["watermark"]["mark_id"] == hidden


@pytest.mark.usefixtures("decoder_here")
def test_a_file_whose_pixels_cannot_be_read_is_verified_all_the_same(tmp_path: Path) -> None:
    body = save(to_image(scene(200, 160)), "JPEG", xmp=xmp_packet(MARK))
    path = tmp_path / "cut.jpg"
    path.write_bytes(body[: len(body) * 3 // 4])
    ended = swapdrop("verify", path)
    assert ended.exit_code == 0
    assert "not looked for: The file is damaged" in " ".join(ended.stdout.split())


def test_without_the_network_nobody_says_that_there_is_no_watermark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MODELS_DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"SWAPDROP_{name}", str(tmp_path / "none"))
    path = marked_picture(tmp_path, hidden=None, named="9b04e67f")
    words = " ".join(swapdrop("verify", path).stdout.split())
    assert "not looked for; that needs a file: swapdrop models pull rivagan_decoder.onnx" in words
    found = json.loads(swapdrop("verify", path, "--json").stdout)
    assert (found["watermarks_looked_for"], found["watermark"]) == (False, None)


@pytest.mark.usefixtures("decoder_here")
def test_a_watermark_is_found_in_a_video(tmp_path: Path) -> None:
    """In its first key frame; the stand-in's is a frame brighter on one side of each block."""
    hider = watermarker(tmp_path)

    def draw(number: int, width: int, height: int) -> Bgr:
        bgr = np.full((height, width, 3), 120, np.uint8)
        if not number:
            hider.on_picture(Picture(bgr=bgr, alpha=None, media=MEDIA_TYPES["png"]), "9b04e67f")
        return bgr

    options = {"preset": "veryfast", "crf": "5", "g": "5"}
    path = make(tmp_path / "film.mp4", Recipe(count=12, size=(320, 180), options=options, draw=draw))
    append_xmp(path, xmp_packet(replace(MARK, watermark="9b04e67f")))
    assert "there: 9b04e67f, as the marks say" in swapdrop("verify", path).stdout


def test_a_file_without_marks_is_not_said_to_be_genuine(tmp_path: Path) -> None:
    path = tmp_path / "plain.bmp"
    path.write_bytes(save(to_image(scene(32, 24)), "BMP"))
    ended = swapdrop("verify", path)
    assert ended.exit_code == 1
    assert "It may be altered all the same" in ended.stdout
    assert json.loads(swapdrop("verify", path, "--json").stdout)["marks"] is None


@pytest.mark.parametrize(
    ("body", "sentence"), [(b"%PDF-1.7", "give a picture or a video"), (None, "is not a file")]
)
def test_what_cannot_be_looked_at_is_a_sentence(tmp_path: Path, body: bytes | None, sentence: str) -> None:
    path = tmp_path / "file"
    if body is not None:
        path.write_bytes(body)
    ended = swapdrop("verify", path)
    assert ended.exit_code == 2
    assert sentence in ended.stderr
    assert ended.stdout == ""
