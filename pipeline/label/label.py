"""What is painted onto results, where and how large; checked once, before anything is done."""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.label.line import Line, has_glyph
from pipeline.label.words import WORDS, Language

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

SIZE: Final = 0.05
"""GB 45438-2025 asks of pictures and videos that letters are at least so high, of their shorter side."""
_SHORTER_SIDE: Final = 1000
"""Of a picture by which a text is measured; all is in proportion."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A label: data, which can be sent to another process.

    Attributes:
        corner: where it stands.
        text: what it says, in one line.
        short: what it says where there is no room for that.
        size: how high its capitals are, of the shorter side of what it is painted on.

    Raises:
        ValueError: there is a letter that the font lacks, or the text is too long for a square picture.
    """

    corner: Corner
    text: str
    short: str
    size: float = SIZE

    def __post_init__(self) -> None:
        lacks = dict.fromkeys(letter for letter in self.text if not has_glyph(letter))
        if lacks:
            raise ValueError(
                f"the label's font has no {' '.join(lacks)}; it has the letters of western Europe, Greek and "
                "Russian, kana, and of Chinese characters those that say that something is altered"
            )
        width = Line(self.text, self.size * _SHORTER_SIDE).room[0]
        if width > _SHORTER_SIDE:
            raise ValueError(
                f"at {self.size:g} of the shorter side the label {self.text!r} would be "
                f"{width / _SHORTER_SIDE:.2f} times as wide as a square picture; shorten it, or make it "
                "smaller"
            )


def label_in(language: Language, corner: Corner, *, text: str | None = None, size: float = SIZE) -> Label:
    """A label with a text of one's own, else the one of a language; raises ValueError as `Label`."""
    words = WORDS[language]
    said = words.sentence if text is None else unicodedata.normalize("NFC", text)
    return Label(corner=corner, text=said, short=words.short, size=size)
