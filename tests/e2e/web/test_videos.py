"""Videos through the page: from the file that is chosen to the one that plays."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import requests
from playwright.sync_api import Locator, expect

from pipeline.face import Bgr
from pipeline.media.sniff import sniff
from tests.support.browser import DESK, Pages
from tests.support.buckets import ASTRONAUT
from tests.support.local_stack import LocalStack
from tests.support.players import answers_for, play_to_the_end, seek
from tests.support.swap_page import Card, SwapPage, Words, as_file
from tests.support.web_clips import FRAMES, MANY_FRAMES, RATE, SIDE, cut_off, grace, many_frames, two_people

_CANCELLED_S = 5.0
_LENGTH_S = float(FRAMES / RATE)
_FACE = as_file("collins.png", ASTRONAUT)


def frames(body: bytes) -> list[Bgr]:
    """All frames of a video, as a plain decoder gives them."""
    with av.open(io.BytesIO(body), "r") as file:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in file.decode(video=0)]


def sounds(body: bytes) -> list[bytes]:
    with av.open(io.BytesIO(body), "r") as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def change(before: list[Bgr], after: list[Bgr], columns: slice) -> float:
    """By how much the pixels of some columns differ on the whole."""
    pairs = zip(before, after, strict=True)
    return float(np.mean([np.abs(a[:, columns].astype(int) - b[:, columns]).mean() for a, b in pairs]))


def player(card: Card) -> Locator:
    """The result, as it can be played."""
    return card.at.get_by_label(card.words.like("jobs.done.picture_after"))


def saved(site: SwapPage, card: Card) -> bytes:
    with site.page.expect_download() as download:
        card.download.click()
    return Path(download.value.path()).read_bytes()


def test_a_video_is_swapped_and_plays_to_its_end_with_its_sound(site: SwapPage) -> None:
    site.choose_target(as_file("clip.mp4", grace()))
    chosen = site.page.get_by_label("clip.mp4", exact=True)
    expect(chosen).to_have_js_property("videoWidth", 320)
    expect(site.found(1)).to_be_visible()
    site.choose_face(_FACE)
    fetched = answers_for(site.page, "/api/download/")
    site.start()
    card = site.card("clip.mp4")
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    video = player(card)
    expect(video).to_have_attribute("poster", "/api/download/" + card.job_id() + "/poster")
    end = play_to_the_end(video)
    assert (end.width, end.height, end.ended, end.trouble) == (320, SIDE, True, None)
    assert end.at == pytest.approx(_LENGTH_S, abs=0.15)
    assert seek(video, 0.5).at == pytest.approx(0.5)
    assert {status for status, piece in fetched if piece} == {206}
    result = saved(site, card)
    assert sniff(result).name == "mp4"
    assert change(frames(grace()), frames(result), slice(80, 240)) > 3
    assert sounds(result) == sounds(grace())
    site.button("jobs.done.compare").click()
    before = card.at.get_by_label(site.words("jobs.done.picture_before", name="clip.mp4"))
    expect(before).to_have_js_property("videoWidth", 320)
    card.slider.press("Home")
    expect(card.slider).to_have_attribute("aria-valuetext", "0% before")
    seek(video, 1.0)
    expect(before).to_have_js_property("currentTime", 1.0)


def test_of_two_people_in_a_video_one_is_left_alone(site: SwapPage, stack: LocalStack) -> None:
    site.choose_target(as_file("party.mp4", two_people()))
    expect(site.found(2)).to_be_visible()
    for person in (1, 2):
        expect(site.person(person).get_by_text("0:00\N{EN DASH}0:01")).to_be_visible()
    site.choose_face_of(1, _FACE)
    site.start()
    card = site.card("party.mp4")
    expect(card.says("jobs.done.some", swapped=1, count=2)).to_be_visible()
    record = requests.get(f"{stack.url}/api/status/{card.job_id()}", timeout=10).json()["data"]
    assert [face["swapped"] for face in record["faces"]] == [True, False]
    before, after = frames(two_people()), frames(saved(site, card))
    assert change(before, after, slice(SIDE)) > 3
    assert change(before, after, slice(SIDE, None)) < 2
    assert play_to_the_end(player(card)).width == 2 * SIDE


def test_a_video_that_is_worked_on_is_told_in_frames_and_stops_soon(site: SwapPage) -> None:
    site.choose_target(as_file("long.mp4", many_frames()))
    site.choose_face(_FACE)
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("long.mp4")
    expect(card.at.get_by_text(site.words.like("jobs.bar.fps"))).to_be_visible()
    expect(card.at.get_by_text(f"of {MANY_FRAMES} frames")).to_be_visible()
    card.cancel.click()
    expect(card.says("jobs.cancelled.title")).to_be_visible(timeout=_CANCELLED_S * 1000)


def test_a_damaged_video_is_told_and_leads_to_another_one(site: SwapPage, pages: Pages) -> None:
    pages.forgive("status of 422")
    site.choose_target(as_file("broken.mp4", cut_off()))
    expect(site.says("errors.media_corrupt")).to_be_visible()
    expect(site.button("composer.look_again")).to_have_count(0)
    with site.page.expect_file_chooser() as chooser:
        site.button("jobs.mend.target_video").click()
    chooser.value.set_files(as_file("clip.ts", grace(extension="ts")))
    expect(site.found(1)).to_be_visible()
    expect(site.says("errors.media_corrupt")).to_have_count(0)


def test_a_part_of_the_page_that_could_not_be_fetched_is_fetched_again(site: SwapPage, pages: Pages) -> None:
    pages.forgive("ERR_FAILED")
    site.page.route("**/VideoOptions-*.js", lambda route: route.abort(), times=1)
    site.choose_target(as_file("clip.mp4", grace()))
    site.says("composer.options.title").click()
    expect(site.says("composer.options.sound.help")).to_be_visible()
    assert "VideoOptions" in "".join(pages.faults)


@pytest.mark.parametrize(("extension", "codec"), [("avi", "mpeg4"), ("mp4", "libx265")])
def test_what_the_browser_cannot_play_is_used_all_the_same(
    site: SwapPage, extension: str, codec: str
) -> None:
    site.choose_target(as_file(f"clip.{extension}", grace(extension=extension, codec=codec)))
    expect(site.says("composer.no_preview")).to_be_visible()
    expect(site.found(1)).to_be_visible()
    expect(site.page.locator("video")).to_have_count(0)


def send(stack: LocalStack, encoder: str) -> str:
    """A job on a short video that is to be encoded so; its id."""

    def data(method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 -- JSON, and what requests takes
        answer = requests.request(method, f"{stack.url}{path}", timeout=30, **request)
        assert answer.ok, answer.text
        return answer.json()["data"]

    files = [data("PUT", "/api/uploads", data=body)["fileId"] for body in (ASTRONAUT, grace())]
    asked = dict(zip(("source", "target"), files, strict=True))
    options = {"video_encoder": encoder}
    asked |= {"options": options, "consent": {"attested": True}}
    job_id: str = data("POST", "/api/process/single-video", json=asked)["jobId"]
    return job_id


@pytest.mark.parametrize("encoder", ["libx264", "libvpx-vp9", "libsvtav1"])
def test_results_play_from_any_place_whatever_they_are_encoded_with(
    pages: Pages, stack: LocalStack, encoder: str
) -> None:
    job_id = send(stack, encoder)
    page = pages.open("about:blank", **DESK)
    fetched = answers_for(page, f"/api/download/{job_id}.mp4")
    page.goto(f"{stack.url}/?job={job_id}")
    card = SwapPage(page=page, words=Words("en")).card(f"Swap {job_id[:8]}")
    video = player(card)
    expect(video).to_have_js_property("videoWidth", 320)
    assert seek(video, 1.0).at == pytest.approx(1.0)
    end = play_to_the_end(video)
    assert (end.width, end.ended, end.trouble) == (320, True, None)
    assert end.at == pytest.approx(_LENGTH_S, abs=0.15)
    assert fetched
    assert all(status == 206 and piece for status, piece in fetched)


def test_a_result_that_the_browser_cannot_play_is_shown_by_its_preview(
    pages: Pages, stack: LocalStack
) -> None:
    job_id = send(stack, "libx265")
    page = pages.open(f"/?job={job_id}", **DESK)
    site = SwapPage(page=page, words=Words("en"))
    card = site.card(f"Swap {job_id[:8]}")
    expect(card.says("video.preview_shown")).to_be_visible()
    shown = play_to_the_end(card.at.get_by_label(site.words("video.preview"), exact=True))
    assert (shown.width, shown.ended, shown.trouble) == (320, True, None)
    assert len(frames(saved(site, card))) == FRAMES
