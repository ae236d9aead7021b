"""What a file says of its making, from the swap that wrote it to the window that checks it."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import Page, expect

from pipeline.marks.claims import Claim
from pipeline.marks.provenance import xmp_packet
from pipeline.marks.vocabulary import NAMESPACES
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encoders import EncoderName
from pipeline.signing.keys import sign_with
from pipeline.signing.port import Ingredient, Statement
from pipeline.signing.signer import C2paSigner
from tests.corpus.judge import request_for, swap
from tests.support.animations import walk
from tests.support.browser import Pages
from tests.support.buckets import HOPPER
from tests.support.certificates import hierarchy
from tests.support.check_window import open_check
from tests.support.clips.make import make
from tests.support.clips.recipes import RECIPES
from tests.support.local_stack import LocalStack
from tests.support.pictures import save, scene, to_image
from tests.support.swap_page import SwapPage
from tests.support.videos import MARK, produce

_IMAGE: Final = to_image(scene(48, 36))
_XMP_TAG: Final = 700  # of a TIFF (XMP specification, part 3, 3.2.1)
_EARLIER: Final = Claim(system="Generator", provider="Others", output_id="theirs", aigc='{"Label": "2"}')
_MARK: Final = replace(MARK, earlier=(_EARLIER,))
_CLIPS: Final[dict[str, EncoderName]] = {
    "plain": "libx264",
    "mov": "libx264",
    "mkv": "libx264",
    "vp9": "libvpx-vp9",
}
_COPY_A_PICTURE: Final = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 32});
    canvas.getContext("2d").fillRect(0, 0, 16, 16);
    const picture = await new Promise(resolve => canvas.toBlob(resolve, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({"image/png": picture})]);
}"""


def pictures() -> dict[str, bytes]:
    """A marked picture of each format."""
    frames = [to_image(frame) for frame in walk(3)]
    moves: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 50}
    targets = {kind: save(_IMAGE, kind) for kind in ("JPEG", "PNG", "WEBP", "AVIF")}
    targets["GIF"] = save(frames[0], "GIF", **moves)
    made = {f"a.{kind.lower()}": swap(request_for(body), mark=_MARK).data for kind, body in targets.items()}
    made["a.tiff"] = save(_IMAGE, "TIFF", tiffinfo={_XMP_TAG: xmp_packet(_MARK)})
    return made


def test_a_swap_is_seen_from_consent_to_the_check_of_its_file(site: SwapPage, stack: LocalStack) -> None:
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    site.wait_until_sent()
    site.button("composer.start", count=1).click()
    expect(site.says("composer.missing.consent")).to_be_visible()
    expect(site.consent).to_be_focused()
    site.start()
    card = site.card("grace-hopper.jpg")
    expect(card.says("jobs.done.marked")).to_be_visible()
    record = requests.get(f"{stack.url}/api/status/{card.job_id()}", timeout=10).json()["data"]
    marks = record["result"]["marks"]
    expect(card.at.get_by_text(f"Its id is {marks['output_id']}.")).to_be_visible()
    expect(card.at.get_by_text(site.words("details.signed", signer=marks["signed_by"]))).to_be_visible()
    with site.page.expect_download() as download:
        card.download.click()
    result = Path(download.value.path()).read_bytes()

    window = open_check(site)
    window.drop("result.jpg", result)
    expect(window.says("verdict.trusted.title")).to_be_visible()
    assert window.told("says.id") == [marks["output_id"]]
    assert window.told("says.kind") == [site.words("check.kinds.compositeWithTrainedAlgorithmicMedia")]
    assert window.told("signature.signer") == [marks["signed_by"]]
    assert [each.split(",")[0] for each in window.told("signature.ingredient")] == [
        site.words("check.uses.parentOf"),
        site.words("check.uses.inputTo"),
    ]
    middle = len(result) // 2
    window.drop("changed.jpg", result[:middle] + bytes((result[middle] ^ 1,)) + result[middle + 1 :])
    expect(window.says("verdict.changed.title")).to_be_visible()
    assert window.told("signature.fault") == [site.words("check.faults.changed")]
    assert {each.method for each in window.requests} == {"GET"}  # nothing was sent


