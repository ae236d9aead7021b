"""`swapdrop verify` tells what a file says of its making, to people and programs, and no more than that."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.marks.claims import Claim
from pipeline.marks.provenance import xmp_packet
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE, DIGITAL_SOURCE_TYPES
from pipeline.media.video.packets import append_xmp
from tests.support.clips import clip
from tests.support.command import swapdrop
from tests.support.pictures import save, scene, to_image
from tests.support.requests import MARK

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
