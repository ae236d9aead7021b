"""`python -m tests.quality.content`: how many harmless pictures the content filter suspects.

They are the two portraits, all that the quality report makes of them, and pictures made by code: known
to be harmless, and to be shown to anybody. How much the filter misses cannot be measured with such pictures.
"""

import sys
from collections.abc import Iterator
from statistics import median

import cv2
import numpy as np

from consumer.config.environment import load_settings
from consumer.config.settings import Settings
from consumer.engines.model_files import open_model_store
from consumer.engines.registry import CONTENT_MODEL
from models.errors import ModelMissing
from models.session import open_session
from pipeline.content import ContentModel
from pipeline.face import Bgr
from tests.bench.report import Row, row
from tests.quality.scene import PORTRAITS
from tests.quality.variants import variants
from tests.support.pictures import scene, texture

_FLAG_FROM = Settings().content_flag_from


def of_portraits() -> Iterator[tuple[str, Bgr]]:
    """Each portrait in every way that the quality report knows."""
    for who in PORTRAITS:
        for variant in variants(who):
            yield f"{who}, {variant.kind} {variant.name}", variant.make().picture


def made_by_code() -> Iterator[tuple[str, Bgr]]:
    """Gradients, noise, blobs, stripes and writing, also in the colours of skin."""
    rng = np.random.default_rng(1)
    for number in range(40):
        width, height = rng.integers(120, 900, 2).tolist()
        colours = [rng.integers(0, 256, 3).tolist() for _ in range(3)]
        if number % 2:  # from pale to dark, BGR
            colours = [(np.array((130, 160, 220)) * share).astype(int).tolist() for share in (1.1, 0.8, 0.45)]
        picture = np.full((height, width, 3), colours[0], np.uint8)
        for _ in range(12):
            x, y, radius = rng.integers(0, [width, height, 90]).tolist()
            cv2.circle(picture, (x, y), radius + 4, colours[1 + number % 2], -1, cv2.LINE_AA)
        soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1 + number % 20), np.uint8)
        yield f"blobs {number}", soft
        cv2.putText(picture, "swapdrop", (10, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 2, colours[2], 5)
        yield f"writing {number}", picture
    for side in (64, 300, 1200):
        yield f"gradients {side}", scene(side, side)
        yield f"noise {side}", texture(side, side)
    for level in range(0, 256, 32):
        yield f"grey {level}", np.full((200, 200, 3), level, np.uint8)


def scored() -> Iterator[tuple[str, dict[str, float]]]:
    """Each kind of pictures, and how sure the filter is of each; raises ModelMissing."""
    model = ContentModel(open_session(open_model_store(load_settings()).require(CONTENT_MODEL).path))
    for title, pictures in (("portraits", of_portraits()), ("made by code", made_by_code())):
        yield title, {name: model.score(picture) for name, picture in pictures}


def content_rows() -> Iterator[Row]:
    """How many of them it would flag, and how near the worst comes; nothing where its file is not here."""
    try:
        for title, scores in scored():
            flagged = sum(score >= _FLAG_FROM for score in scores.values())
            yield row(f"content filter: flagged of {len(scores)} {title}", flagged, "pictures", at_most=0)
            yield row(f"content filter: its highest guess, {title}", max(scores.values()), "of 1")
    except ModelMissing as error:
        sys.stderr.write(f"The content filter is not judged: {error}\n")


def main() -> int:
    """Print the figures, and which pictures come nearest; 1 where the file is not here."""
    try:
        for title, scores in scored():
            sys.stdout.write(f"{title}: {len(scores)} pictures, median {median(scores.values()):.3f}\n")
            for name in sorted(scores, key=lambda each: -scores[each])[:5]:
                sys.stdout.write(f"  {scores[name]:.3f} {name}\n")
    except ModelMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
