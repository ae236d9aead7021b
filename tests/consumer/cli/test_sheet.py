"""The contact sheet shows what was done, to anybody, whatever the files are called."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from consumer.cli.sheet import Card, card, pixels, thumbnail_side, write_sheet
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits
from tests.support.pictures import every_format, save, scene, to_image, with_alpha

_VOID = {"meta", "img", "link", "br"}


class _Page(HTMLParser):
    """Collects what is on a page, and that its elements are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.sources: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(tmp_path: Path, *cards: Card) -> _Page:
    write_sheet(tmp_path / "sheet.html", cards, title="Holiday")
    return _Page((tmp_path / "sheet.html").read_text(encoding="utf-8"))


def _shown(page: _Page) -> list[Bgr]:
    bodies = [base64.b64decode(source.partition(",")[2]) for source in page.sources]
    found = [cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) for body in bodies]
    return [np.asarray(picture, np.uint8) for picture in found]


def test_a_page_shows_before_and_after_in_their_proportions_and_needs_nothing_else(tmp_path: Path) -> None:
    before, after = scene(400, 200), np.full((200, 400, 3), 90, np.uint8)
    page = _page(tmp_path, card("a.jpg", before, after, side=100, facts=("mesh", "1 of 2 faces")))
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "script" not in page.tags
    one, other = _shown(page)
    assert one.shape == other.shape == (50, 100, 3)
    assert abs(int(other.mean()) - 90) <= 1
    assert "a.jpg" in page.text
    assert "mesh · 1 of 2 faces" in page.text
    assert "1 picture;" in page.text


def test_names_and_messages_cannot_break_the_page(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>{style}'
    page = _page(tmp_path, card(evil, scene(8, 8), None, side=20, facts=(evil,), error=f"No {evil}"))
    assert "script" not in page.tags
    assert page.text.count(evil) == 3
    assert "1 failed" in page.text


def test_a_name_that_is_no_text_is_still_written(tmp_path: Path) -> None:
    _page(tmp_path, card("half \udce4 name.jpg", None, None, side=20))


def test_small_faces_are_shown_close_and_large_ones_are_not_shown_twice(tmp_path: Path) -> None:
    before = scene(1000, 800)
    after = before.copy()
    after[300:340, 500:540] = (0, 0, 255)
    small = card("a", before, after, side=100, boxes=[(500, 300, 40, 40)])
    *_, close = _shown(_page(tmp_path, small))
    assert ((close[..., 2] > 200) & (close[..., 0] < 60)).mean() > 0.1
    assert len(card("a", before, after, side=100, boxes=[(100, 100, 700, 600)]).views) == 1
    assert len(card("a", before, after[:400], side=100, boxes=[(500, 300, 40, 40)]).views) == 1


def test_a_face_beyond_the_edge_breaks_nothing() -> None:
    picture = scene(300, 300)
    assert card("a", picture, picture, side=50, boxes=[(-40, -40, 60, 60), (290, 5, 30, 30)]).views
    assert len(card("a", picture, picture, side=50, boxes=[(-90, -90, 20, 20)]).views) == 1


def test_what_can_be_decoded_is_shown_and_what_cannot_is_not() -> None:
    for name, file in every_format(scene(40, 30)).items():
        shown = pixels(file, Limits())
        assert shown is not None, name
        assert shown.shape == (30, 40, 3), name
    assert pixels(save(to_image(scene(40, 30)), "PNG"), Limits(max_pixels=1199)) is None
    assert pixels(b"<html>", Limits()) is None
    clear = pixels(save(with_alpha(scene(40, 30)), "PNG"), Limits())
    assert clear is not None
    assert clear[:, -1].min() == 255


def test_a_page_of_many_pictures_stays_bounded(tmp_path: Path) -> None:
    assert thumbnail_side(1) > thumbnail_side(300) > thumbnail_side(1500)
    noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3)).astype(np.uint8)
    worst = card("a.jpg", noise, noise, side=thumbnail_side(2500))
    write_sheet(tmp_path / "sheet.html", [worst] * 2500, title="Many")
    text = (tmp_path / "sheet.html").read_text()
    assert len(text) < 150e6
    assert len(re.findall("<article>", text)) == 2000
    assert "the last 500 are left out" in text
