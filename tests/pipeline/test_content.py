"""What the content filter is shown, what follows from its guess, and that it keeps how sure it was."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.session import open_session
from pipeline.content import ContentCheck, ContentModel, TargetContent, content_input
from pipeline.errors import ContentRejected
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.target import open_target
from pipeline.swap.inputs import TargetFrames
from pipeline.swap.timing import Timings
from tests.support.content import (
    DOUBTFUL,
    HARMLESS,
    SHOCKING,
    CornerScorer,
    build_content_model,
    content_check,
)
from tests.support.engines import png
from tests.support.pictures import save


def one_colour(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Bgr:
    return np.full((height, width, 3), colour, np.uint8)


def test_the_network_is_shown_bgr_less_the_means() -> None:
    shown = content_input(one_colour((200, 120, 40), 640, 480))
    assert shown.shape == (224, 224, 3)
    assert shown.dtype == np.float32
    assert shown.flags.c_contiguous
    assert shown.reshape(-1, 3).mean(axis=0) == pytest.approx((200 - 104, 120 - 117, 40 - 123), abs=2)


def test_the_network_is_shown_the_middle_of_the_whole_picture() -> None:
    """Squeezed to 256 x 256, of which 16 at each edge are left out."""
    picture = one_colour((0, 0, 0), 512, 1024)
    picture[:, :28] = 255  # 14 of 256: beyond what is shown
    picture[:512, 256:] = 255
    shown = content_input(picture) + np.array((104, 117, 123))
    assert shown[20:92, 130:].mean() > 240
    assert shown[132:, 20:].mean() < 15
    assert shown[132:, 0].mean() < 60


def test_the_likelihood_is_the_second_output(tmp_path: Path) -> None:
    model = ContentModel(open_session(build_content_model(tmp_path / "open-nsfw.onnx")))
    assert model.score(one_colour((0, 204, 0))) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("colour", "suspect"), [(HARMLESS, False), (DOUBTFUL, True)])
def test_what_is_doubtful_is_flagged(colour: tuple[int, int, int], *, suspect: bool) -> None:
    assert content_check().is_suspect(one_colour(colour)) == suspect


def test_what_is_beyond_doubt_is_refused_or_where_nothing_is_blocked_flagged() -> None:
    with pytest.raises(ContentRejected) as refused:
        content_check().is_suspect(one_colour(SHOCKING))
    assert not any(sign.isdigit() for sign in str(refused.value))
    assert content_check(block=False).is_suspect(one_colour(SHOCKING))


@pytest.mark.parametrize(
    ("score", "becomes"), [(0.4999, "fine"), (0.5, "flagged"), (0.7999, "flagged"), (0.8, "blocked")]
)
def test_the_thresholds_themselves_count(score: float, becomes: str) -> None:
    class Certain:
        def score(self, _: Bgr) -> float:
            return score

    check = ContentCheck(Certain, flag_from=0.5, block_from=0.8)
    try:
        found = "flagged" if check.is_suspect(one_colour(HARMLESS)) else "fine"
    except ContentRejected:
        found = "blocked"
    assert found == becomes


def test_a_flagged_source_says_so_beside_what_it_said_before() -> None:
    picture = decode(png(one_colour(DOUBTFUL)), Limits())
    (notice,) = content_check().source(picture).notices
    assert (notice.code, notice.message) == (
        "content_flagged",
        "The source picture may show nudity or sexual content.",
    )


@pytest.mark.parametrize("ground", [0, 255])
def test_what_is_seen_through_alpha_alone_is_looked_at(ground: int) -> None:
    """Pixels of one colour whose picture is in the alpha channel: a viewer shows it on its own ground."""

    class Bright:
        """Rejects what is neither all dark nor all light."""

        def score(self, bgr: Bgr) -> float:
            return 0.9 if 60 < bgr.mean() < 190 else 0.0

    def check() -> ContentCheck:
        return ContentCheck(Bright, flag_from=0.5, block_from=0.8)

    alpha = np.full((48, 64), 100, np.uint8)
    file = save(Image.fromarray(np.dstack((one_colour((ground,) * 3), alpha))), "PNG")
    with pytest.raises(ContentRejected):
        check().source(decode(file, Limits()))
    frames = TargetFrames(open_target(file, Limits()), Timings(), check())
    with pytest.raises(ContentRejected):
        frames.read()


def test_a_picture_that_covers_all_is_looked_at_once() -> None:
    scorer = CornerScorer()
    for alpha in (None, np.full((48, 64), 255, np.uint8)):
        assert not content_check(scorer).is_suspect(one_colour(HARMLESS), alpha)
    assert scorer.looked == 2


@pytest.mark.parametrize(("total", "looks"), [(1, 1), (2, 2), (64, 64), (65, 33), (1000, 63)])
def test_of_what_moves_64_frames_at_most_are_looked_at_evenly_spread(total: int, looks: int) -> None:
    scorer = CornerScorer()
    content = TargetContent(content_check(scorer), total=total)
    for _ in range(total):
        content.look(one_colour(HARMLESS))
    assert scorer.looked == looks
    assert content.notices == ()


def test_suspect_frames_are_named_and_a_picture_is_none() -> None:
    content = TargetContent(content_check(), total=3)
    for colour in (HARMLESS, DOUBTFUL, DOUBTFUL):
        content.look(one_colour(colour))
    assert [notice.message for notice in content.notices] == [
        "The target (frame 2 and frame 3) may show nudity or sexual content."
    ]
    picture = TargetContent(content_check())
    picture.look(one_colour(DOUBTFUL))
    assert [notice.message for notice in picture.notices] == ["The target may show nudity or sexual content."]
