"""What people come for: a swap from the picture to the file they keep."""

import io
import json
from pathlib import Path

import numpy as np
import requests
from PIL import Image
from playwright.sync_api import Page, expect

from pipeline.face import Bgr
from pipeline.media.packets import picture_claim
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.sniff import sniff
from tests.support.browser import DESK, Pages
from tests.support.buckets import ASTRONAUT, HOPPER
from tests.support.faces import HOPPER_FACE
from tests.support.local_stack import LocalStack
from tests.support.scenes import TILE
from tests.support.swap_page import Card, SwapPage, Words, as_file
from tests.support.web_pictures import FEW_FRAMES, moving_face, three_people


def downloaded(page: Page, card: Card) -> bytes:
    """The file that the browser saves."""
    with page.expect_download() as download:
        card.download.click()
    return Path(download.value.path()).read_bytes()


def pixels(body: bytes) -> Bgr:
    return decode(body, Limits()).bgr


def test_the_sample_is_swapped_and_the_file_that_is_saved_differs_within_the_face(site: SwapPage) -> None:
    site.button("composer.samples.try").click()
    site.start()
    card = site.card("grace-hopper.jpg")
    expect(card.heading).to_be_focused()
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    result = downloaded(site.page, card)
    before, after = pixels(HOPPER), pixels(result)
    assert sniff(result) == sniff(HOPPER)
    assert after.shape == before.shape
    x0, y0, x1, y1 = HOPPER_FACE
    changes = np.abs(after.astype(int) - before)
    assert changes[y0:y1, x0:x1].mean() > 5
    changes[y0 - 40 : y1 + 40, x0 - 40 : x1 + 40] = 0
    assert changes.mean() < 2  # JPEG written anew
    claim = picture_claim(result, sniff(result))
    assert claim is not None
    card.at.get_by_text(site.words("jobs.details.title"), exact=True).click()
    expect(card.at.get_by_text(f"Its id is {claim.output_id}.")).to_be_visible()


def test_what_few_people_change_goes_with_the_swap_and_comes_back_with_it(site: SwapPage) -> None:
    site.button("composer.samples.try").click()
    site.says("composer.options.title").click()
    site.says("composer.options.more").click()
    likeness = site.page.get_by_role("slider", name=site.words("fine.likeness.title"))
    likeness.fill("70")
    site.page.get_by_role("checkbox", name=site.words("fine.fine.title")).check()
    with site.page.expect_request("**/api/process/single-image") as asked:
        site.start()
    assert (asked.value.post_data_json or {})["options"] == {
        "swap_strength": 0.7,
        "pixel_boost": 512,
        "many_faces": False,
    }
    card = site.card("grace-hopper.jpg")
    expect(card.says("warnings.option_ignored")).to_be_visible()  # by the embedded engine, which says so
    likeness.fill("50")
    card.at.get_by_role("button", name=site.words("jobs.again")).click()
    expect(likeness).to_have_value("70")


def test_the_line_between_before_and_after_moves_by_keyboard(site: SwapPage) -> None:
    site.button("composer.samples.try").click()
    site.start()
    slider = site.card("grace-hopper.jpg").slider
    expect(slider).to_have_attribute("aria-valuetext", "50% before")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "51% before")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0% before")


def test_of_three_people_the_one_in_the_middle_is_left_alone(site: SwapPage, stack: LocalStack) -> None:
    site.choose_target(as_file("party.png", three_people()))
    expect(site.found(3)).to_be_visible()
    for person, face in ((1, HOPPER), (3, HOPPER)):
        site.choose_face_of(person, as_file(f"for-{person}.jpg", face))
    for person, chosen in ((1, True), (2, False), (3, True)):
        expect(site.box(person)).to_have_attribute("aria-pressed", str(chosen).lower())
    site.start(2)
    card = site.card("party.png")
    expect(card.says("jobs.done.some", swapped=2, count=3)).to_be_visible()
    record = requests.get(f"{stack.url}/api/status/{card.job_id()}", timeout=10).json()["data"]
    assert [face["swapped"] for face in record["faces"]] == [True, False, True]
    before, after = pixels(three_people()), pixels(downloaded(site.page, card))
    assert (after[:, TILE : 2 * TILE] == before[:, TILE : 2 * TILE]).all()
    for left in (0, 2 * TILE):
        assert (after[:, left : left + TILE] != before[:, left : left + TILE]).any()


def test_a_gif_stays_one_with_all_its_frames(site: SwapPage) -> None:
    site.choose_target(as_file("wave.gif", moving_face(FEW_FRAMES)))
    site.choose_face(as_file("collins.jpg", ASTRONAUT))
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("wave.gif")
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    result = downloaded(site.page, card)
    with Image.open(io.BytesIO(result)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("GIF", FEW_FRAMES)


def test_one_needs_no_mouse(pages: Pages) -> None:
    """Only Tab, Space, Enter and what is typed, from an empty page to the result."""
    site = SwapPage(page=pages.open(**DESK), words=Words("en"))
    reach(site.page, "Try it")
    site.page.keyboard.press("Enter")
    expect(site.button("composer.start", count=1)).to_be_visible()
    reach(site.page, "Everyone shown has agreed to this, and I will say that it is made with AI.")
    site.page.keyboard.press("Space")
    reach(site.page, "Swap 1 face")
    site.page.keyboard.press("Enter")
    card = site.card("grace-hopper.jpg")
    expect(card.heading).to_be_focused()
    expect(card.download).to_be_visible()
    reach(site.page, "Compare before and after")
    site.page.keyboard.press("ArrowLeft")
    expect(card.slider).to_have_attribute("aria-valuetext", "49% before")
    reach(site.page, "Download grace-hopper.jpg")
    with site.page.expect_download() as download:
        site.page.keyboard.press("Enter")
    assert sniff(Path(download.value.path()).read_bytes()) == sniff(HOPPER)


def reach(page: Page, name: str) -> None:
    """Press Tab until what has that name has the focus; raises AssertionError when it is never reached."""
    passed = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus").aria_snapshot()
        if json.dumps(name)[1:-1] in focused:
            return
        passed.append(focused)
    raise AssertionError(f"{name} is not reached by Tab, but: {passed}")