def test_a_signature_by_a_stranger_is_told_as_one(site: SwapPage) -> None:
    stranger = hierarchy()
    statement = Statement(mark=MARK, job="walk", engine="", models={}, consent=None)
    body = save(_IMAGE, "PNG")
    files = [
        Ingredient(name=name, content_type="image/png", file=body, sha256="") for name in ("target", "source")
    ]
    draft = C2paSigner(stranger.chain, sign_with(stranger.signer.key)).draft(statement, files)
    with io.BytesIO() as sink:
        draft.sign(io.BytesIO(body), sink, "image/png")
        signed = sink.getvalue()
    window = open_check(site)
    window.drop("signed.png", signed)
    expect(window.says("verdict.untrusted.title")).to_be_visible()
    assert window.told("signature.signer") == ["Test Signer"]


def test_only_a_file_that_may_be_signed_has_the_library_fetched_into_a_worker_of_its_own_policy(
    site: SwapPage,
) -> None:
    window = open_check(site)
    window.drop("plain.jpg", HOPPER)
    expect(window.says("verdict.none.title")).to_be_visible()
    assert not [each for each in window.requests if each.url.endswith(".wasm")]
    spaces = " ".join(f"xmlns:{name}='{uri}'" for name, uri in NAMESPACES.items())
    spaces += " xmlns:dcterms='http://purl.org/dc/terms/'"
    remote = f"<rdf:RDF {spaces}><rdf:Description dcterms:provenance='https://its.example/m'/></rdf:RDF>"
    window.drop("remote.jpg", save(_IMAGE, "JPEG", xmp=remote.encode()))
    expect(window.says("verdict.elsewhere.title")).to_be_visible()
    assert len([each for each in window.requests if each.url.endswith(".wasm")]) == 1
    [worker] = {each.url for each in window.requests if "/workers/" in each.url}
    policy = requests.get(worker, timeout=10).headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'"
    # What was dropped into the window is not the picture to change.
    site.page.keyboard.press("Escape")
    expect(site.button("composer.target.choose")).to_be_visible()


def test_the_marks_of_every_format_are_told(site: SwapPage, tmp_path: Path) -> None:
    window = open_check(site)
    for name, body in pictures().items():
        window.drop(name, body)
        assert window.told("says.id") == [MARK.output_id], name
        assert "Generator" in " ".join(window.told("says.earlier")), name
        expect(window.says("verdict.marked.title")).to_be_visible()
    for kind, encoder in _CLIPS.items():
        recipe = replace(RECIPES[kind], count=6)
        target = make(tmp_path / f"target.{recipe.extension}", recipe)
        made = produce(target, tmp_path, ToneMapper(), encoder=encoder)
        window.drop(made.path.name, made.path.read_bytes())
        assert window.told("says.id") == [MARK.output_id], kind
        expect(window.says("beside")).to_have_count(int(kind in ("mkv", "vp9")))


def test_without_a_connection_it_says_so_and_does_it_when_asked_again(site: SwapPage, pages: Pages) -> None:
    pages.forgive("ERR_|Failed to fetch")
    window = open_check(site)
    site.page.context.set_offline(True)
    window.drop("marked.png", pictures()["a.png"])
    expect(window.says("failed")).to_be_visible()
    site.page.context.set_offline(False)
    site.button("check.again").click()
    expect(window.says("verdict.marked.title")).to_be_visible()


@pytest.mark.parametrize("loaded", [True, False])
def test_what_is_pasted_while_the_window_is_open_is_sent_nowhere(
    page: Page, site: SwapPage, pages: Pages, *, loaded: bool
) -> None:
    pages.forgive("ERR_FAILED")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(_COPY_A_PICTURE)
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method != "GET" else None)
    if not loaded:
        page.route("**/assets/Check-*.js*", lambda route: route.abort())
    site.button("common.header.check").focus()
    page.keyboard.press("Enter")
    expect(site.says("check.here") if loaded else page.get_by_role("dialog")).to_be_visible()
    # As after a button that is gone since, or in browsers that give buttons no focus.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+V")
    if loaded:
        expect(site.says("check.verdict.none.title")).to_be_visible()
    page.keyboard.press("Escape")
    expect(site.button("composer.target.choose")).to_be_visible()
    assert not sent


def test_what_is_no_picture_is_said_to_be_none(site: SwapPage) -> None:
    window = open_check(site)
    window.drop("page.html", b"<!doctype html><rdf:RDF></rdf:RDF>")
    expect(window.says("unknown")).to_be_visible()
