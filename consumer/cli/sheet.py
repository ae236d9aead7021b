"""The contact sheet: every picture before and after on one page, for people who would rather look."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from consumer.client.files import write_whole
from pipeline.errors import InputError
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.encode import encode, on_white

Box = tuple[float, float, float, float]  # x, y, width, height in pixels

_SIDES: Final = ((100, 420), (500, 260), (2000, 160))  # up to how many pictures, how large: at most ~40 MB
_QUALITY: Final = 82
_AROUND: Final = 0.6  # of the longer side of the faces' common box, shown around it
_CLOSE: Final = 0.5  # of the picture's longer side: faces that take more need no close-up


@dataclass(frozen=True, kw_only=True)
class Card:
    """One picture of the sheet; `views` are JPEG thumbnails before and after, the whole picture first."""

    name: str
    views: tuple[tuple[bytes | None, bytes | None], ...]
    facts: tuple[str, ...] = ()
    error: str | None = None


def thumbnail_side(pictures: int) -> int:
    """Longer side in pixels of the thumbnails of a sheet of so many pictures."""
    return next((side for most, side in _SIDES if pictures <= most), _SIDES[-1][1])


def pixels(file: bytes, limits: Limits) -> Bgr | None:
    """What of a picture file is shown: (h, w, 3) uint8 BGR on white; None if it cannot be decoded."""
    try:
        picture = decode(file, limits)
    except InputError:  # its job says what is wrong with it
        return None
    if picture.alpha is None:
        return picture.bgr
    return on_white(picture.bgr, picture.alpha)


def card(
    name: str,
    before: Bgr | None,
    after: Bgr | None,
    *,
    side: int,
    boxes: Sequence[Box] = (),
    facts: Sequence[str] = (),
    error: str | None = None,
) -> Card:
    """Make a card of two (h, w, 3) uint8 BGR pictures, each of which may be missing.

    Faces that are small in the picture, at `boxes` of it, are shown close as well.
    """
    views = [(before, after)]
    if before is not None and after is not None:
        region = _around(boxes, before.shape[:2])
        if region is not None and before.shape == after.shape:
            views.append((before[region], after[region]))
    return Card(
        name=name,
        views=tuple((_thumbnail(one, side), _thumbnail(other, side)) for one, other in views),
        facts=tuple(facts),
        error=error,
    )


def write_sheet(path: Path, cards: Sequence[Card], *, title: str) -> None:
    """Write the page: one file that needs nothing beside it, and no script; raises OSError."""
    shown = cards[: _SIDES[-1][0]]
    failed = sum(each.error is not None for each in cards)
    told = [f"{len(cards)} picture{'s' if len(cards) != 1 else ''}"]
    told += [f"{failed} failed"] if failed else []
    told += [f"the last {len(cards) - len(shown)} are left out here"] if len(cards) > len(shown) else []
    page = _PAGE.format(
        title=escape(title),
        told=", ".join(told),
        style=_STYLE,
        cards="\n".join(_article(each) for each in shown),
    )
    write_whole(path, page.encode(errors="replace"))


def _around(boxes: Sequence[Box], shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """The rows and columns around all boxes; None without any, or where they fill the picture."""
    if not boxes:
        return None
    x, y, width, height = np.array(boxes).T
    x0, y0, x1, y1 = x.min(), y.min(), (x + width).max(), (y + height).max()
    margin = _AROUND * max(x1 - x0, y1 - y0)
    rows, columns = (
        slice(max(0, int(low - margin)), min(limit, int(high + margin)))
        for low, high, limit in ((y0, y1, shape[0]), (x0, x1, shape[1]))
    )
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    return (rows, columns) if 0 < longest < _CLOSE * max(shape) else None


def _thumbnail(picture: Bgr | None, side: int) -> bytes | None:
    if picture is None:
        return None
    factor = side / max(picture.shape[:2])
    size = [max(1, round(length * factor)) for length in picture.shape[1::-1]]
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
    return encode(small, None, to="jpeg", quality=_QUALITY, xmp=None).data


def _article(each: Card) -> str:
    views = "".join(
        f'<div class="pair">{_image(one, f"{each.name}, before")}{_image(other, f"{each.name}, after")}</div>'
        for one, other in each.views
    )
    facts = f"<p>{escape(' · '.join(each.facts))}</p>" if each.facts else ""
    error = f'<p class="error">{escape(each.error)}</p>' if each.error else ""
    return f"<article><h2>{escape(each.name)}</h2>{views}{facts}{error}</article>"


def _image(jpeg: bytes | None, label: str) -> str:
    if jpeg is None:
        return '<div class="none">no picture</div>'
    data = base64.b64encode(jpeg).decode()
    return f'<img alt="{escape(label)}" src="data:image/jpeg;base64,{data}">'


_STYLE: Final = """
:root { color-scheme: light dark; --paper: #f6f5f2; --card: #fff; --ink: #1d1d1f; --soft: #6b6b70;
  --line: #e2e0da; --red: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17181a; --card: #222326; --ink: #ececee; --soft: #9b9ba1; --line: #35363a;
    --red: #ff8a80 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.5rem; max-width: 110rem; background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.4rem }
header p, footer { margin: .25rem 0 1.5rem; color: var(--soft) }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)) }
article { padding: .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  break-inside: avoid }
h2 { margin: 0 0 .6rem; font-size: .95rem; font-weight: 600; overflow-wrap: anywhere }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; margin-bottom: .4rem }
.pair img, .none { width: 100%; height: 13rem; border-radius: 5px; background: var(--paper) }
.pair img { object-fit: contain }
.none { display: grid; place-items: center; color: var(--soft); border: 1px dashed var(--line) }
article p { margin: .4rem 0 0; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere }
article p.error { color: var(--red) }
footer { margin-top: 1.5rem; font-size: .85rem }
"""

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p>{told}; before on the left, after on the right</p></header>
<main>
{cards}
</main>
<footer>The faces in the pictures on the right were swapped by a machine.</footer>
</body>
</html>
"""
