"""What goes wrong is said in a sentence, with the next step, and nothing is lost by it."""

import json

import pytest
from playwright.sync_api import Dialog, expect

from storage import keys
from tests.support.browser import Pages
from tests.support.buckets import ASTRONAUT, HOPPER
from tests.support.local_stack import LocalStack
from tests.support.s3_servers import plain_client
from tests.support.swap_page import SwapPage, as_file
from tests.support.web_pictures import large_portrait, nobody

_BLOCK_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, {get() { throw new DOMException("blocked", "SecurityError") }})"""
_PAGE = b"<!doctype html><script>alert(1)</script>"
_DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def test_a_picture_without_a_face_leads_to_another_one(site: SwapPage) -> None:
    site.choose_target(as_file("portrait.jpg", HOPPER))
    site.choose_face(as_file("wall.png", nobody()))
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("portrait.jpg")
    expect(card.says("errors.no_face_in_source")).to_be_visible()
    card.at.get_by_role("button", name="Choose another face").click()
    site.change_face(as_file("collins.jpg", ASTRONAUT))
    expect(site.page.get_by_text("collins.jpg")).to_be_visible()
    expect(site.found(1)).to_be_visible()
    site.start()
    expect(site.card("portrait.jpg").says("jobs.done.all", count=1)).to_be_visible()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("portrait.jpg", _PAGE, id="a page called a picture"),
        pytest.param("portrait.png", _DRAWING, id="a drawing that can run scripts"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(
    site: SwapPage, pages: Pages, name: str, body: bytes
) -> None:
    pages.forgive("status of 415")
    site.choose_target(as_file(name, body))
    expect(site.says("errors.unsupported_media")).to_be_visible()
    site.choose_target(as_file("portrait.jpg", HOPPER))
    expect(site.found(1)).to_be_visible()


def test_an_upload_goes_on_where_it_was_when_the_connection_is_back(site: SwapPage, pages: Pages) -> None:
    pages.forgive("ERR_INTERNET_DISCONNECTED")
    context = site.page.context
    network = context.new_cdp_session(site.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}
    network.send("Network.emulateNetworkConditions", slow)
    site.choose_target(as_file("large.bmp", large_portrait()))
    bar = site.page.get_by_role("progressbar", name="Uploading large.bmp")
    expect(bar).not_to_have_attribute("aria-valuenow", "0")
    context.set_offline(True)
    expect(site.says("composer.held")).to_be_visible()
    expect(site.page.get_by_text("large.bmp").first).to_be_visible()
    context.set_offline(False)
    expect(site.found(1)).to_be_visible()


def test_a_result_that_did_not_come_for_want_of_a_connection_is_shown_once_there_is_one(
    site: SwapPage, pages: Pages
) -> None:
    pages.forgive("ERR_CONNECTION_RESET")
    site.page.route("**/api/download/*", lambda route: route.abort("connectionreset"), times=3)
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("grace-hopper.jpg")
    expect(card.says("jobs.done.not_shown")).to_be_visible()
    result = card.at.get_by_role("img", name=site.words("jobs.done.picture_after", name="grace-hopper.jpg"))
    expect(result).to_be_visible()


def test_files_that_are_deleted_by_now_are_to_be_chosen_anew(
    site: SwapPage, pages: Pages, stack: LocalStack
) -> None:
    pages.forgive("status of 404")
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("grace-hopper.jpg")
    expect(card.slider).to_be_visible()
    [kept] = json.loads(site.page.evaluate("localStorage.getItem('swapdrop.jobs')"))
    request = kept["note"]["request"]
    for file in (request["target"], request["everyone"]):
        plain_client(stack.bucket).delete_object(Bucket="swapdrop", Key=keys.UPLOADS + file["fileId"])
    site.page.reload()
    card.at.get_by_role("button", name="Swap again").click()
    expect(site.says("errors.upload_not_found")).to_be_visible()
    expect(site.says("composer.no_preview")).to_have_count(0)
    expect(site.button("jobs.mend.target")).to_be_visible()
    site.choose_target(as_file("portrait.jpg", HOPPER))
    expect(site.found(1)).to_be_visible()
    site.start()
    site.card("portrait.jpg").at.get_by_role("button", name="Choose another face").click()


def test_who_leaves_before_a_swap_that_was_started_is_sent_is_asked(site: SwapPage) -> None:
    page = site.page
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 300_000}
    network.send("Network.emulateNetworkConditions", slow)
    site.choose_target(as_file("large.bmp", large_portrait()))
    site.choose_face(as_file("collins.jpg", ASTRONAUT))
    site.consent.check()
    site.button("composer.start_none").click()
    expect(site.says("composer.missing.sending")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.evaluate("location.reload()")
    network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    expect(site.card("large.bmp").says("jobs.done.all", count=1)).to_be_visible()
    assert asked == ["beforeunload"]
    page.reload()  # now that it is sent, nobody is asked
    assert asked == ["beforeunload"]


def test_where_storage_is_blocked_the_page_works_all_the_same(site: SwapPage) -> None:
    site.page.add_init_script(_BLOCK_STORAGE)
    site.page.reload()
    site.button("composer.samples.try").click()
    expect(site.found(1)).to_be_visible()
    site.start()
    expect(site.card("grace-hopper.jpg").says("jobs.done.all", count=1)).to_be_visible()
