"""What a label may say, and that it is told before anything is done where it cannot be painted."""

import pickle

import pytest

from pipeline.label.label import SIZE, Label, label_in
from pipeline.label.words import WORDS, Language


@pytest.mark.parametrize("language", WORDS)
def test_the_words_of_every_language_can_be_written_and_fit_at_the_usual_size(language: Language) -> None:
    label = label_in(language, "top-left")
    assert label.text == WORDS[language].sentence
    Label(corner="top-left", text=label.short, short=label.short)


def test_the_chinese_words_have_what_the_standard_asks_for() -> None:
    """GB 45438-2025: that it was artificial intelligence, and that it generated or synthesised; 5 %."""
    words = WORDS["zh"].sentence
    assert "AI" in words or "人工智能" in words
    assert "生成" in words or "合成" in words
    assert SIZE >= 0.05


def test_letters_that_the_font_lacks_are_named() -> None:
    with pytest.raises(ValueError, match=r"has no 한 😀; it has the letters of"):
        label_in("en", "top-left", text="한AI😀한")


def test_letters_that_are_put_together_of_two_are_taken_as_one() -> None:
    assert label_in("fr", "top-left", text="Modifie\u0301").text == "Modifié"


def test_a_text_that_is_wider_than_a_square_picture_is_refused() -> None:
    text = "Faces in this picture were replaced"
    with pytest.raises(ValueError, match=r"times as wide as a square picture; shorten it, or make it"):
        label_in("en", "top-left", text=text)
    assert label_in("en", "top-left", text=text, size=0.03).text == text


def test_a_label_is_the_same_in_another_process() -> None:
    label = label_in("de", "bottom-right")
    assert pickle.loads(pickle.dumps(label)) == label  # noqa: S301 -- our own
