"""Where a certificate is configured every result is signed as a whole job makes it, or is not handed out."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.jobs.signer import open_signer
from pipeline.media.sniff import SNIFF_BYTES, sniff
from pipeline.signing.manifest import ASSERTION
from pipeline.signing.reading import Signature, read_signature
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.certificates import Hierarchy, Wanted, but, hierarchy
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, ended, reached, running, upload_pair
from tests.support.pictures import save, to_image
from tests.support.ports import free_port
from tests.support.reels import ReelEngine, reel, still

CONSENT = {"attested": True, "reference": "form 3"}


def settings_of(made: Hierarchy, folder: Path) -> dict[str, str]:
    """The settings that sign by a hierarchy."""
    written = made.write(folder)
    return {name.removeprefix("SWAPDROP_").lower(): path for name, path in written.items()}


async def done(store: MemoryStore, folder: Path, made: Hierarchy, *, target: bytes | None = None) -> Status:
    pair = await upload_pair(store, target=target)
    async with running(store, FlatEngine(), **settings_of(made, folder)):
        return await ended(store, await announce(store, {**pair, "consent": CONSENT}))


async def signature_of(store: MemoryStore, status: Status, folder: Path, made: Hierarchy) -> Signature:
    assert status.result is not None, status.error
    return read(folder, (await store.get(status.result.key, max_bytes=10**6)).body, made)


def read(folder: Path, body: bytes, made: Hierarchy) -> Signature:
    path = folder / "result"
    path.write_bytes(body)
    signature = read_signature(path, sniff(body[:SNIFF_BYTES]), anchors=made.root.pem)
    assert signature is not None
    return signature


def pixels_of(file: bytes) -> bytes:
    """The compressed pixels of a PNG with one chunk of them."""
    start = file.index(b"IDAT") + 4
    return file[start : start + int.from_bytes(file[start - 8 : start - 4])]


async def test_a_picture_is_signed_and_its_record_says_by_whom(tmp_path: Path) -> None:
    store, made = MemoryStore(), hierarchy()
    status = await done(store, tmp_path, made)
    signature = await signature_of(store, status, tmp_path, made)
    assert signature.state == "trusted"
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.signed_by == "Test Signer"
    assert status.result.sidecar is None
    body = (tmp_path / "result").read_bytes()
    assert ASSERTION.encode() in body
    assert b"form 3" in body
    assert signature.job == status.job_id
    assert status.manifest is not None
    assert str(status.manifest["source"]).encode() not in body


async def test_what_moves_is_signed_in_its_file(tmp_path: Path) -> None:
    store, made = MemoryStore(), hierarchy()
    frames = [to_image(picture(colour=colour)) for colour in ((200, 120, 40), (120, 200, 40), (40, 120, 200))]
    target = save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    status = await done(store, tmp_path, made, target=target)
    assert (await signature_of(store, status, tmp_path, made)).state == "trusted"
    assert status.result is not None
    assert status.result.frames == 3


async def test_the_poster_and_the_preview_of_a_video_are_signed_as_it_is(tmp_path: Path) -> None:
    store, made, source = MemoryStore(), hierarchy(), png(picture(colour=(90, 10, 70)))
    clip = reel(tmp_path / "clip.mp4", {0: still(40, 20)}, frames=10)
    pair = await upload_pair(store, source=source, target=clip.read_bytes())
    async with running(store, ReelEngine(), **settings_of(made, tmp_path)):
        status = await ended(store, await announce(store, {"process_type": "single-video", **pair}))
    assert status.result is not None, status.error
    for key in (status.result.key, status.result.poster, status.result.preview):
        assert key is not None
        body = (await store.get(key, max_bytes=10**6)).body
        signature = read(tmp_path, body, made)
        assert (signature.state, signature.faults) == ("trusted", ())
        assert [(each.name, each.relationship) for each in signature.ingredients] == [
            ("target", "parentOf"),
            ("source", "inputTo"),
        ]
        assert pixels_of(source) not in body


async def test_a_result_that_is_a_target_again_is_an_ingredient_with_its_signature(tmp_path: Path) -> None:
    store, made = MemoryStore(), hierarchy()
    two = picture(faces=((4, 4, 24, 24), (40, 10, 16, 16)))
    await signature_of(store, await done(store, tmp_path, made, target=png(two)), tmp_path, made)
    first = (tmp_path / "result").read_bytes()
    again = await signature_of(store, await done(store, tmp_path, made, target=first), tmp_path, made)
    assert [(each.name, each.state) for each in again.ingredients] == [
        ("target", "trusted"),
        ("source", "unsigned"),
    ]


async def test_what_cannot_be_signed_is_not_handed_out_and_the_cause_is_the_operators(tmp_path: Path) -> None:
    store = MemoryStore()
    pair = await upload_pair(store)
    settings = {**settings_of(hierarchy(), tmp_path), "c2pa_tsa": f"http://127.0.0.1:{free_port()}/secret"}
    async with running(store, FlatEngine(), **settings):
        job = await announce(store, pair)
        status = await reached(store, job, lambda status: status.error is not None)
    assert status.error is not None
    assert status.error.code == "output_invalid"
    assert status.error.retryable
    assert "could not be signed" in status.error.message
    assert "secret" not in json.dumps(status.model_dump(mode="json"))
    assert not (await store.list("results/")).objects


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (but(begins=timedelta(days=-2), ends=timedelta(days=-1)), "has expired"),
        (but(purposes=()), "is for another purpose"),
    ],
)
def test_a_certificate_that_will_not_do_ends_the_start_with_a_sentence(
    tmp_path: Path, wanted: Wanted, sentence: str
) -> None:
    settings = Settings.model_validate(settings_of(hierarchy(wanted), tmp_path))
    with pytest.raises(SettingsError, match=sentence):
        open_signer(settings)


def test_the_key_of_another_certificate_ends_the_start(tmp_path: Path) -> None:
    mixed = replace(hierarchy(), authority=hierarchy().authority)
    settings = settings_of(mixed, tmp_path)
    (tmp_path / "key.pem").write_bytes(hierarchy().signer.key_pem)
    with pytest.raises(SettingsError, match="does not belong"):
        open_signer(Settings.model_validate(settings))


def test_without_a_certificate_nothing_is_signed() -> None:
    assert open_signer(Settings()) is None


def test_half_a_signer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="go together"):
        open_signer(Settings(c2pa_chain=tmp_path / "chain.pem"))


@pytest.mark.parametrize(("days", "warnings"), [(30, 0), (3, 1)])
async def test_a_certificate_that_expires_soon_is_told_by_health_and_metrics(
    tmp_path: Path, days: int, warnings: int
) -> None:
    made = hierarchy(but(ends=timedelta(days=days)))
    async with running(MemoryStore(), FlatEngine(), **settings_of(made, tmp_path)) as consumer:
        told = consumer.health().warnings
        until = consumer.metrics.registry.get_sample_value("swapdrop_certificate_expiry_timestamp_seconds")
    assert len(told) == warnings
    assert all("Test Signer expires on" in warning for warning in told)
    assert until == made.chain.expires_at.timestamp()
