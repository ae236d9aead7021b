"""Marks of whole results as other programs read them, in every format and container that is written."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.marks.claims import Claim, read_packet
from pipeline.marks.provenance import xmp_packet
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.sniff import SNIFF_BYTES, sniff
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encoders import EncoderName
from pipeline.media.video.packets import video_claim
from tests.corpus.judge import request_for, swap
from tests.pipeline.signing.test_signer import signed
from tests.support.animations import walk
from tests.support.clips.make import make
from tests.support.clips.recipes import RECIPES
from tests.support.exiftool import said
from tests.support.ffprobe import tags
from tests.support.pictures import save, scene, to_image
from tests.support.videos import MARK, produce

_IMAGE = to_image(scene(48, 36))
_FRAMES = [to_image(frame) for frame in walk(3)]
_MOVES: Final[dict[str, Any]] = {"save_all": True, "append_images": _FRAMES[1:], "duration": 50}
_TARGETS: Final = {
    "jpeg": save(_IMAGE, "JPEG"),
    "png": save(_IMAGE, "PNG"),
    "webp": save(_IMAGE, "WEBP"),
    "avif": save(_IMAGE, "AVIF", speed=10),
    "gif-moving": save(_FRAMES[0], "GIF", **_MOVES),
    "png-moving": save(_FRAMES[0], "PNG", **_MOVES),
    "webp-moving": save(_FRAMES[0], "WEBP", **_MOVES),
}
_CLIPS: Final[dict[str, tuple[str, EncoderName]]] = {
    "mp4": ("plain", "libx264"),
    "mov": ("mov", "libx264"),
    "mkv": ("mkv", "libx264"),
    "webm": ("vp9", "libvpx-vp9"),
}


@pytest.mark.parametrize("name", _TARGETS)
@pytest.mark.parametrize("signs", [False, True], ids=["unsigned", "signed"])
def test_exiftool_reads_the_mark_of_every_format_of_pictures(
    tmp_path: Path, name: str, *, signs: bool
) -> None:
    path = tmp_path / "result"
    body = swap(request_for(_TARGETS[name])).data
    path.write_bytes(signed(body)[0] if signs else body)
    found = said(path)
    assert found["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert (found["AISystemUsed"], str(found["AISystemVersionUsed"])) == ("swapdrop", "1")
    assert found["Credit"]
    assert json.loads(found["Aigc"]) == {
        "Label": "1",
        "ContentProducer": found["Credit"],
        "ProduceID": found["InstanceID"],
    }
    assert found["History"][0]["Action"] == "edited"
    assert found["ModifyDate"] == "2026:01:01 00:00:00Z"


@pytest.mark.parametrize("name", ["jpeg", "png", "png-moving"])
def test_exiftool_reads_the_signed_manifest_where_it_knows_how(tmp_path: Path, name: str) -> None:
    path = tmp_path / "result"
    path.write_bytes(signed(_TARGETS[name])[0])
    found = said(path)
    assert found["JUMDLabel"] == "c2pa"
    assert (found["Job"], found["Id"], found["Engine"]) == ("order-1042", "job/1", "flat 1")
    assert found["Inputs"] == {"target": "of target", "source": "of source"}
    assert [each["action"] for each in found["Actions"]] == ["c2pa.opened", "c2pa.edited"]
    assert found["Actions"][1]["digitalSourceType"] == DIGITAL_SOURCE_TYPE


@pytest.mark.parametrize("to", ["jpeg", "png", "webp", "avif"])
def test_exiftool_reads_the_marks_of_inputs_among_the_ingredients(tmp_path: Path, to: OutputFormat) -> None:
    earlier = (Claim(system="Generator", provider="Others", aigc='{"Label": "1"}', output_id="theirs"),)
    packet = xmp_packet(replace(MARK, earlier=earlier))
    path = tmp_path / "result"
    path.write_bytes(swap(request_for(_TARGETS["png"]), to, mark=replace(MARK, earlier=earlier)).data)
    [ingredient] = said(path)["Ingredients"]
    assert ingredient["AISystemUsed"] == "Generator"
    assert ingredient["Credit"] == "Others"
    assert ingredient["InstanceID"] == "theirs"
    assert packet in path.read_bytes()


@pytest.mark.parametrize("name", _CLIPS)
def test_ffprobe_and_exiftool_read_the_mark_of_every_container_of_videos(tmp_path: Path, name: str) -> None:
    kind, encoder = _CLIPS[name]
    target = make(tmp_path / f"target.{RECIPES[kind].extension}", replace(RECIPES[kind], count=12))
    made = produce(target, tmp_path, ToneMapper(), encoder=encoder)
    assert made.joined.media.name == name
    found = {key.lower(): value for key, value in tags(made.path).items()}
    assert found["digitalsourcetype"] == DIGITAL_SOURCE_TYPE
    assert found["aisystemused"] == "swapdrop"
    assert json.loads(found["aigc"])["ProduceID"] == found["instanceid"] == MARK.output_id
    if name in ("mp4", "mov"):
        assert said(made.path)["AISystemUsed"] == "swapdrop"
    else:
        assert found["xmp"] == xmp_packet(MARK).decode()
    assert video_claim(made.path, sniff(made.path.read_bytes()[:SNIFF_BYTES])) == read_packet(
        xmp_packet(MARK)
    )
