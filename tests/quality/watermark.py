"""`python -m tests.quality.watermark`: what watermarks outlast, and how often one is seen where none is.

On the two portraits in every way that the quality report knows, and on pictures made by code, see
`tests.quality.content`. It takes some minutes: every reading runs the network twice.
"""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Final

import av
import cv2
import numpy as np

from consumer.config.environment import load_settings
from consumer.engines.model_files import open_model_store
from consumer.engines.registry import WATERMARK_DECODER, WATERMARK_ENCODER
from models.errors import ModelMissing
from models.session import open_session
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.watermark.embed import Watermarker, has_room
from pipeline.watermark.find import ALIKE, SURE, Reading, read_best
from pipeline.watermark.ids import id_of
from pipeline.watermark.network import Decoder, Encoder
from tests.quality.content import made_by_code, of_portraits

_CROPPED: Final = 0.05
_EVERY: Final = 6
"""Of the pictures that are marked: each is read five times."""


def as_jpeg(bgr: Bgr) -> Bgr:
    """Through a JPEG of quality 80."""
    body = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return np.asarray(cv2.imdecode(body, cv2.IMREAD_COLOR), np.uint8)


def halved(bgr: Bgr) -> Bgr:
    """Half as wide and high."""
    return np.asarray(cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def cropped(bgr: Bgr) -> Bgr:
    """Without a twentieth of each side's length."""
    across, down = (round(side * _CROPPED / 2) for side in (bgr.shape[1], bgr.shape[0]))
    return np.ascontiguousarray(bgr[down : bgr.shape[0] - down, across : bgr.shape[1] - across])


def as_film(bgr: Bgr) -> Bgr:
    """Through x264 at its usual quality, as the first frame of a film."""
    height, width = (side & ~1 for side in bgr.shape[:2])
    with io.BytesIO() as file:
        with av.open(file, "w", format="mp4") as out:
            stream = out.add_stream("libx264", rate=25, options={"crf": "23", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr[:height, :width]), format="bgr24")
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        file.seek(0)
        with av.open(file, "r") as made:
            return np.asarray(next(made.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)


SPOILT: Final[Mapping[str, Callable[[Bgr], Bgr]]] = {
    "as it is": lambda bgr: bgr,
    "JPEG q80": as_jpeg,
    "half size": halved,
    "5 % cropped": cropped,
    "x264 crf 23": as_film,
}


def outlasted(
    encoder: Encoder, decoder: Decoder, pictures: Iterator[tuple[str, Bgr]]
) -> tuple[Mapping[str, list[Reading]], list[float]]:
    """What is read of marked pictures after each thing that is done to them, and their PSNR in dB."""
    hider = Watermarker(lambda: encoder, model="")
    found: dict[str, list[Reading]] = {name: [] for name in SPOILT}
    psnr = []
    for title, bgr in islice(pictures, 0, None, _EVERY):
        if not has_room(bgr.shape[1], bgr.shape[0]):
            continue
        mark_id = id_of(title)
        picture = Picture(bgr=bgr.copy(), alpha=None, media=MEDIA_TYPES["png"])
        hider.on_picture(picture, mark_id)
        psnr.append(cv2.PSNR(bgr, picture.bgr))
        for name, spoil in SPOILT.items():
            reading = read_best(decoder, [spoil(picture.bgr)], expected=mark_id)
            found[name] += [reading] if reading else []
    return found, psnr


def _tell(title: str, found: Mapping[str, Sequence[Reading]], psnr: Sequence[float]) -> None:
    sys.stdout.write(f"{title}: {len(psnr)} marked, PSNR {median(psnr):.1f} dB, at least {min(psnr):.1f}\n")
    for name, readings in found.items():
        known = sum(each.matches for each in readings)
        sure = sum(each.confidence >= SURE for each in readings)
        whole = sum(each.agrees == 32 for each in readings)
        sys.stdout.write(
            f"  {name}: {known} known by their id ({ALIKE} bits), {sure} by confidence, {whole} whole\n"
        )


def main() -> int:
    """Print the figures; 1 where the files are not here."""
    store = open_model_store(load_settings())
    try:
        encoder = Encoder(open_session(store.require(WATERMARK_ENCODER).path))
        decoder = Decoder(open_session(store.require(WATERMARK_DECODER).path))
    except ModelMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for title, pictures in (("portraits", of_portraits), ("made by code", made_by_code)):
        _tell(title, *outlasted(encoder, decoder, pictures()))
        plain = {name: read_best(decoder, [bgr], expected=id_of(name)) for name, bgr in pictures()}
        readings = {name: reading for name, reading in plain.items() if reading}
        sure = sum(each.confidence >= SURE for each in readings.values())
        known = sum(each.matches for each in readings.values())
        sys.stdout.write(f"  without: of {len(readings)} {sure} by confidence, {known} by a wrong id\n")
        for name in sorted(readings, key=lambda each: -readings[each].confidence)[:5]:
            sys.stdout.write(f"    {readings[name].confidence:.2f} {name}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
