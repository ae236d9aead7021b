"""When a reading counts as a watermark, and which of several does."""

import numpy as np
import pytest

from pipeline.face import Array, Bgr
from pipeline.watermark.find import ALIKE, SURE, Reading, confidence_of, read_best
from pipeline.watermark.ids import to_bits
from pipeline.watermark.network import Decoder


class Told(Decoder):
    """A decoder that reads what it is told, one picture after the other, and nothing in what is blurred."""

    def __init__(self, *logits: Array) -> None:
        self._logits = [each for told in logits for each in (told, told * 0)]

    def read(self, small: Bgr) -> Array:
        del small
        return self._logits.pop(0)


def logits(mark_id: str, strength: float) -> Array:
    return (to_bits(mark_id) * 2 - 1) * strength


def reading(*told: Array, expected: str | None = None) -> Reading:
    blank = np.zeros((2, 2, 3), np.uint8)
    found = read_best(Told(*told), [blank] * len(told), expected=expected)
    assert found is not None
    return found


def test_what_is_sure_counts_although_nobody_expects_it_and_what_is_not_does_not() -> None:
    assert reading(logits("00ff00ff", SURE + 0.1)).is_there
    assert not reading(logits("00ff00ff", SURE - 0.1)).is_there
    assert not reading(logits("00ff00ff", SURE + 0.1)).matches


@pytest.mark.parametrize(("wrong", "matches"), [(0, True), (32 - ALIKE, True), (33 - ALIKE, False)])
def test_an_unsure_one_counts_where_it_is_nearly_the_one_that_is_expected(
    wrong: int, *, matches: bool
) -> None:
    expected = f"{(1 << wrong) - 1:08x}"
    found = reading(logits("00000000", 0.5), expected=expected)
    assert (found.agrees, found.matches, found.is_there) == (32 - wrong, matches, matches)


def test_what_a_blur_leaves_as_clear_was_never_hidden() -> None:
    """Large letters on flat ground look like bits to the network, and go on doing so."""
    seen = logits("12345678", 12)
    assert confidence_of(seen, seen * 0.9) < SURE < confidence_of(seen, seen * 0.4)


def test_of_several_pictures_the_surest_counts_or_the_one_that_is_expected() -> None:
    several = logits("00000001", 3), logits("00000002", 9), logits("00000004", 6)
    assert reading(*several).mark_id == "00000002"
    assert reading(*several, expected="00000004").mark_id == "00000004"


def test_of_no_picture_nothing_is_read() -> None:
    assert read_best(Told(), [], expected=None) is None
