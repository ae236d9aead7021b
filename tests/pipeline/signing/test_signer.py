"""A signed result is trusted as it is and not otherwise, shows no other face, and tells what was used."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.marks.vocabulary import NAMESPACES
from pipeline.media.packets import png_xmp
from pipeline.media.sniff import SNIFF_BYTES, sniff
from pipeline.signing.keys import sign_with
from pipeline.signing.port import SIGNED_BESIDE, Ingredient, SigningFailed, Statement
from pipeline.signing.reading import Signature, read_signature
from pipeline.signing.signer import C2paSigner
from tests.support.animations import walk
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.clips.make import make
from tests.support.clips.recipes import RECIPES
from tests.support.faces import astronaut, hopper
from tests.support.pictures import save, scene, to_image
from tests.support.ports import free_port
from tests.support.requests import MARK
from tests.support.stamps import stamping

MADE = hierarchy()
SIGNER = C2paSigner(MADE.chain, sign_with(MADE.signer.key), anchors=MADE.root.pem)
STATEMENT = Statement(
    mark=MARK,
    job="order-1042",
    engine="flat 1",
    models={"face.onnx": "sha256:ab"},
    consent={"attested": True, "reference": "form 3"},
)
SOURCE = save(to_image(astronaut()), "JPEG")
TARGET = save(to_image(hopper()), "JPEG")
_FRAMES = [to_image(frame) for frame in walk(3)]


def ingredient(name: str, body: bytes) -> Ingredient:
    return Ingredient(name=name, content_type=sniff(body).content_type, file=body, sha256=f"of {name}")


def signed(
    body: bytes, *, by: C2paSigner = SIGNER, target: bytes = TARGET, source: bytes = SOURCE
) -> tuple[bytes, bytes | None]:
    """A file with its manifest, or beside it."""
    draft = by.draft(STATEMENT, [ingredient("target", target), ingredient("source", source)])
    sink = io.BytesIO()
    manifest = draft.sign(io.BytesIO(body), sink, sniff(body[:SNIFF_BYTES]).content_type)
    return sink.getvalue(), manifest


def read(
    folder: Path, body: bytes, manifest: bytes | None = None, *, made: Hierarchy = MADE
) -> Signature | None:
    path = folder / "file.bin"
    path.write_bytes(body)
    if manifest is not None:
        path.with_suffix(".c2pa").write_bytes(manifest)
    return read_signature(path, sniff(body[:SNIFF_BYTES]), anchors=made.root.pem)


def picture(kind: str) -> Callable[[Path], bytes]:
    return lambda _: save(to_image(scene(64, 48)), kind)


def moving(kind: str) -> Callable[[Path], bytes]:
    return lambda _: save(_FRAMES[0], kind, save_all=True, append_images=_FRAMES[1:], duration=50)


def video(kind: str) -> Callable[[Path], bytes]:
    recipe = replace(RECIPES[kind], count=6)
    return lambda folder: make(folder / f"clip.{recipe.extension}", recipe).read_bytes()


FILES = {
    "jpeg": picture("JPEG"),
    "png": picture("PNG"),
    "webp": picture("WEBP"),
    "avif": picture("AVIF"),
    "gif-moving": moving("GIF"),
    "png-moving": moving("PNG"),
    "webp-moving": moving("WEBP"),
    "mp4": video("plain"),
    "mov": video("mov"),
    "mkv": video("mkv"),
    "webm": video("vp9"),
}
_SPACES = " ".join(f"xmlns:{name}='{uri}'" for name, uri in NAMESPACES.items())


def test_of_two_manifests_that_of_the_files_whole_name_is_its_own(tmp_path: Path) -> None:
    """The other one may be that of a file with another extension; without it, it is taken as before."""
    body = FILES["mkv"](tmp_path)
    _, manifest = signed(body)
    _, foreign = signed(FILES["webm"](tmp_path))
    assert manifest is not None
    assert foreign is not None
    path = tmp_path / "clip.mkv"
    path.write_bytes(body)
    (tmp_path / "clip.c2pa").write_bytes(manifest)
    media = sniff(body[:SNIFF_BYTES])
    old = read_signature(path, media, anchors=MADE.root.pem)
    (tmp_path / "clip.c2pa").write_bytes(foreign)
    (tmp_path / "clip.mkv.c2pa").write_bytes(manifest)
    new = read_signature(path, media, anchors=MADE.root.pem)
    assert [each and each.state for each in (old, new)] == ["trusted", "trusted"]


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_trusted_as_it_is_and_invalid_with_a_byte_flipped(tmp_path: Path, name: str) -> None:
    body = FILES[name](tmp_path)
    result, manifest = signed(body)
    assert (manifest is not None) == (name in SIGNED_BESIDE)
    if manifest is not None:
        assert result == body
    signature = read(tmp_path, result, manifest)
    assert signature is not None
    assert (signature.state, signature.faults) == ("trusted", ())
    assert (signature.signed_by, signature.issued_by) == ("Test Signer", "Test Signer Ltd")
    assert signature.job == "order-1042"
    assert [(each.name, each.relationship, each.state) for each in signature.ingredients] == [
        ("target", "parentOf", "unsigned"),
        ("source", "inputTo", "unsigned"),
    ]
    pixels = SOURCE[SOURCE.index(b"\xff\xda") + 14 :]
    assert not any(
        pixels[at : at + 16] in result + (manifest or b"") for at in range(0, len(pixels) - 16, 97)
    )
    half = len(body) // 2  # where every format has pixels, which signing moves and does not change
    middle = result.index(body[half : half + 20])
    flipped = result[:middle] + bytes((result[middle] ^ 1,)) + result[middle + 1 :]
    changed = read(tmp_path, flipped, manifest)
    assert changed is not None
    assert changed.state == "invalid"
    assert any("mismatch" in fault for fault in changed.faults)


def test_the_source_is_nowhere_in_the_result_nor_any_picture_of_it() -> None:
    body = save(to_image(scene(64, 48)), "PNG")
    result, _ = signed(body)
    added = len(result) - len(body)
    assert added < 20_000
    for start in range(0, len(SOURCE) - 16, 7):
        assert SOURCE[start : start + 16] not in result
    manifest = result.replace(body[33:-12], b"")
    for beginning in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0", b"WEBP"):
        assert manifest.count(beginning) <= (1 if beginning.startswith(b"\x89PNG") else 0)


def test_what_is_vouched_for_is_in_the_manifest() -> None:
    result, _ = signed(save(to_image(scene(64, 48)), "PNG"))
    for words in (b"form 3", b"flat 1", b"face.onnx", b"sha256:ab", b"of target", b"of source", b"job/1"):
        assert words in result
    assert b"compositeWithTrainedAlgorithmicMedia" in result
    assert b"created_assertions" in result
    assert b"gathered_assertions" not in result  # those are of others, and the signer does not vouch for them


def test_what_goes_with_a_result_only_names_what_that_was_made_of(tmp_path: Path) -> None:
    before, _ = signed(TARGET)
    draft = SIGNER.draft(STATEMENT, [ingredient("target", before), ingredient("source", SOURCE)])
    sink, body = io.BytesIO(), save(to_image(scene(64, 48)), "JPEG")
    beside = draft.plain()
    draft.close()
    beside.sign(io.BytesIO(body), sink, "image/jpeg")
    result = sink.getvalue()
    signature = read(tmp_path, result)
    assert signature is not None
    assert (signature.state, signature.faults) == ("trusted", ())
    assert [(each.name, each.state) for each in signature.ingredients] == [
        ("target", "unsigned"),
        ("source", "unsigned"),
    ]
    assert b"of target" in result
    assert len(result) - len(body) < 20_000  # the target's own manifest is not in it again


def test_a_signer_whom_nobody_knows_is_told_apart_from_a_changed_file(tmp_path: Path) -> None:
    result, _ = signed(save(to_image(scene(64, 48)), "PNG"))
    signature = read(tmp_path, result, made=hierarchy())
    assert signature is not None
    assert (signature.state, signature.faults) == ("untrusted", ())


def test_a_file_that_nobody_signed_has_no_signature(tmp_path: Path) -> None:
    assert read(tmp_path, save(to_image(scene(64, 48)), "PNG")) is None
    assert read(tmp_path, FILES["webm"](tmp_path)) is None


def test_a_manifest_that_is_garbage_is_invalid_and_no_error(tmp_path: Path) -> None:
    signature = read(tmp_path, FILES["webm"](tmp_path), b"garbage")
    assert signature is not None
    assert signature.state == "invalid"


def test_a_signed_target_keeps_its_signature_and_one_that_was_changed_is_told(tmp_path: Path) -> None:
    before, _ = signed(TARGET)
    at = before.index(TARGET[-40:-20])
    tampered = before[:at] + bytes((before[at] ^ 1,)) + before[at + 1 :]
    states = {}
    for name, target in (("whole", before), ("tampered", tampered)):
        result, _ = signed(save(to_image(scene(64, 48)), "PNG"), target=target)
        signature = read(tmp_path, result)
        assert signature is not None
        assert signature.state == "trusted"
        states[name] = signature.ingredients[0]
    assert (states["whole"].state, states["whole"].faults) == ("trusted", ())
    assert states["tampered"].state == "invalid"
    assert "mismatch" in states["tampered"].faults[0]


def test_nothing_of_an_inputs_metadata_is_in_the_manifest_but_where_its_own_lies(tmp_path: Path) -> None:
    words = "xmpMM:DocumentID='SECRET1' xmpMM:InstanceID='SECRET2' dcterms:provenance='https://its.example/m'"
    spaces = f"{_SPACES} xmlns:dcterms='http://purl.org/dc/terms/'"
    packet = f"<rdf:RDF {spaces}><rdf:Description {words}/></rdf:RDF>".encode()
    target = save(to_image(hopper()), "JPEG", xmp=packet, comment=b"SECRET3")
    result, _ = signed(save(to_image(scene(64, 48)), "PNG"), target=target)
    assert b"SECRET" not in result
    signature = read(tmp_path, result)
    assert signature is not None
    assert signature.state == "trusted"
    assert [(each.name, each.state, each.faults) for each in signature.ingredients] == [
        ("target", "elsewhere", ()),
        ("source", "unsigned", ()),
    ]
    alone = read(tmp_path, target)
    assert alone is not None
    assert alone.state == "elsewhere"


def test_an_ingredient_of_a_kind_that_c2pa_cannot_read_is_named_all_the_same(tmp_path: Path) -> None:
    bmp, broken = save(to_image(scene(64, 48)), "BMP"), SOURCE[:100]
    result, _ = signed(save(to_image(scene(64, 48)), "PNG"), target=bmp, source=broken)
    signature = read(tmp_path, result)
    assert signature is not None
    assert signature.state == "trusted"
    assert {each.name for each in signature.ingredients} == {"target", "source"}


def test_an_ingredient_whose_manifest_is_garbled_within_is_named_all_the_same(tmp_path: Path) -> None:
    before, _ = signed(TARGET)
    garbled = before.replace(b"fengine", b"\xffengine", 1)  # the CBOR of the assertion breaks off there
    assert garbled != before
    result, _ = signed(save(to_image(scene(64, 48)), "PNG"), target=garbled)
    signature = read(tmp_path, result)
    assert signature is not None
    assert signature.state == "trusted"
    assert {each.name for each in signature.ingredients} == {"target", "source"}


def test_a_time_stamp_is_in_the_signature(tmp_path: Path) -> None:
    with stamping(tmp_path, MADE) as address:
        by = C2paSigner(MADE.chain, sign_with(MADE.signer.key), tsa_url=address, anchors=MADE.root.pem)
        result, _ = signed(save(to_image(scene(64, 48)), "PNG"), by=by)
    signature = read(tmp_path, result)
    assert signature is not None
    assert signature.state == "trusted"
    assert signature.signed_at is not None


def test_an_authority_that_does_not_stamp_fails_the_signing() -> None:
    by = C2paSigner(MADE.chain, sign_with(MADE.signer.key), tsa_url=f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(SigningFailed, match="could not be signed"):
        signed(save(to_image(scene(64, 48)), "PNG"), by=by)


def test_a_key_that_lies_elsewhere_signs_and_its_failure_is_told() -> None:
    asked = list[int]()

    def elsewhere(data: bytes) -> bytes:
        asked.append(len(data))
        return sign_with(MADE.signer.key)(data)

    def away(_: bytes) -> bytes:
        raise OSError("the service is away")

    signed(save(to_image(scene(64, 48)), "PNG"), by=C2paSigner(MADE.chain, elsewhere))
    assert asked
    with pytest.raises(SigningFailed, match="the service is away") as failed:
        signed(save(to_image(scene(64, 48)), "PNG"), by=C2paSigner(MADE.chain, away))
    assert "away" not in failed.value.for_sender
    wrong = sign_with(hierarchy().signer.key)
    with pytest.raises(SigningFailed, match="not the one that is certified"):
        signed(save(to_image(scene(64, 48)), "PNG"), by=C2paSigner(MADE.chain, wrong))


def test_a_png_that_says_nothing_is_named_unread_and_one_that_was_signed_or_tells_of_it_is_read(
    tmp_path: Path,
) -> None:
    plain = save(to_image(scene(64, 48)), "PNG")
    before, _ = signed(plain)
    words = f"<rdf:RDF {_SPACES} xmlns:dcterms='http://purl.org/dc/terms/'>"
    packet = f"{words}<rdf:Description dcterms:provenance='https://its.example/m'/></rdf:RDF>".encode()
    telling = plain[:33] + png_xmp(packet) + plain[33:]
    for target, state in ((plain, "unsigned"), (before, "trusted"), (telling, "elsewhere")):
        signature = read(tmp_path, signed(plain, target=target)[0])
        assert signature is not None
        assert (signature.state, signature.ingredients[0].state) == ("trusted", state)
    cut, _ = signed(plain, target=plain[:-40])
    assert read(tmp_path, cut) is not None
